// Whatever is handed to lacec, it ends with an exit code that means something: 0, 1, 2 or 3. 70 would call a stranger's file a bug of ours.
// A short seeded run here; LACEC_FUZZ=500 npx vitest run test/security/exit-codes.test.ts is the long one.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyDecoder } from "../support/decoder.js";
import { mainFile } from "../support/build.js";
import { folderWith, lacec, root, type Ended } from "../support/lacec.js";
import { bytesOf, dict, floatBytes, int, STOP, tensor, torchFile, tuple, unicode } from "../support/pickle.js";
import { random, type Random } from "../support/random.js";
import { exitCodeOf } from "../../src/cli/exit.js";
import { troubleOf } from "../../src/cli/trouble.js";
import { sharpCodec } from "../../src/node/codec.js";

const COUNT = Number(process.env["LACEC_FUZZ"] ?? 12);
const SEED = Number(process.env["LACEC_FUZZ_SEED"] ?? 1);
const script = [
  "lace 1",
  'model avatar from "builtin:avatar"',
  "input many: number = 1",
  "let t = 0.5",
  "energy both(x: number) = glasses and not smile or tilt is x +- 0.1",
  "sample s from avatar { where both(t)  count many  seed 3 }",
  "edit e of s[0] { keep latent 0.04 step smile step hat }",
  "expect s: glasses >= 0",
  'save s to "s-{index}.png"',
  'save e to "e.webp" as animation { fps 4 }',
].join("\n");

let folder: ReturnType<typeof folderWith>;
beforeAll(async () => {
  folder = folderWith({
    "s.lace": `${script}\n`,
    "labels.csv": "index,glasses,age\n0,yes,20\n1,no,30\n2,yes,40\n3,no,50\n",
    "heads.json": '[{"file":"x.pt","name":"glasses","type":"binary"}]',
  });
  copyFileSync(join(root, "models/avatar.safetensors"), join(folder.path, "pack.safetensors"));
  copyFileSync(join(root, "models/avatar-labeller.onnx"), join(folder.path, "avatar-labeller.onnx"));
  writeFileSync(join(folder.path, "d.onnx"), tinyDecoder());
  expect((await run("run", "s.lace", "--no-cache")).code).toBe(0);
  expect((await run("lock", "s.lace")).code).toBe(0);
  const label = ["label", "builtin:avatar", "-n", "128", "--engine", "onnx-cpu"];
  for (const words of [
    [...label, "-o", "data.safetensors"],
    [...label, "-o", "part.safetensors", "--shard", "1/2"],
    [...label, "-o", "part.safetensors", "--shard", "2/2"],
    ["train", "data.safetensors", "-o", "heads.safetensors", "--epochs", "1"],
  ])
    expect((await run(...words)).code).toBe(0);
  const baseline = await run("eval", "s.lace", "--count", "1", "--reference", "4", "--json");
  writeFileSync(join(folder.path, "baseline.json"), baseline.out);
  writeFileSync(join(folder.path, "rows.json"), '[{"name":"glasses","type":"binary"}]');
  writeFileSync(join(folder.path, "weights.pt"), torchFile(dict({ a: weight("0"), b: weight("1") }), storages));
  writeFileSync(join(folder.path, "array.pkl"), bytesOf(0x80, 2, dict({ a: tuple(int(1), unicode("b")) }), STOP));
  writeFileSync(join(folder.path, "all_latents.pickle"), bytesOf(0x80, 2, dict({ Latent: tuple(int(1)) }), STOP));
  const own = 'attribute own: binary from "bad-heads.safetensors"';
  writeFileSync(
    join(folder.path, "own.lace"),
    `lace 1\nmodel avatar from "builtin:avatar"\n${own}\nsample s from avatar { where own }\nsave s to "o.png"\n`,
  );
  mkdirSync(join(folder.path, "locked"));
  writeFileSync(join(folder.path, "locked/s.lace"), script);
}, 600_000);

const weight = (key: string) => tensor({ key, count: 4, shape: [2, 2], strides: [2, 1] });
const storages = { 0: floatBytes(1, 2, 3, 4), 1: floatBytes(5, 6, 7, 8) };
afterAll(() => folder.remove());

const run = (...args: readonly string[]): Promise<Ended> => lacec(args, { cwd: folder.path });

function expectMeaning({ code, err }: Ended, what: string): void {
  if (![0, 1, 2, 3].includes(code ?? -1)) throw new Error(`${what}: exit code ${String(code)}\n${err}`);
  expect(err).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
}

/** What is put in place of words and numbers; bench/fuzz.mjs has the same. */
const { numbers: NUMBERS, words: WORDS } = JSON.parse(readFileSync("test/support/garbage.json", "utf8")) as {
  readonly numbers: readonly string[];
  readonly words: readonly string[];
};

/** Text with some of its words, numbers and marks exchanged, doubled, cut or nested. */
function garbled(text: string, r: Random): string {
  let out = text;
  for (let n = 1 + r.below(3); n > 0; n--) {
    const tokens = out.split(/(\d[\d.e]*|\w+|[^\w\s])/);
    const at = r.below(tokens.length);
    const token = tokens[at] ?? "";
    const other = tokens[r.below(tokens.length)] ?? "";
    const nested = ["(".repeat(3000), "[".repeat(3000), "{".repeat(3000), "not ".repeat(3000)][r.below(4)]!;
    const changes = [
      () => NUMBERS[r.below(NUMBERS.length)]!,
      () => WORDS[r.below(WORDS.length)]!,
      () => "",
      () => `${token}${token}`,
      () => other,
      () => `${nested}${token}`,
      () => `${token}${String.fromCharCode(r.below(0x300))}`,
      () => (/^\d/.test(token) ? NUMBERS[r.below(NUMBERS.length)]! : token.repeat(1 + r.below(50))),
    ];
    // Numbers are where sizes come from: half of the changes are made to one.
    const numbers = tokens.flatMap((t, i) => (/^\d/.test(t) ? [i] : []));
    const chosen = r.below(2) === 0 && numbers.length > 0 ? numbers[r.below(numbers.length)]! : at;
    tokens[chosen] = chosen === at ? changes[r.below(changes.length)]!() : NUMBERS[r.below(NUMBERS.length)]!;
    out = tokens.join("");
  }
  return out;
}

function damaged(bytes: Uint8Array, r: Random): Uint8Array {
  const out = Buffer.from(bytes);
  const start = Math.min(out.length, 3000);
  switch (r.below(4)) {
    case 0:
      return out.subarray(0, r.below(out.length));
    case 1:
      return Buffer.from(garbled(out.toString("latin1", 0, start), r), "latin1");
    case 2:
      return Buffer.concat([Buffer.from(garbled(out.toString("latin1", 0, start), r), "latin1"), out.subarray(start)]);
    default:
      for (let n = 1 + r.below(6); n > 0; n--) out[r.below(r.below(2) === 0 ? start : out.length)] = r.below(256);
      return out;
  }
}

/** One command on a damaged file: [what is damaged, the command, where the damaged one lies]. */
const COMMANDS: readonly (readonly [string, (file: string) => readonly string[], at?: string])[] = [
  ["s.lace", (f) => ["check", f]],
  ["s.lace", (f) => ["run", f, "--no-cache", "--out", "o", "--count", "1"]],
  ["s.lace", (f) => ["build", f, "--print", "energy"]],
  ["s.lace", (f) => ["build", f, "--print", "optimized"]],
  ["s.lace", (f) => ["fmt", "--check", f]],
  ["s.lace", (f) => ["lock", f]],
  ["s.lace", (f) => ["diff", "s.lace", f]],
  ["s.lace", (f) => ["eval", f, "--count", "1", "--reference", "4"]],
  ["s-0.png", (f) => ["show", f]],
  ["s-0.png", (f) => ["reproduce", f, "-o", "r.png"]],
  ["run.json", (f) => ["verify", f]],
  ["pack.safetensors", (f) => ["inspect", f]],
  ["pack.safetensors", (f) => ["import", f, "-o", "i.safetensors"]],
  ["d.onnx", (f) => ["import", f, "-o", "i.safetensors"]],
  ["labels.csv", (f) => ["label", "builtin:avatar", "-n", "4", "--labels", f, "-o", "l.safetensors"]],
  ["heads.json", (f) => ["import", "pack.safetensors", "--heads", f, "-o", "i.safetensors"]],
  ["pack.safetensors", (f) => ["train", f, "-o", "t.safetensors", "--epochs", "1"]],
  ["heads.safetensors", () => ["run", "own.lace", "--no-cache", "--out", "o"]],
  ["heads.safetensors", (f) => ["import", "pack.safetensors", "--heads", f, "-o", "i.safetensors"]],
  ["data.safetensors", (f) => ["train", f, "-o", "t.safetensors", "--epochs", "1"]],
  ["data.safetensors", (f) => ["train", f, "--into", "pack.safetensors", "-o", "t.safetensors", "--epochs", "1"]],
  [
    "part.shard-2-of-2.safetensors",
    (f) => ["label", "--join", "part.shard-1-of-2.safetensors", f, "-o", "j.safetensors"],
  ],
  ["data.safetensors", () => ["label", "builtin:avatar", "-n", "128", "-o", "l.safetensors"], "l.safetensors.part"],
  [
    "heads.safetensors",
    () => ["train", "data.safetensors", "--resume", "-o", "t.safetensors"],
    "t.safetensors.checkpoint",
  ],
  ["lace.lock", () => ["run", "locked/s.lace", "--frozen", "--no-cache", "--out", "o"], "locked/lace.lock"],
  ["lace.lock", () => ["lock", "--check", "locked/s.lace"], "locked/lace.lock"],
  ["baseline.json", (f) => ["eval", "s.lace", "--count", "1", "--reference", "4", "--baseline", f]],
  [
    "rows.json",
    (f) => ["label", "builtin:avatar", "-n", "4", "--labels", "labels.csv", "--attributes", f, "-o", "l.safetensors"],
  ],
  ["weights.pt", (f) => ["import", f, "-o", "i.safetensors"]],
  ["array.pkl", (f) => ["inspect", f]],
  ["all_latents.pickle", () => ["label", "--from-styleflow", "flow", "-o", "f.safetensors"], "flow/all_latents.pickle"],
  ["weights.pt", (f) => ["models", "add", f, "--force", "--name", "m"]],
  ["s.lace", (f) => ["explain", f]],
  ["s-0.png", (f) => ["cache", f]],
];

/** Commands that end soon, with room for one more option. */
const BASES: readonly (readonly string[])[] = [
  ["check", "s.lace"],
  ["run", "s.lace", "--count", "1", "--out", "o"],
  ["build", "s.lace", "--print", "energy"],
  ["label", "builtin:avatar", "-n", "4", "-o", "l.safetensors"],
  ["train", "data.safetensors", "--epochs", "1", "-o", "t.safetensors"],
  ["import", "pack.safetensors", "-o", "i.safetensors"],
  ["eval", "s.lace", "--count", "1", "--reference", "4"],
  ["verify", "s.lace"],
  ["reproduce", "s-0.png"],
  ["show", "s-0.png"],
  ["inspect", "pack.safetensors"],
  ["models", "list"],
  ["models", "pull", "http://127.0.0.1:1/x", "--sha256", "0".repeat(64)],
  ["models", "remove"],
  ["lock", "s.lace"],
  ["diff", "s.lace", "s.lace"],
  ["doctor", "--no-speed"],
  ["explain", "L2001"],
];
const VALUES = [
  ...NUMBERS,
  "",
  "..",
  "../../x",
  "/dev/null",
  "a=b",
  "0..1",
  "\u001b[2J",
  "x".repeat(5000),
  "1/9007199254740991",
];
/** Work that a number asks for may take its time: it is not waited for. */
const PATIENCE_MS = 20_000;

describe("structured garbage", () => {
  test(`${COUNT} commands from seed ${SEED} end with 0, 1, 2 or 3`, { timeout: 3_600_000 }, async () => {
    const r = random(SEED);
    const codes = new Map<number | null, number>();
    let slowest = 0;
    const originals = new Map(COMMANDS.map(([file]) => [file, readFileSync(join(folder.path, file))]));
    for (let i = 0; i < COUNT; i++) {
      const [file, args, at = `bad-${file}`] =
        COMMANDS[COUNT < COMMANDS.length ? r.below(COMMANDS.length) : i % COMMANDS.length]!;
      const original = originals.get(file)!;
      const text = /\.(lace|csv|json|lock)$/.test(file);
      mkdirSync(dirname(join(folder.path, at)), { recursive: true });
      writeFileSync(join(folder.path, at), text ? garbled(original.toString(), r) : damaged(original, r));
      const ended = await run(...args(at));
      expectMeaning(ended, `command ${i} of seed ${SEED}: lacec ${args(at).join(" ")}`);
      codes.set(ended.code, (codes.get(ended.code) ?? 0) + 1);
      slowest = Math.max(slowest, ended.ms);
    }
    if (process.env["LACEC_FUZZ"] !== undefined)
      console.log(`${COUNT} commands, slowest ${(slowest / 1000).toFixed(1)} s`, Object.fromEntries(codes));
  });

  test(`${COUNT} senseless options from seed ${SEED} end with 0, 1, 2 or 3`, { timeout: 3_600_000 }, async () => {
    const r = random(SEED);
    const options = new Map<string, readonly string[]>();
    for (let i = 0; i < COUNT; i++) {
      const base = BASES[COUNT < BASES.length ? r.below(BASES.length) : i % BASES.length]!;
      const verb = base[0] === "models" ? base.slice(0, 2) : base.slice(0, 1);
      const known = options.get(verb.join(" ")) ?? (await run(...verb, "--help")).out.match(/--[a-z][a-z-]+/g) ?? [];
      options.set(verb.join(" "), known);
      const usable = known.filter((o) => o !== "--watch" && o !== "--help" && o !== "--stdio");
      const option = usable[r.below(usable.length)] ?? "--no-such";
      const words = [...base, option, ...(r.below(4) === 0 ? [] : [VALUES[r.below(VALUES.length)]!])];
      const ended = await lacec(words, {
        cwd: folder.path,
        env: { LACE_MODELS: join(folder.path, "store") },
        during: (kill) => {
          setTimeout(() => kill("SIGKILL"), PATIENCE_MS).unref();
        },
      });
      if (ended.code !== null || ended.ms < PATIENCE_MS)
        expectMeaning(ended, `options ${i} of seed ${SEED}: lacec ${words.join(" ").slice(0, 300)}`);
    }
  });

  /** A picture that carries this recipe in place of its own. */
  async function pictureWith(change: (recipe: Record<string, unknown>) => void): Promise<void> {
    const codec = sharpCodec();
    const { text } = await codec.inspect(readFileSync(join(folder.path, "s-0.png")));
    const recipe = JSON.parse(text!) as Record<string, unknown>;
    change(recipe);
    const pixel = { width: 1, height: 1, data: new Uint8Array(3) };
    writeFileSync(join(folder.path, "recipe.png"), await codec.encode(pixel, "png", JSON.stringify(recipe)));
  }

  test.each<[string, (recipe: Record<string, unknown>) => void]>([
    ["count 2^53 - 1", (r) => (r["overrides"] = { count: Number.MAX_SAFE_INTEGER })],
    ["index 9e15", (r) => (r["index"] = 9e15)],
    ["a step that is none", (r) => (r["step"] = 7)],
    ["another save", (r) => Object.assign(r, { save: 1, task: "e" })],
    ["another save, index 9e15", (r) => Object.assign(r, { save: 1, task: "e", index: 9e15 })],
    ["a seed of 2^53 - 1", (r) => (r["overrides"] = { seed: Number.MAX_SAFE_INTEGER })],
    ["an input of 1e308", (r) => (r["inputs"] = { many: 1e308 })],
    ["no lock", (r) => (r["lock"] = { edition: 1, lacec: "", models: {}, imports: {} })],
    ["a script of parentheses", (r) => (r["files"] = [{ name: "a.lace", text: `lace 1\nlet a = ${"(".repeat(1e5)}` }])],
    ["__proto__", (r) => (r["inputs"] = JSON.parse('{"__proto__": 1, "constructor": 2}') as object)],
  ])("a recipe with %s", async (what, change) => {
    await pictureWith(change);
    expectMeaning(await run("show", "recipe.png"), what);
    expectMeaning(await run("reproduce", "recipe.png", "-o", "r.png"), what);
  });
});

describe("a machine that refuses", () => {
  const shell = (command: string): Ended => {
    const { status, stdout, stderr } = spawnSync("bash", ["-c", command], { cwd: folder.path, encoding: "utf8" });
    return { code: status, out: stdout, err: stderr, ms: 0 };
  };
  const itself = `"${process.execPath}" "${mainFile}"`;

  test("to be written to", () => {
    const ended = shell(`${itself} inspect pack.safetensors > /dev/full`);
    expectMeaning(ended, "/dev/full");
    expect(ended).toMatchObject({ code: 3, err: expect.stringContaining("ENOSPC") as string });
  });

  // A disk of 1 MB in a mount namespace of the test's own; skipped where the system gives none.
  const inSmallDisk = (command: string): Ended =>
    shell(`mkdir -p disk; unshare -rm bash -c 'mount -t tmpfs -o size=1m tmpfs disk && cd disk && ${command}'`);
  const hasDisk = spawnSync("unshare", ["-rm", "bash", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0;

  test
    .skipIf(!hasDisk)
    .each([
      ["run ../s.lace --count 60 --no-cache --engine onnx-cpu"],
      ["import ../pack.safetensors -o i.safetensors"],
      ["label builtin:avatar -n 4096 -o l.safetensors --engine onnx-cpu"],
    ])("to store more: %s", { timeout: 120_000 }, (words) => {
    const left = 'code=$?; for f in *.png; do [ -e "$f" ] && tail -c 12 "$f" | head -c 8; done; ls -a; exit $code';
    const ended = inSmallDisk(`${itself} ${words}; ${left}`);
    expect(ended).toMatchObject({ code: 3, err: expect.stringContaining("L5003") as string });
    // Pictures that are there have their end, and nothing temporary is.
    expect(ended.out.match(/IEND/g)?.length ?? 0).toBe(ended.out.match(/\.png$/gm)?.length ?? 0);
    expect(ended.out).not.toMatch(/\.lacec-/);
  });

  test("to open files", () => {
    const ended = shell(`ulimit -n 24; ${itself} run s.lace --no-cache`);
    expectMeaning(ended, "ulimit -n");
    expect(ended).toMatchObject({ code: 3, err: expect.stringContaining("ulimit -n") as string });
  });

  // Where V8 itself runs out, Node aborts and nothing can be said; what libraries throw is.
  test.each([
    new RangeError("Array buffer allocation failed"),
    new RangeError("WebAssembly.Memory(): could not allocate memory"),
    new Error("ERR_DLOPEN_FAILED: libvips-cpp.so: failed to map segment from shared object"),
    new Error("std::bad_alloc"),
    Object.assign(new Error("EMFILE: too many open files, open 'x'"), { code: "EMFILE", syscall: "open" }),
  ])("memory or files: %s", (error) => expect(exitCodeOf(troubleOf(error)!.diagnostics)).toBe(3));

  test("nothing, where it is a bug", () => {
    expect(troubleOf(new TypeError("x is not a function"))).toBeUndefined();
    expect(troubleOf("x")).toBeUndefined();
    const overflow = new RangeError("Maximum call stack size exceeded");
    expect(exitCodeOf(troubleOf(overflow)!.diagnostics)).toBe(2);
  });
});
