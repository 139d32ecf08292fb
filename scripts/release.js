// `npm run release`: everything of a release but the publishing: node scripts/release.js [--out DIR] [--once] [--check]. Out: in DIR (release/), the tarball,
// its bill of materials (CycloneDX), SHA256SUMS, and what is left to do, as commands.
// It stops at the first thing that is wrong: uncommitted changes, a version without its part of CHANGELOG.md or that is tagged already, packages
// whose types or exports do not fit, two packings that differ. `--once` packs once .
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    out: { type: "string", default: "release" },
    once: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});
const out = resolve(root, values.out);
const pkg = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const tag = `v${pkg.version}`;

const text = (program, ...words) => execFileSync(program, words, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
function refuse(why) {
  console.error(`no release: ${why}`);
  process.exit(1);
}
/** The bytes of a file alone: Node reads small files into a shared buffer. */
function arrayBufferOf(bytes) {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
function say(what) {
  console.log(`== ${what}`);
}

/** Packs a fresh copy of the last commit, built from nothing. Gives the tarball's path. */
function packFresh(into) {
  const copy = mkdtempSync(join(tmpdir(), "lacec-release-"));
  try {
    execFileSync("git", ["worktree", "add", "--detach", "--quiet", copy, "HEAD"], { cwd: root });
    const npm = (...words) =>
      execFileSync("npm", words, {
        cwd: copy,
        encoding: "utf8",
        maxBuffer: 1 << 28,
        stdio: ["ignore", "pipe", "inherit"],
      });
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
    npm("run", "--silent", "build");
    const [packed] = JSON.parse(npm("pack", "--json", "--ignore-scripts", "--pack-destination", into));
    return join(into, packed.filename);
  } finally {
    execFileSync("git", ["worktree", "remove", "--force", copy], { cwd: root });
    rmSync(copy, { recursive: true, force: true });
  }
}

say("the commit");
if (text("git", "status", "--porcelain") !== "") refuse("there are uncommitted changes");
const changes = readFileSync(join(root, "CHANGELOG.md"), "utf8");
if (!values.check && !changes.includes(`\n## ${pkg.version}`))
  refuse(`CHANGELOG.md has no part "## ${pkg.version}": what is under Unreleased belongs there`);
if (!values.check && text("git", "tag", "--list", tag).trim() !== "" && process.env["GITHUB_REF_NAME"] !== tag)
  refuse(`${tag} is tagged already`);

say("the package, from nothing");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const tarball = packFresh(out);
const name = tarball.slice(out.length + 1);
const sum = sha256(readFileSync(tarball));
if (!values.once) {
  say("once more: the same bytes");
  const again = mkdtempSync(join(tmpdir(), "lacec-again-"));
  const second = sha256(readFileSync(packFresh(again)));
  rmSync(again, { recursive: true, force: true });
  if (second !== sum) refuse(`two packings of one commit differ: ${sum} and ${second}`);
}

say("exports and types");
const { messages } = await publint({ pack: { tarball: arrayBufferOf(readFileSync(tarball)) }, strict: true });
if (messages.length > 0) refuse(`publint: ${messages.map((m) => formatMessage(m, pkg)).join("; ")}`);
console.log(text("npx", "--no-install", "attw", tarball, "--profile", "esm-only", "--format", "table-flipped"));

say("bill of materials and sums");
const installed = mkdtempSync(join(tmpdir(), "lacec-sbom-"));
try {
  writeFileSync(
    join(installed, "package.json"),
    JSON.stringify({ name: "installation", version: "0.0.0", private: true }),
  );
  const npm = (...words) =>
    execFileSync("npm", words, {
      cwd: installed,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "inherit"],
    });
  npm("install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", tarball);
  writeFileSync(join(out, `lacec-${pkg.version}.cdx.json`), npm("sbom", "--sbom-format", "cyclonedx", "--omit", "dev"));
} finally {
  rmSync(installed, { recursive: true, force: true });
}
const files = [name, `lacec-${pkg.version}.cdx.json`];
writeFileSync(join(out, "SHA256SUMS"), files.map((f) => `${sha256(readFileSync(join(out, f)))}  ${f}\n`).join(""));

console.log(`
${values.out}/${name} is ready, and nothing is published. What publishes it, on purpose by hand:

  git tag ${tag} && git push origin ${tag}     # the workflow "release" publishes with provenance
`);
