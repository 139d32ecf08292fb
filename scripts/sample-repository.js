// Makes a repository of recipes, as one looks that uses the action: node scripts/sample-repository.js FOLDER [COMMAND].
// On `main` a script with its lock, its record and its picture; on `change` the script asks for something else, with the same three made anew.
// COMMAND runs lacec (default: that of this clone). Prints the two commits as JSON: {"base": ..., "head": ...}.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [folder, given] = process.argv.slice(2);
if (folder === undefined) throw new Error("name a folder");
const cwd = resolve(folder);
const main = join(dirname(fileURLToPath(import.meta.url)), "../dist/cli/main.js");
const [program, ...first] = given === undefined ? [process.execPath, main] : given.split(" ");
const lacec = (...words) =>
  execFileSync(program, [...first, ...words], { cwd, stdio: ["ignore", "ignore", "inherit"] });
const git = (...words) =>
  execFileSync("git", ["-c", "user.name=sample", "-c", "user.email=sample@example.org", ...words], {
    cwd,
    encoding: "utf8",
  }).trim();

const script = (where) => `lace 1

model avatar from "builtin:avatar"

sample portrait from avatar {
  where ${where}
  count 2
  seed 5
}

save portrait to "pictures/portrait.png" as grid
`;
function commit(where, message) {
  writeFileSync(join(cwd, "portrait.lace"), script(where));
  lacec("run", "portrait.lace", "--engine", "tfjs-wasm", "--no-cache", "--quiet");
  git("add", ".");
  git("commit", "-qm", message);
  return git("rev-parse", "HEAD");
}

mkdirSync(cwd, { recursive: true });
git("init", "-q", "-b", "main");
writeFileSync(join(cwd, ".gitignore"), ".lace/\nlacec-out/\n");
const base = commit("glasses", "A portrait with glasses");
git("checkout", "-qb", "change");
const head = commit("2 * glasses and smile", "and a smile");
console.log(JSON.stringify({ base, head }));
