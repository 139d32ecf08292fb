// Kills runs at random moments and looks at what they leave: node bench/kills.mjs COUNT [SECONDS], after npm run build.
// Each file that is at its place must be the one of an undisturbed run, at every moment; after the last kill one more run must complete the set and
// leave no temporary file or lock. Ten kills hit one output folder and its cache, then one run completes it, and the next begins from nothing.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const count = Number(process.argv[2] ?? 200);
const seconds = Number(process.argv[3] ?? Infinity);
const folder = mkdtempSync(join(tmpdir(), "lacec-kills-"));
const script = `lace 1
model avatar from "builtin:avatar"
input seed: number = 1
sample faces from avatar { where glasses and smile count 8 seed seed }
edit hats of faces[0..1] { step hat }
save faces to "faces/{index}.png"
save faces to "faces.webp" as grid
save hats to "hats.png" as strip
`;
writeFileSync(join(folder, "faces.lace"), script);

function run(out, seed, killAfterMs) {
  const args = [main, "run", "faces.lace", "--out", out, "--set", `seed=${seed}`, "--engine", "onnx-cpu", "-q"];
  return new Promise((resolve) => {
    const start = performance.now();
    let text = "";
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (data) => (text += data));
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, text, ms: performance.now() - start });
    });
  });
}

/** SHA-256 of each picture below a folder, and the names of everything else but run.json. */
function look(out) {
  const pictures = new Map();
  const others = [];
  const entries = readdirSync(join(folder, out), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((e) => e.isFile() && e.name !== "run.json")) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name.startsWith(".lacec-")) others.push(entry.name);
    else
      pictures.set(path.slice(join(folder, out).length), createHash("sha256").update(readFileSync(path)).digest("hex"));
  }
  return { pictures, others };
}

function wrong(out, whole) {
  try {
    return [...look(out).pictures].filter(([name, hash]) => whole.get(name) !== hash).map(([name]) => name);
  } catch {
    return []; // killed before there was a folder
  }
}

const begun = performance.now();
let kills = 0;
let torn = 0;
let missing = 0;
let left = 0;
for (let seed = 1; kills < count && (performance.now() - begun) / 1000 < seconds; seed++) {
  const { ms, text, code } = await run(`whole-${seed}`, seed);
  if (code !== 0) throw new Error(text);
  const whole = look(`whole-${seed}`).pictures;
  rmSync(join(folder, ".lace"), { recursive: true, force: true });
  for (let k = 0; k < 10 && kills < count && (performance.now() - begun) / 1000 < seconds; k++) {
    const ended = await run("killed", seed, Math.random() * ms);
    if (ended.code === null) kills += 1;
    torn += wrong("killed", whole).length;
  }
  const last = await run("killed", seed);
  if (last.code !== 0) throw new Error(last.text);
  const { pictures, others } = look("killed");
  missing += [...whole.keys()].filter((name) => !pictures.has(name)).length;
  torn += wrong("killed", whole).length;
  left += others.length;
  for (const out of ["killed", `whole-${seed}`]) rmSync(join(folder, out), { recursive: true, force: true });
  console.log(`${kills} kills: ${torn} torn, ${missing} missing after resuming, ${left} left behind`);
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = torn + missing + left === 0 ? 0 : 1;
