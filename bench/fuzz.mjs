// Seeded structured garbage for every verb, in one process: node bench/fuzz.mjs [SECONDS] [SEED], after npm run build.
// A file of a kind that a verb reads is damaged (words and numbers exchanged, doubled, nested; bytes changed, cut), and the verb is called on it as a
// function of lacec/node. It may give a value, or refuse: a LaceError, or a UsageError. Anything else is a bug, and printed with its case.
// test/security/exit-codes.test.ts does the same with whole processes, and says what their exit codes are.
import { Buffer } from "node:buffer";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import * as lacec from "../dist/lib/node.js";

const [seconds = "3600", first = "1"] = process.argv.slice(2);
const models = new URL("../models/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "lacec-fuzz-"));
process.chdir(folder);
process.env.LACE_MODELS = join(folder, "store");

/** A generator of whole numbers below n (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

const { numbers: NUMBERS, words: WORDS } = JSON.parse(
  readFileSync(new URL("../test/support/garbage.json", import.meta.url), "utf8"),
);
const NESTED = ["(", "[", "{", "not ", '[{"a":'].map((s) => s.repeat(3000));

/** Text with some of its words, numbers and marks exchanged, doubled, cut or nested. */
function garbled(text, below) {
  let out = text;
  for (let n = 1 + below(3); n > 0; n--) {
    const tokens = out.split(/(\d[\d.e]*|\w+|[^\w\s])/);
    const numbers = tokens.flatMap((t, i) => (/^\d/.test(t) ? [i] : []));
    const at = below(2) === 0 && numbers.length > 0 ? numbers[below(numbers.length)] : below(tokens.length);
    const token = tokens[at] ?? "";
    const changes = [
      () => NUMBERS[below(NUMBERS.length)],
      () => WORDS[below(WORDS.length)],
      () => "",
      () => `${token}${token}`,
      () => tokens[below(tokens.length)],
      () => `${NESTED[below(NESTED.length)]}${token}`,
      () => `${token}${String.fromCharCode(below(0x300))}`,
      () => token.repeat(1 + below(50)),
    ];
    tokens[at] =
      /^\d/.test(token) && below(2) === 0 ? NUMBERS[below(NUMBERS.length)] : changes[below(changes.length)]();
    out = tokens.join("");
  }
  return out;
}

function damaged(bytes, below) {
  const out = Buffer.from(bytes);
  const start = Math.min(out.length, 3000);
  const head = () => Buffer.from(garbled(out.toString("latin1", 0, start), below), "latin1");
  switch (below(5)) {
    case 0:
      return out.subarray(0, below(out.length));
    case 1:
      return head();
    case 2:
      return Buffer.concat([head(), out.subarray(start)]);
    case 3: {
      // A header whose length fits what has become of it.
      const length = Number(out.readBigUInt64LE(0));
      if (!(length < out.length)) return head();
      const json = Buffer.from(garbled(out.toString("latin1", 8, 8 + length), below), "latin1");
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([size, json, out.subarray(8 + length)]);
    }
    default:
      for (let n = 1 + below(6); n > 0; n--) out[below(below(2) === 0 ? start : out.length)] = below(256);
      return out;
  }
}

const script = `lace 1
model avatar from "builtin:avatar"
input many: number = 1
let t = 0.5
energy both(x: number) = glasses and not smile or tilt is x +- 0.1
sample s from avatar { where both(t)  count many  seed 3 }
edit e of s[0] { keep latent 0.04 step smile step hat }
sweep w over a in 0..1 by 0.5 from avatar { where if glasses then tilt is a else hat  count 1 }
expect s: glasses >= 0
save s to "s-{index}.png"
save e to "e.webp" as animation { fps 4 }
`;
writeFileSync("s.lace", script);
writeFileSync(
  "own.lace",
  `lace 1\nmodel m from "bad-pack.safetensors"\nattribute own: binary from "bad-heads.safetensors"\nsample s from m { where own }\nsave s to "o.png"\n`,
);
writeFileSync("labels.csv", "index,glasses,age\n0,yes,20\n1,no,30\n2,yes,40\n3,no,50\n");
writeFileSync("rows.json", '[{"name":"glasses","type":"binary"}]');
writeFileSync("table.json", '[{"file":"x.pt","name":"glasses","type":"binary"}]');
for (const name of ["avatar.safetensors", "avatar-labeller.onnx"])
  writeFileSync(name, readFileSync(new URL(name, models)));
const engine = "onnx-cpu";
await lacec.run("s.lace", { lock: "keep", engine });
await lacec.label("builtin:avatar", { count: 128, output: "data.safetensors", engine });
for (const number of [1, 2])
  await lacec.label("builtin:avatar", { count: 128, output: "part.safetensors", shard: { number, of: 2 }, engine });
await lacec.train(["data.safetensors"], { output: "heads.safetensors", epochs: 1, engine });
await lacec.importFile("avatar-labeller.onnx", { output: "d.safetensors" }).catch(() => undefined);
mkdirSync("locked");
writeFileSync("locked/s.lace", script);

/** [the file that is damaged, what is done with it, where it lies]. */
const CASES = [
  ["s.lace", (f) => lacec.check([f])],
  ["s.lace", (f) => lacec.compile(f, { inputs: { many: 2 } })],
  ["s.lace", (f) => lacec.run(f, { out: "o", count: 1, engine })],
  ...["ast", "checked", "energy", "graph", "optimized", "jacobian", "dot"].map((print) => [
    "s.lace",
    (f) => lacec.build(f, { print }),
  ]),
  ["s.lace", (f) => lacec.formatFile(f, { write: false })],
  ["s.lace", (f) => lacec.lock(f, { check: true })],
  ["s.lace", (f) => lacec.diff({ file: "s.lace" }, { file: f })],
  ["s.lace", (f) => lacec.evaluate(f, { count: 1, reference: 4, engine })],
  ["s-0.png", (f) => lacec.show(f)],
  ["s-0.png", (f) => lacec.reproduceImage(f, { output: "r.png", engine })],
  ["run.json", (f) => lacec.verify("s.lace", { record: f, engine })],
  ["avatar.safetensors", (f) => lacec.inspect(f)],
  ["avatar.safetensors", () => lacec.check(["own.lace"]), "bad-pack.safetensors"],
  ["avatar.safetensors", (f) => lacec.importFile(f, { output: "i.safetensors" })],
  ["avatar.safetensors", (f) => lacec.addModel(f, { name: "m", force: true })],
  ["avatar-labeller.onnx", (f) => lacec.importFile(f, { output: "i.safetensors", latent: 4 })],
  [
    "avatar-labeller.onnx",
    (f) => lacec.label("builtin:avatar", { count: 2, labeller: f, output: "l.safetensors", fresh: true, engine }),
  ],
  ["heads.safetensors", (f) => lacec.importFile("avatar.safetensors", { heads: [f], output: "i.safetensors" })],
  ["heads.safetensors", () => lacec.run("own.lace", { out: "o", engine }), "bad-heads.safetensors"],
  ["table.json", (f) => lacec.importFile("avatar.safetensors", { heads: [f], output: "i.safetensors" })],
  [
    "labels.csv",
    (f) => lacec.label("builtin:avatar", { count: 4, labels: f, output: "l.safetensors", fresh: true, engine }),
  ],
  [
    "rows.json",
    (f) =>
      lacec.label("builtin:avatar", {
        count: 4,
        labels: "labels.csv",
        attributes: f,
        output: "l.safetensors",
        fresh: true,
        engine,
      }),
  ],
  [
    "part.shard-2-of-2.safetensors",
    (f) => lacec.joinData(["part.shard-1-of-2.safetensors", f], { output: "j.safetensors" }),
  ],
  ["data.safetensors", (f) => lacec.train([f], { output: "t.safetensors", epochs: 1, engine })],
  [
    "heads.safetensors",
    () => lacec.train(["data.safetensors"], { output: "t.safetensors", epochs: 1, resume: true, engine }),
    "t.safetensors.checkpoint",
  ],
  [
    "data.safetensors",
    () => lacec.label("builtin:avatar", { count: 64, output: "l.safetensors", engine }),
    "l.safetensors.part",
  ],
  ["lace.lock", () => lacec.run("locked/s.lace", { out: "o", lock: "frozen", engine }), "locked/lace.lock"],
  ["lace.lock", () => lacec.lock("locked/s.lace", { check: true }), "locked/lace.lock"],
  ["s.lace", (f) => lacec.explain(f)],
];

const TEXT = /\.(lace|csv|json|lock)$/;
const originals = new Map(CASES.map(([file]) => [file, readFileSync(file)]));
const refused = (error) => error instanceof lacec.LaceError || error instanceof lacec.UsageError;
const begun = performance.now();
const tally = { done: 0, refused: 0, bugs: 0 };
let slowest = { ms: 0, what: "" };
let count = 0;
for (; (performance.now() - begun) / 1000 < Number(seconds); count++) {
  const seed = Number(first) * 1_000_003 + count;
  const below = random(seed);
  const [file, act, at = `bad-${file}`] = CASES[count % CASES.length];
  const original = originals.get(file);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, TEXT.test(file) ? garbled(original.toString(), below) : damaged(original, below));
  const what = `case ${count % CASES.length} (${at}) of seed ${seed}`;
  const start = performance.now();
  try {
    await act(at);
    tally.done += 1;
  } catch (error) {
    const known = refused(error) && !(error.diagnostics ?? []).some((d) => d.code.startsWith("L9"));
    if (known) tally.refused += 1;
    else {
      tally.bugs += 1;
      console.log(`BUG in ${what}: ${error?.stack ?? error}`);
    }
  }
  const ms = performance.now() - start;
  if (ms > slowest.ms) slowest = { ms, what };
  if (count % 200 === 199) report();
}
report();
rmSync(folder, { recursive: true, force: true });
process.exit(tally.bugs === 0 ? 0 : 1);

function report() {
  const { done, refused: no, bugs } = tally;
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
  console.log(
    `${count} cases in ${minutes} min: ${done} done, ${no} refused, ${bugs} bugs; slowest ${(slowest.ms / 1000).toFixed(1)} s, ${slowest.what}; peak ${peak} MB`,
  );
}
