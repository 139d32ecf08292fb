// Kills commands at random moments and looks at what they leave: node bench/kills.mjs [run,label,train,import] [COUNT] [SECONDS], after
// npm run build; COUNT (200) and SECONDS are of each verb. Each file that is at its place must be the one of an undisturbed command, at every
// moment; after the last kill one more command must complete the set, go on with what was kept, and leave nothing temporary behind. Ten kills hit
// one folder, then the same command completes it, and the next begins from nothing.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const packs = fileURLToPath(new URL("../models/", import.meta.url));
const [verbs = "run,label,train,import", count = "200", seconds = "Infinity"] = process.argv.slice(2);
const KILLS_OF_A_FOLDER = 10;
const ENGINE = ["--engine", "onnx-cpu", "-q"];
const script = `lace 1
model avatar from "builtin:avatar"
input seed: number = 1
sample faces from avatar { where glasses and smile count 8 seed seed }
edit hats of faces[0..1] { step hat }
save faces to "faces/{index}.png"
save faces to "faces.webp" as grid
save hats to "hats.png" as strip
`;

/** Of each verb: what its folder begins with, and its words. `round` makes each folder's work another one. */
const VERBS = {
  run: {
    begin: (folder) => writeFileSync(join(folder, "faces.lace"), script),
    words: (round) => ["run", "faces.lace", "--out", "out", "--set", `seed=${round}`, ...ENGINE],
  },
  label: {
    begin: () => undefined,
    words: (round) => [
      "label",
      "builtin:avatar",
      "-n",
      "512",
      "--seed",
      `${round}`,
      "-o",
      "out/data.safetensors",
      ...ENGINE,
    ],
  },
  train: {
    begin: async (folder) => {
      const words = ["label", "builtin:avatar", "-n", "512", "-o", "data.safetensors", ...ENGINE];
      const { code, text } = await lacec(folder, words);
      if (code !== 0) throw new Error(text);
    },
    words: (round, folder) => [
      ...[
        "train",
        "data.safetensors",
        "-o",
        "out/heads.safetensors",
        "--epochs",
        "12",
        "--seed",
        `${round}`,
        ...ENGINE,
      ],
      ...(existsSync(join(folder, "out/heads.safetensors.checkpoint")) ? ["--resume"] : []),
    ],
  },
  import: {
    begin: (folder) => {
      for (const name of ["avatar.safetensors", "avatar-labeller.onnx"])
        copyFileSync(join(packs, name), join(folder, name));
    },
    words: (round) => ["import", "avatar.safetensors", "-o", "out/pack.safetensors", "--name", `round${round}`, "-q"],
  },
};

function lacec(folder, words, killAfterMs) {
  return new Promise((resolve) => {
    const start = performance.now();
    let text = "";
    const child = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (data) => (text += data));
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, text, ms: performance.now() - start });
    });
  });
}

/** SHA-256 of each finished file below out/, and the names of what a command may leave for the next one, or must not leave at the end. */
function look(folder) {
  const finished = new Map();
  const others = [];
  const out = join(folder, "out");
  const entries = existsSync(out) ? readdirSync(out, { recursive: true, withFileTypes: true }) : [];
  for (const entry of entries.filter((e) => e.isFile() && e.name !== "run.json")) {
    const path = join(entry.parentPath, entry.name);
    if (/^\.lacec-|\.(part|checkpoint)$/.test(entry.name)) others.push(entry.name);
    else finished.set(path.slice(out.length), createHash("sha256").update(readFileSync(path)).digest("hex"));
  }
  return { finished, others };
}

async function bench(name) {
  const { begin, words } = VERBS[name];
  const folder = mkdtempSync(join(tmpdir(), "lacec-kills-"));
  await begin(folder);
  const begun = performance.now();
  const goesOn = () => kills < Number(count) && (performance.now() - begun) / 1000 < Number(seconds);
  let [kills, torn, missing, left] = [0, 0, 0, 0];
  const anew = () => {
    for (const gone of ["out", ".lace"]) rmSync(join(folder, gone), { recursive: true, force: true });
    mkdirSync(join(folder, "out"));
  };
  const whole = async (round) => {
    const { code, text, ms } = await lacec(folder, words(round, folder));
    if (code !== 0) throw new Error(`${name}: ${text}`);
    return { ...look(folder), ms };
  };
  for (let round = 1; goesOn(); round++) {
    anew();
    const undisturbed = await whole(round);
    const wrong = ({ finished }) =>
      [...finished].filter(([file, hash]) => undisturbed.finished.get(file) !== hash).length;
    anew();
    for (let k = 0; k < KILLS_OF_A_FOLDER && goesOn(); k++) {
      const { code } = await lacec(folder, words(round, folder), Math.random() * undisturbed.ms);
      if (code === null) kills += 1;
      torn += wrong(look(folder));
    }
    const last = await whole(round);
    missing += [...undisturbed.finished.keys()].filter((file) => !last.finished.has(file)).length;
    torn += wrong(last);
    left += last.others.length;
    console.log(`${name}: ${kills} kills, ${torn} torn, ${missing} missing after going on, ${left} left behind`);
  }
  rmSync(folder, { recursive: true, force: true });
  return torn + missing + left;
}

for (const verb of verbs.split(",")) if ((await bench(verb)) > 0) process.exitCode = 1;
