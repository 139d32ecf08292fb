// What a standalone lacec runs first: it unpacks the package that it carries, once, and goes on with its command line.
// In: assets of the executable: files.json, and each file of the package, deflated, under its path. Out: the command line, started.
// Native libraries and WebAssembly can only be opened as files, so the package is written to a folder of the user's cache, which is named by the
// hash of all that is in it: another version has another folder.
// Invariants: the folder appears whole (it is written under another name and renamed); one that others could have written is not used.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const { createRequire } = require("node:module");
const os = require("node:os");
const path = require("node:path");
const { getAsset, getRawAsset } = require("node:sea");
const { inflateRawSync } = require("node:zlib");

const { hash, files } = JSON.parse(getAsset("files.json", "utf8"));

/** Folders that the package may be unpacked to, the best first. */
function* caches() {
  const { LACEC_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (LACEC_CACHE) return void (yield LACEC_CACHE);
  if (XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME)) yield path.join(XDG_CACHE_HOME, "lacec");
  if (LOCALAPPDATA) yield path.join(LOCALAPPDATA, "lacec");
  try {
    const home = os.homedir();
    if (home !== "/") yield path.join(home, process.platform === "darwin" ? "Library/Caches/lacec" : ".cache/lacec");
  } catch {
    // a user without an entry in the table of users
  }
  yield path.join(os.tmpdir(), `lacec-${process.getuid?.() ?? "user"}`);
}

/** Whether nobody else can have written a folder. */
function isOwn(folder) {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return false;
  return process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0);
}

function unpackInto(cache) {
  const folder = path.join(cache, `standalone-${hash.slice(0, 16)}`);
  if (isOwn(cache) && isOwn(folder)) return folder;
  fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
  if (!isOwn(cache)) throw new Error(`${cache} belongs to, or can be written by, others`);
  const part = fs.mkdtempSync(path.join(cache, "part-"));
  try {
    const whole = createHash("sha256");
    for (const file of files) {
      const bytes = inflateRawSync(Buffer.from(getRawAsset(file)));
      whole.update(`${file}\0${bytes.length}\0`).update(bytes);
      const target = path.join(part, file);
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(target, bytes);
    }
    if (whole.digest("hex") !== hash) throw new Error("this executable is damaged");
    fs.chmodSync(part, 0o700);
    try {
      fs.renameSync(part, folder);
    } catch (error) {
      if (!isOwn(folder)) throw error; // else another process was first
    }
  } finally {
    fs.rmSync(part, { recursive: true, force: true });
  }
  return folder;
}

function unpack() {
  let trouble;
  for (const cache of caches()) {
    try {
      return unpackInto(cache);
    } catch (error) {
      trouble ??= error;
    }
  }
  process.stderr.write(
    `error: the parts of lacec cannot be unpacked: ${trouble.message}\n  = hint: name a folder of yours that can be written: LACEC_CACHE=DIR\n`,
  );
  process.exit(3);
}

const folder = unpack();
// lacec starts itself again for work that it wants in a process of its own: then the first word is a file of the package.
const [, , first] = process.argv;
const own = first !== undefined && path.isAbsolute(first) && !path.relative(folder, first).startsWith("..");
const main = own ? first : path.join(folder, "node_modules/lacec/dist/cli/main.js");
process.argv = [process.execPath, main, ...process.argv.slice(own ? 3 : 2)];
// import() inside an executable knows built-in modules alone; in a file it knows all.
createRequire(path.join(folder, "start.cjs"))("./start.cjs")(main);
