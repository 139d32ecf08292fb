// Installs the packed package as users do, and measures: node scripts/install-trial.js [TARBALL]. Prints one row of the table in docs/install.md.
// In: the tarball (default: `npm pack` of this clone, which must be built), npm's cache for what it depends on, and the Node that runs this. Three
// installations in empty folders: with scripts, without, and offline. In the second the command line is timed, and README's recipe is drawn.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = mkdtempSync(join(tmpdir(), "lacec-install-"));
const npm = (words, cwd) =>
  execFileSync("npm", words, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Bytes of all files below a folder. */
function bytesIn(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}
function install(name, ...flags) {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  writeFileSync(join(cwd, "package.json"), "{}");
  const begin = performance.now();
  npm(["install", "--no-audit", "--no-fund", ...flags, tarball], cwd);
  return { cwd, seconds: (performance.now() - begin) / 1000, megabytes: bytesIn(join(cwd, "node_modules")) / 1e6 };
}
/** The shortest of some runs, in milliseconds: what the machine does beside only adds. */
function fastest(cwd, runs, ...words) {
  const times = Array.from({ length: runs }, () => {
    const begin = performance.now();
    const main = join(cwd, "node_modules/lacec/dist/cli/main.js");
    const { status, stderr } = spawnSync(process.execPath, [main, ...words], { cwd, encoding: "utf8" });
    if (status !== 0) throw new Error(`lacec ${words.join(" ")}: exit ${status}\n${stderr}`);
    return performance.now() - begin;
  });
  return Math.min(...times);
}

let tarball;
try {
  const [given] = process.argv.slice(2);
  tarball =
    given === undefined
      ? join(
          folder,
          JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root)).at(0).filename,
        )
      : resolve(given);
  const plain = install("plain");
  const quiet = install("without-scripts", "--ignore-scripts");
  const offline = install("offline", "--ignore-scripts", "--offline");
  const lock = JSON.parse(readFileSync(join(plain.cwd, "package-lock.json"), "utf8"));
  const scripts = Object.entries(lock.packages)
    .filter(([, p]) => p.hasInstallScript)
    .map(([name]) => name);
  if (scripts.length > 0) throw new Error(`packages run scripts when they are installed: ${scripts.join(", ")}`);
  for (const file of ["portraits.lace"]) cpSync(join(root, "examples", file), join(quiet.cwd, file));
  const version = fastest(quiet.cwd, 10, "--version");
  const check = fastest(quiet.cwd, 10, "check", "portraits.lace");
  const first = fastest(quiet.cwd, 1, "run", "portraits.lace", "--no-cache", "--quiet");
  const warm = fastest(quiet.cwd, 3, "run", "portraits.lace", "--quiet");
  const cells = [
    process.version,
    `${plain.megabytes.toFixed(1)} MB, ${plain.seconds.toFixed(1)} s`,
    `${quiet.megabytes.toFixed(1)} MB, ${quiet.seconds.toFixed(1)} s`,
    `${offline.seconds.toFixed(1)} s`,
    `${version.toFixed(0)} ms`,
    `${check.toFixed(0)} ms`,
    `${(first / 1000).toFixed(1)} s`,
    `${(warm / 1000).toFixed(1)} s`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
