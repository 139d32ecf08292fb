// Makes one executable of lacec, Node and all: node scripts/standalone.js [TARBALL]. Out: standalone/lacec-PLATFORM-ARCH[.exe] and its SHA-256.
// In: the packed package (default: `npm pack` of this clone), installed without scripts into an empty folder, and the Node that runs this.
// Why it unpacks itself: docs/decisions/standalone.md.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { inject } from "postject";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { platform, arch, execPath } = process;
/** The mark in every Node that says whether an application is in it. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const npm = (words, cwd) =>
  execFileSync("npm", words, {
    cwd,
    encoding: "utf8",
    shell: platform === "win32",
    stdio: ["ignore", "pipe", "inherit"],
  });

/** Files of the installation that nothing opens when it runs. */
function isNeeded(file) {
  if (/\.(d\.[cm]?ts|map|md)$/.test(file)) return file === "node_modules/lacec/docs/errors.md";
  return !/^node_modules\/(\.|lacec\/(docs|dist\/(lib|types))\/)/.test(file) && !/^package(-lock)?\.json$/.test(file);
}

const folder = mkdtempSync(join(tmpdir(), "lacec-standalone-"));
try {
  const [given] = process.argv.slice(2);
  const tarball =
    given === undefined
      ? join(folder, JSON.parse(npm(["pack", "--json", "--pack-destination", folder], root)).at(0).filename)
      : resolve(given);
  const installed = join(folder, "installed");
  mkdirSync(installed);
  writeFileSync(join(installed, "package.json"), "{}");
  npm(["install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", tarball], installed);
  writeFileSync(
    join(installed, "start.cjs"),
    'module.exports = (file) => import(require("node:url").pathToFileURL(file).href);\n',
  );

  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(installed.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter(isNeeded)
    .sort();
  const hash = createHash("sha256");
  const assets = {};
  for (const [at, file] of files.entries()) {
    const bytes = readFileSync(join(installed, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
    assets[file] = join(folder, `asset-${at}`);
    writeFileSync(assets[file], deflateRawSync(bytes, { level: 9 }));
  }
  assets["files.json"] = join(folder, "files.json");
  writeFileSync(assets["files.json"], JSON.stringify({ hash: hash.digest("hex"), files }));

  const blob = join(folder, "blob");
  const config = join(folder, "sea-config.json");
  const main = join(root, "scripts/standalone-main.cjs");
  writeFileSync(config, JSON.stringify({ main, output: blob, assets, disableExperimentalSEAWarning: true }));
  execFileSync(execPath, ["--experimental-sea-config", config], { stdio: ["ignore", "ignore", "inherit"] });

  const made = join(folder, "lacec");
  copyFileSync(execPath, made);
  chmodSync(made, 0o755);
  if (platform === "darwin") execFileSync("codesign", ["--remove-signature", made]);
  await inject(made, "NODE_SEA_BLOB", readFileSync(blob), {
    sentinelFuse: FUSE,
    ...(platform === "darwin" && { machoSegmentName: "NODE_SEA" }),
  });
  if (platform === "darwin") execFileSync("codesign", ["--sign", "-", made]);

  const name = `lacec-${platform}-${arch}${platform === "win32" ? ".exe" : ""}`;
  mkdirSync(join(root, "standalone"), { recursive: true });
  copyFileSync(made, join(root, "standalone", name));
  const bytes = readFileSync(made);
  const sum = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(root, "standalone", `${name}.sha256`), `${sum}  ${name}\n`);
  console.log(`standalone/${name}: ${(bytes.length / 1e6).toFixed(1)} MB with Node ${process.version}, SHA-256 ${sum}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
