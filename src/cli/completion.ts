// lacec completion: what a shell needs to complete verbs, options and their words; made from the program itself, so that it cannot fall behind.
// In: the program and the name of a shell. Out: a script for that shell on standard output.
import type { Command, Option } from "commander";
import { UsageError } from "../app/verb.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

/** A verb as shells see it: `models add` is one of its own. */
interface Verb {
  readonly words: readonly string[];
  readonly description: string;
  readonly options: readonly Option[];
}

const SHELLS: Readonly<Record<string, (verbs: readonly Verb[]) => string>> = { bash, zsh, fish };

/** `lacec completion SHELL` of a program. */
export function completionCommand(program: Command): (io: Io, shell: string) => Promise<ExitCode> {
  return (io, shell) => {
    const script = SHELLS[shell]?.(verbsOf(program));
    if (script === undefined)
      throw new UsageError(`lacec completes for ${Object.keys(SHELLS).join(", ")}, and ${shell} is none of them`);
    io.file(script);
    return Promise.resolve(EXIT.done);
  };
}

/** The verbs of a program in its order, with what is below them. */
function verbsOf(program: Command, above: readonly string[] = []): readonly Verb[] {
  return program.commands.flatMap((command) => {
    const words = [...above, command.name()];
    const options = command.options.filter((o) => !o.hidden);
    return [{ words, description: command.description(), options }, ...verbsOf(command, words)];
  });
}

/** `--out`, `-o`. */
function flagsOf({ long, short }: Option): readonly string[] {
  return [long, short].flatMap((flag) => flag ?? []);
}

function belowOf(verbs: readonly Verb[], words: readonly string[]): readonly Verb[] {
  return verbs.filter((v) => v.words.length === words.length + 1 && words.every((word, k) => v.words[k] === word));
}

/** Text between single quotes of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map(({ words, options }) => {
    const known = [...belowOf(verbs, words).map((v) => v.words.at(-1) ?? ""), ...options.flatMap(flagsOf), "--help"];
    const chosen = options.flatMap((o) =>
      o.argChoices === undefined ? [] : [`      ${flagsOf(o).join("|")}) words=${quoted(o.argChoices.join(" "))} ;;`],
    );
    const choices = chosen.length === 0 ? [] : ['      case "$previous" in', ...chosen, "      esac"];
    return [`    ${quoted(words.join(" "))})`, `      words=${quoted(known.join(" "))}`, ...choices, "      ;;"].join(
      "\n",
    );
  });
  const first = belowOf(verbs, []).map((v) => v.words[0] ?? "");
  const groups = first.filter((word) => belowOf(verbs, [word]).length > 0);
  return `# lacec completion bash: eval "$(lacec completion bash)"
_lacec() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" verb="" words=""
  if (( COMP_CWORD > 1 )); then
    verb="\${COMP_WORDS[1]}"
    case "$verb" in
      ${groups.join("|")}) if (( COMP_CWORD > 2 )); then verb="$verb \${COMP_WORDS[2]}"; fi ;;
    esac
  fi
  case "$verb" in
    '') words=${quoted([...first, "--help", "--version"].join(" "))} ;;
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -o bashdefault -F _lacec lacec
`;
}

function zsh(verbs: readonly Verb[]): string {
  const described = (list: readonly Verb[]): string =>
    list.map((v) => quoted(`${v.words.at(-1) ?? ""}:${v.description.replaceAll(":", "\\:")}`)).join(" ");
  const brackets = (text: string): string => text.replace(/[[\]:\\]/g, "\\$&");
  const cases = verbs
    .filter(({ words }) => words.length === 1)
    .map(({ words, options }) => {
      const below = belowOf(verbs, words);
      const own = options.flatMap((o) =>
        flagsOf(o).map((flag) => {
          const value =
            o.required || o.optional ? `:${o.name()}:${o.argChoices ? `(${o.argChoices.join(" ")})` : "_files"}` : "";
          return quoted(`*${flag}[${brackets(o.description)}]${value}`);
        }),
      );
      const rest = below.length === 0 ? quoted("*:file:_files") : "";
      const inner =
        below.length === 0
          ? ""
          : `\n      local -a below; below=(${described(below)}); (( CURRENT == 3 )) && _describe verb below`;
      return `    ${words.join(" ")})${inner}\n      _arguments ${[...own, rest].filter((s) => s !== "").join(" ")} ;;`;
    });
  return `#compdef lacec
# lacec completion zsh > a folder of $fpath/_lacec
_lacec() {
  local -a verbs
  verbs=(${described(belowOf(verbs, []))})
  if (( CURRENT == 2 )); then _describe verb verbs; return; fi
  case "$words[2]" in
${cases.join("\n")}
  esac
}
if [[ "$funcstack[1]" == _lacec ]]; then _lacec "$@"; else compdef _lacec lacec; fi
`;
}

function fish(verbs: readonly Verb[]): string {
  const lines = verbs.flatMap(({ words, description, options }) => {
    const [verb = ""] = words;
    const seen = `__fish_seen_subcommand_from ${verb}`;
    const when = words.length === 1 ? "__fish_use_subcommand" : seen;
    const own = options.map((o) => {
      const names = [o.long && `-l ${o.long.replace(/^--/, "")}`, o.short && `-s ${o.short.slice(1)}`];
      const value = o.required || o.optional ? ["-r"] : [];
      const choices = o.argChoices === undefined ? [] : [`-f -a ${quoted(o.argChoices.join(" "))}`];
      const parts = [...names.filter(Boolean), ...value, ...choices, `-d ${quoted(o.description)}`];
      return `complete -c lacec -n ${quoted(words.length === 1 ? seen : `${seen}; and __fish_seen_subcommand_from ${words[1] ?? ""}`)} ${parts.join(" ")}`;
    });
    return [`complete -c lacec -n ${quoted(when)} -a ${words.at(-1) ?? ""} -d ${quoted(description)}`, ...own];
  });
  return `# lacec completion fish > ~/.config/fish/completions/lacec.fish\n${lines.join("\n")}\n`;
}
