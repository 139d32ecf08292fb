// What strangers write reaches a terminal as text: names, licences, paths and scripts cannot clear it, hide in it or turn it round.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { printable } from "../../src/cli/io.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { oneLine, visible } from "../../src/source/foreign-text.js";
import { render } from "../../src/source/render.js";
import { failure } from "../../src/source/diagnostic.js";
import { folderWith, lacec, root, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const CLEAR = "\u001b[2J";
const TITLE = "\u001b]0;owned\u0007";
const CONCEAL = "\u001b[8m";
const TURNED = "\u202egnp.exe\u202c";
const HOSTILE = `${CLEAR}${TITLE}${CONCEAL}${TURNED}\u009b2J\u2066`;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "path.lace": `lace 1\nmodel m from "a${HOSTILE}.safetensors"\nsample s from m { count 1 }\nsave s to "x${HOSTILE}.gif"\n`,
    "not.lace": `${HOSTILE}\n`,
    "labels.csv": `index,${HOSTILE}\n0,${HOSTILE}\n`,
    "drawn.lace":
      `lace 1 // ${CONCEAL}${TURNED}\nmodel avatar from "builtin:avatar"\nsample s from avatar { where glasses  count 1 }\n` +
      `save s to "s.png"\n`,
  });
  const model = randomModel();
  const long = "n".repeat(5_000_000);
  const pack = writePack({ ...model, licence: `${HOSTILE}${long}` }, { source: HOSTILE });
  writeFileSync(join(folder.path, "m.safetensors"), pack);
  writeFileSync(join(folder.path, "cut.safetensors"), pack.subarray(0, -7));
});
afterAll(() => folder.remove());

const run = (...args: readonly string[]): Promise<Ended> =>
  lacec(args, { cwd: folder.path, env: { FORCE_COLOR: "1" } });

/** All that a stranger could have done; the colours of lacec itself are taken out first. */
function expectTame({ out, err }: Ended): void {
  for (const text of [out, err]) {
    // eslint-disable-next-line no-control-regex -- what is looked for
    const rest = text.replace(/\u001b\[(?:[1-9]|2[0-9]|3[0-9])m/g, (code) => (code === CONCEAL ? code : ""));
    expect(rest).toBe(visible(rest));
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(10_000);
  }
}

describe("the terminal", () => {
  test.each([
    ["check", "path.lace"],
    ["check", "not.lace"],
    ["fmt", "--check", "path.lace"],
    ["run", "path.lace"],
    ["inspect", "m.safetensors"],
    ["inspect", "cut.safetensors"],
    ["inspect", `nowhere${HOSTILE}`],
    ["import", "m.safetensors", "-o", "again.safetensors"],
    ["label", "builtin:avatar", "-n", "2", "--labels", "labels.csv", "-o", "d.safetensors"],
    ["explain", HOSTILE],
    ["run", `${HOSTILE}.lace`],
    ["check", "path.lace", `--${HOSTILE}`],
  ])("stays as it is: lacec %s %s", async (...args) => expectTame(await run(...args)));

  test("stays as it is when the recipe of a picture is shown, and --json says all of it", async () => {
    expect((await run("run", "drawn.lace", "--no-cache")).code).toBe(0);
    const shown = await run("show", "s.png");
    expect(shown.code).toBe(0);
    expectTame(shown);
    expect(shown.out).toContain("\\u001b[8m");
    const { out } = await lacec(["show", "s.png", "--json"], { cwd: folder.path });
    expect(JSON.stringify(JSON.parse(out))).toContain(JSON.stringify(`// ${CONCEAL}${TURNED}`).slice(1, -1));
  });
});

test("a formatted script goes through a pipe as it is", async () => {
  const script = `lace 1  // ${TURNED}\n`;
  const { out } = await lacec(["fmt", "-"], { cwd: folder.path, input: script });
  expect(out).toBe(script);
});

test("marks of colours cannot be written by others", () => {
  expect(printable("\u001b<0000:31>red\u001b[31mred")).toBe("\\u001b<0000:31>red\\u001b[31mred");
});

test("a message is one line, and bounded", () => {
  const d = failure("L5107", `a\nerror[L0000]: b${"x".repeat(1e6)}`).diagnostics[0]!;
  const text = render(d, () => undefined);
  expect(text.split("\n")).toHaveLength(1);
  expect(text.length).toBeLessThan(3000);
  expect(oneLine("a\r\nb\tc")).toBe("a\\u000d\\u000ab\\u0009c");
});

test("text that people need stays: line ends, tabs, emoji with joiners, scripts of the right", () => {
  const text = "a\r\n\tb\n👩‍🔬 שלום مرحبا नमस्ते\n";
  expect(visible(text)).toBe(text);
});

test("only io.ts writes to the streams", () => {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  const writing = files.filter((f) => {
    const text = readFileSync(join(root, "src", f), "utf8");
    return /\bstd(?:out|err)\s*\.\s*write|(?<!connection\.)console\.(?:log|error|warn|info)/.test(
      text.replace(/\/\/.*|\/\*[^]*?\*\//g, ""),
    );
  });
  expect(writing).toEqual([join("cli", "io.ts")]);
});
