// lacec git: what git calls for pictures that carry recipes, and the configuration that makes it do so.
// Exit of merge: 0 merged, 1 a conflict (ours is left as it is), as git wants it of a merge driver.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { diffPictures, mergePictures, pictureText } from "../app/pictures.js";
import { UsageError } from "../app/verb.js";
import { failure } from "../source/diagnostic.js";
import { command, type Flags } from "./command.js";
import { describeDifferences } from "./diff.js";
import { EXIT } from "./exit.js";

interface PictureFlags extends Flags {
  readonly model?: Readonly<Record<string, string>>;
}

/** `lacec git textconv PICTURE` */
export const textconvCommand = command({}, async ({ io, platform }, file: string, options: PictureFlags) => {
  io.file(await pictureText(platform, file, { models: options.model ?? {} }));
  return EXIT.done;
});

const NONE = "/dev/null";

/** `lacec git diff PATH OLD OLD-HEX OLD-MODE NEW NEW-HEX NEW-MODE`: the words of git's external diff. */
export const pictureDiffCommand = command(
  {},
  async ({ io, platform }, words: readonly string[], options: PictureFlags) => {
    const [path = "", before, , , after] = words;
    if (before === undefined || after === undefined)
      throw new UsageError("git calls this, with a path and two files; lacec show prints the recipe of one picture");
    io.out(`${io.outColors.bold(`lacec diff ${path}`)}\n`);
    const models = options.model ?? {};
    if (before === NONE || after === NONE) {
      const text = await pictureText(platform, before === NONE ? after : before, { models });
      const [mark, said] = before === NONE ? ["+", "is new"] : ["-", "is gone"];
      io.out(`${said}\n${text.trimEnd().replace(/^/gm, mark)}\n`);
      return EXIT.done;
    }
    io.out(describeDifferences(await diffPictures(platform, before, after, { models }), io));
    return EXIT.done;
  },
);

/** `lacec git merge BASE OURS THEIRS`: the words of git's merge driver; OURS becomes the merged picture. */
export const pictureMergeCommand = command(
  {},
  async (
    { io, platform, watch },
    base: string,
    ours: string,
    theirs: string,
    options: PictureFlags & { readonly path?: string },
  ) => {
    const models = options.model ?? {};
    const merged = await mergePictures(platform, { base, ours, theirs }, { ...watch, models });
    const name = options.path ?? ours;
    if ("bytes" in merged) {
      await platform.host.writeAtomic(ours, merged.bytes);
      io.err(`${name}: made again of both recipes\n`);
      return EXIT.done;
    }
    io.err(`${name}: the recipes conflict\n${merged.conflicts.map((c) => `  ${c}\n`).join("")}`);
    return EXIT.missed;
  },
);

const PATTERNS = ["*.png", "*.webp", "*.jpg", "*.avif", "*.gif"];
const configOf = (lacec: string): readonly (readonly [key: string, value: string])[] => [
  ["diff.lace.textconv", `${lacec} git textconv`],
  ["diff.lace.command", `${lacec} git diff`],
  ["merge.lace.name", "pictures of lacec, made again of both recipes"],
  ["merge.lace.driver", `${lacec} git merge %O %A %B --path %P`],
];

/** What a shell calls this program by: its name where the path has it, else this very program (a clone, npx), by its own place. */
async function callable(): Promise<string> {
  const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;
  return promisify(execFile)("lacec", ["--version"]).then(
    () => "lacec",
    () => `${quoted(process.execPath)} ${quoted(process.argv[1] ?? "")}`,
  );
}

/** `lacec git setup`: writes .gitattributes of the working folder and the configuration of its clone. */
export const gitSetupCommand = command(
  {},
  async ({ io, platform }, options: Flags & { readonly pattern?: readonly string[] }) => {
    const { host } = platform;
    for (const [key, value] of configOf(await callable())) {
      await promisify(execFile)("git", ["config", key, value]).catch((error: unknown) => {
        throw failure("L5004", `git takes no configuration here: ${error instanceof Error ? error.message : ""}`, [
          "run it in a repository, with git installed",
        ]);
      });
      io.out(`git config ${key} "${value}"\n`);
    }
    const file = ".gitattributes";
    const before = (await host.exists(file)) ? await host.readText(file) : "";
    const lines = (options.pattern ?? PATTERNS).map((pattern) => `${pattern} diff=lace merge=lace`);
    const missing = lines.filter((line) => !before.split(/\r?\n/).includes(line));
    if (missing.length > 0) {
      const start = before === "" || before.endsWith("\n") ? before : `${before}\n`;
      await host.writeAtomic(file, `${start}${missing.join("\n")}\n`);
    }
    for (const line of lines) io.out(`${file}: ${line}\n`);
    return EXIT.done;
  },
);
