// The action: checks, formats, verifies and runs the scripts of a repository, and says on a pull request what changes in meaning.
// In: the environment that the runner gives (action.yml, the event). Out: annotations, a summary, a comment; it fails if a step did.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "@actions/core";
import { comment, keepSheet, type Forge } from "./forge.js";
import { call, installLacec } from "./lacec.js";

const env = (name: string): string => process.env[name] ?? "";
const words = (name: string): readonly string[] =>
  core
    .getInput(name)
    .split(/\s+/)
    .filter((word) => word !== "");

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}
interface Report {
  readonly diagnostics: readonly {
    readonly code: string;
    readonly severity: string;
    readonly message: string;
    readonly place: Place | null;
  }[];
}
interface PullRequest {
  readonly number: number;
  readonly base: { readonly sha: string };
  readonly head: { readonly sha: string };
}

/** The scripts that git knows and the patterns name. */
async function scriptsOf(patterns: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await call(["git", "ls-files", "-z"], ["--", ...patterns.map((p) => `:(glob)${p}`)]);
  if (code !== 0) throw new Error(`git cannot list the scripts: ${err}`);
  return out.split("\0").filter((file) => file !== "");
}

async function check(lacec: readonly string[], scripts: readonly string[], temporary: string): Promise<boolean> {
  const [{ code, out }, log] = [
    await call(lacec, ["check", "--json", ...scripts]),
    await call(lacec, ["check", "--sarif", ...scripts]),
  ];
  const sarif = join(temporary, "lacec.sarif");
  writeFileSync(sarif, log.out);
  core.setOutput("sarif", sarif);
  for (const { code: id, severity, message, place } of (JSON.parse(out) as Report).diagnostics) {
    const say = severity === "error" ? core.error : core.warning;
    say(`${id}: ${message}`, {
      title: `lacec ${id}`,
      ...(place !== null && {
        file: place.file,
        startLine: place.line,
        endLine: place.endLine,
        ...(place.line === place.endLine && { startColumn: place.column, endColumn: place.endColumn }),
      }),
    });
  }
  return code === 0;
}

/** Scripts with a committed record are run again and compared with it; without one there is nothing to verify. */
async function verify(lacec: readonly string[], scripts: readonly string[], engine: string): Promise<boolean> {
  let ok = true;
  for (const script of scripts) {
    const { code, out, err } = await call(lacec, [
      "verify",
      script,
      "--quiet",
      ...(engine === "auto" ? [] : ["--engine", engine]),
    ]);
    if (err.includes("[L5310]") || err.includes("[L5001]"))
      core.notice(`${script} has no run.json that it could be compared with`, { file: script });
    else {
      process.stdout.write(`${script}\n${out}${err}`);
      if (code !== 0) ok = false;
    }
  }
  return ok;
}

/** What a pull request changes in meaning, as Markdown; undefined: nothing. */
async function differences(
  lacec: readonly string[],
  scripts: readonly string[],
  pull: PullRequest,
  { forge, engine, temporary }: { readonly forge: Forge; readonly engine: string; readonly temporary: string },
): Promise<string | undefined> {
  const { base, head } = pull;
  const known = await call(["git", "cat-file", "-e"], [`${base.sha}^{commit}`]);
  if (known.code !== 0) await call(["git", "fetch", "--no-tags", "--depth=1", "origin"], [base.sha], true);
  const { out } = await call(["git", "diff", "--name-only", "-z"], [base.sha, "HEAD"]);
  const changed = new Set(out.split("\0"));
  const sections: string[] = [];
  for (const script of scripts.filter((s) => changed.has(s))) {
    const sheet = join(temporary, `${createHash("sha256").update(script).digest("hex").slice(0, 12)}.png`);
    const said = await call(lacec, ["diff", base.sha, script, "--images", sheet, "--engine", engine]);
    const text = said.code === 0 ? said.out.replace(/^wrote .*\n/m, "") : said.err;
    const lines = [`### \`${script.replaceAll("`", "")}\``, "", ...fenced(text), ""];
    if (existsSync(sheet)) {
      const name = `${pull.number}/${head.sha.slice(0, 12)}/${script.replace(/[^\w./-]/g, "_")}.png`;
      const base64 = readFileSync(sheet).toString("base64");
      const address = await keepSheet(forge, core.getInput("sheets-branch"), { path: name, base64, from: base.sha });
      lines.push(
        address === undefined
          ? "*The sheet could not be kept: the token may not write to the repository.*"
          : `![before and after](${address})`,
        "",
      );
    }
    sections.push(lines.join("\n"));
  }
  return sections.length === 0 ? undefined : ["## What changes in meaning", "", ...sections].join("\n");
}

/** Text of scripts between fences that it cannot end. */
function fenced(text: string): readonly string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return [fence, text.trimEnd(), fence];
}

async function main(): Promise<void> {
  const temporary = mkdtempSync(join(env("RUNNER_TEMP") || tmpdir(), "lacec-"));
  const scripts = await scriptsOf(words("scripts"));
  if (scripts.length === 0) {
    core.notice("no script matches");
    return;
  }
  const install = join(env("RUNNER_TEMP") || tmpdir(), "lacec-install");
  const lacec = await installLacec(core.getInput("command"), core.getInput("package"), install);
  const [steps, engine, out] = [words("steps"), core.getInput("engine"), core.getInput("out")];
  const results: [string, boolean][] = [];
  const step = async (name: string, work: () => Promise<boolean>): Promise<void> => {
    if (steps.includes(name)) results.push([name, await core.group(name, work)]);
  };
  await step("check", () => check(lacec, scripts, temporary));
  await step("format", async () => (await call(lacec, ["fmt", "--check", ...scripts], true)).code === 0);
  // Only what checks is run.
  if (results.every(([name, ok]) => name !== "check" || ok)) {
    await step("verify", () => verify(lacec, scripts, engine));
    await step("run", async () => {
      mkdirSync(out, { recursive: true });
      return (await call(lacec, ["run", ...scripts, "--frozen", "--out", out, "--engine", engine], true)).code === 0;
    });
  }
  const event = existsSync(env("GITHUB_EVENT_PATH"))
    ? (JSON.parse(readFileSync(env("GITHUB_EVENT_PATH"), "utf8")) as { readonly pull_request?: PullRequest })
    : {};
  const table = ["| step | |", "|---|---|", ...results.map(([name, ok]) => `| ${name} | ${ok ? "✓" : "failed"} |`), ""];
  let said = table.join("\n");
  const pull = event.pull_request;
  if (pull !== undefined) {
    const forge: Forge = {
      api: env("GITHUB_API_URL"),
      server: env("GITHUB_SERVER_URL"),
      repository: env("GITHUB_REPOSITORY"),
      token: core.getInput("token"),
    };
    const changes = await core.group("diff", () => differences(lacec, scripts, pull, { forge, engine, temporary }));
    said += `\n${changes ?? "Nothing changes in meaning.\n"}`;
    if (core.getInput("comment") === "true" && forge.token !== "" && !(await comment(forge, pull.number, said)))
      core.warning("the comment could not be written: the token may not (pull-requests: write)");
  }
  if (env("GITHUB_STEP_SUMMARY") !== "") await core.summary.addRaw(said).write();
  const failed = results.filter(([, ok]) => !ok).map(([name]) => name);
  if (failed.length > 0) core.setFailed(`failed: ${failed.join(", ")}`);
}

main().catch((error: unknown) => core.setFailed(error instanceof Error ? error.message : String(error)));
