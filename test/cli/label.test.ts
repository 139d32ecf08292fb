import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDataMetadata } from "../../src/learn/label/data-metadata.js";
import { layoutData, settingsOf } from "../../src/learn/label/layout.js";
import { openPart, partName } from "../../src/node/part-file.js";
import { modelsFolder } from "../../src/node/host.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "eye.json": JSON.stringify({
      format: 1,
      input: { size: 128 },
      attributes: [
        { name: "glasses", type: "binary" },
        { name: "skin", type: "scalar", min: 0, max: 1, columns: [13] },
      ],
    }),
    "some.csv": "index,beard,age\n0,yes,20\n1,no,40\n5,yes,30\n",
  });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  copyFileSync(join(modelsFolder(), "avatar-labeller.onnx"), join(folder.path, "eye.onnx"));
});
afterAll(() => folder.remove());

const label = (...args: readonly string[]): Promise<Ended> =>
  lacec(["label", ...args, "--engine", "onnx-cpu"], { cwd: folder.path });
const bytes = (file: string): Buffer => readFileSync(join(folder.path, file));
const read = (file: string) => readSafetensors(bytes(file), file);

/** Takes a finished data file apart again: its rows as a part. */
async function partOf(whole: Uint8Array, file: string): Promise<string> {
  rmSync(file);
  const stored = readSafetensors(whole, file);
  const metadata = parseDataMetadata(stored.metadata.get("lace"), file);
  const layout = layoutData(metadata, { conditions: true, probabilities: ["glasses"], thumbnails: 0 });
  const part = await openPart(file, { layout, settings: settingsOf(metadata, layout) });
  for (const { first, count } of part.missing) {
    const rows = [...layout.tensors].map(([name, { start, end }]) => {
      const row = (end - start) / metadata.count;
      return [
        name,
        new Float32Array(new Uint8Array(whole.subarray(start + first * row, start + (first + count) * row)).buffer),
      ] as const;
    });
    await part.write(first, new Map(rows));
  }
  await part.close();
  return partName(file);
}

describe("lacec label", () => {
  test("labels the embedded model by its own labeller and shows a histogram", async () => {
    const { code, out, err } = await label("builtin:avatar", "-n", "40", "-o", "a.safetensors", "--thumbnails", "8");
    expect(err).toMatch(/✓ label avatar/);
    expect(code).toBe(0);
    expect(out).toMatch(/^glasses +no +[█░]+ +\d+ +\d+\.\d%\n +yes /m);
    expect(out).toMatch(/^tilt +0 ▕.{10}▏ 1 {2}mean 0\.\d+/m);
    expect(out).toContain("wrote a.safetensors");
    const data = read("a.safetensors");
    const { count, attributes } = parseDataMetadata(data.metadata.get("lace"), "a");
    expect([count, attributes.length]).toEqual([40, 8]);
    expect(data.tensor("thumbnails")!.shape).toEqual([40, 8, 8, 3]);
    for (const a of attributes) expect(data.tensor(`labels.${a.name}`)!.data.every(Number.isFinite)).toBe(true);
    const probs = data.tensor("probs.hair")!.data;
    const hair = data.tensor("labels.hair")!.data;
    hair.forEach((k, row) => {
      const p = [...probs.subarray(row * 5, row * 5 + 5)];
      expect(p.indexOf(Math.max(...p))).toBe(k);
    });
  });

  test.each([
    [260, 260],
    [260, 150],
    [200, 280],
  ])(
    "killed with %i rows to label and run again for %i, it ends with the bytes of a run that was left alone",
    async (first, then) => {
      const args = ["tiny.safetensors", "--labeller", "eye.onnx", "-o"] as const;
      const part = join(folder.path, "stopped.safetensors.part");
      const sizes = new Set<number>();
      const stopped = await lacec(["label", ...args, "stopped.safetensors", "-n", `${first}`, "--engine", "onnx-cpu"], {
        cwd: folder.path,
        during: (kill) => {
          const timer = setInterval(() => {
            sizes.add(existsSync(part) ? statSync(part).size : 0);
            if (sizes.size < 4) return; // nothing, the head, a block, the next one
            clearInterval(timer);
            kill("SIGINT");
          }, 2);
        },
      });
      expect(stopped.code).toBe(130);
      expect(stopped.err).toContain("the same command goes on where it stopped");
      expect(existsSync(join(folder.path, "stopped.safetensors"))).toBe(false);
      const resumed = await label(...args, "stopped.safetensors", "-n", `${then}`, "--json");
      const whole = await label(...args, "whole.safetensors", "-n", `${then}`);
      expect(JSON.parse(resumed.out)).toMatchObject({
        ok: true,
        count: then,
        diagnostics: [],
        tallies: [{ name: "glasses" }, { name: "skin" }],
      });
      expect((JSON.parse(resumed.out) as { resumed: number }).resumed).toBeGreaterThanOrEqual(64);
      expect(whole.code).toBe(0);
      expect(bytes("stopped.safetensors").equals(bytes("whole.safetensors"))).toBe(true);
      expect(existsSync(part)).toBe(false);
      rmSync(join(folder.path, "stopped.safetensors"));
    },
  );

  test("parts of the rows, joined, are the bytes of one run; each is a data file of its own", async () => {
    const args = ["tiny.safetensors", "--labeller", "eye.onnx", "-n", "150", "-o"] as const;
    for (const shard of ["2/2", "1/2"]) {
      const { code, out } = await label(...args, "cut.safetensors", "--shard", shard);
      expect([code, out]).toEqual([0, expect.stringContaining(`wrote cut.shard-${shard[0]}-of-2.safetensors`)]);
    }
    const { count, shard } = parseDataMetadata(read("cut.shard-2-of-2.safetensors").metadata.get("lace"), "cut");
    expect([count, shard]).toEqual([86, { first: 64, of: 150 }]);
    const files = ["cut.shard-1-of-2.safetensors", "cut.shard-2-of-2.safetensors"];
    const joined = await label("--join", ...files, "-o", "joined.safetensors", "--json");
    expect(JSON.parse(joined.out)).toMatchObject({ ok: true, count: 150, tallies: [{ name: "glasses" }, {}] });
    await label(...args, "one-run.safetensors");
    expect(bytes("joined.safetensors").equals(bytes("one-run.safetensors"))).toBe(true);
    const alone = await label("--join", files[0]!, "-o", "joined.safetensors");
    expect(alone.err).toMatch(/L5317.*rows 64 to 149 of 150 are in no file/s);
    expect(alone.code).toBe(3);
  });

  test("rows that the disk has changed are made again, and that is said", async () => {
    const args = ["tiny.safetensors", "--labeller", "eye.onnx", "-n", "150", "-o", "hurt.safetensors"] as const;
    await label(...args);
    const whole = bytes("hurt.safetensors");
    // A part with all rows: one whose last renaming failed.
    const part = await partOf(whole, join(folder.path, "hurt.safetensors"));
    const hurt = readFileSync(part);
    hurt[hurt.length - 2000]! ^= 1;
    writeFileSync(part, hurt);
    const again = await label(...args);
    expect(again.err).toMatch(
      /warning\[L5318\]: rows 128 to 149 in hurt.safetensors.part were damaged; they were made again/,
    );
    expect(again.code).toBe(0);
    expect(bytes("hurt.safetensors").equals(whole)).toBe(true);
  });

  test("killed while it writes images, it leaves whole ones and says so", async () => {
    const out = join(folder.path, "cut");
    const ended = await lacec(
      ["label", "tiny.safetensors", "-n", "2000", "--export", "cut", "--engine", "onnx-cpu", "--json"],
      {
        cwd: folder.path,
        during: (kill) => {
          const timer = setInterval(() => {
            if (!existsSync(out) || filesIn(out).filter((f) => f.endsWith(".png")).length < 10) return;
            clearInterval(timer);
            kill("SIGINT");
          }, 5);
        },
      },
    );
    expect(ended.code).toBe(130);
    expect(JSON.parse(ended.out)).toMatchObject({
      ok: false,
      exitCode: 130,
      diagnostics: [{ code: "L4106", message: "the writing of images was interrupted" }],
    });
    const left = filesIn(out);
    expect(left.filter((f) => !/^\d{6}\.png$/.test(f))).toEqual([]);
    expect(left.length).toBeLessThan(2000);
  });

  test("images go out for labelling by hand, and the labels come back", async () => {
    const out = await label("tiny.safetensors", "-n", "6", "--export", "hand");
    expect(out.code).toBe(0);
    expect(filesIn(join(folder.path, "hand"))).toEqual([
      ...Array.from({ length: 6 }, (_, i) => `00000${i}.png`),
      "labels.csv",
    ]);
    expect(readFileSync(join(folder.path, "hand/labels.csv"), "utf8")).toMatch(/^file\n000000.png\n/);
    const back = await label("tiny.safetensors", "--labels", "some.csv", "-o", "hand.safetensors");
    expect(back.err).not.toContain("error");
    expect(back.out).toMatch(/beard .*3 missing/);
    const data = read("hand.safetensors");
    expect([...data.tensor("labels.beard")!.data]).toEqual([1, 0, NaN, NaN, NaN, 1]);
    expect([...data.tensor("labels.age")!.data]).toEqual([20, 40, NaN, NaN, NaN, 30]);
    expect(data.tensors.has("probs.beard")).toBe(false);
  });

  test.each([
    ["a model without labeller", ["tiny.safetensors"], 3, /L5312.*has no labeller of its own/s],
    ["a labeller without JSON", ["tiny.safetensors", "--labeller", "other.onnx"], 3, /L5312.*there is no other.json/s],
    [
      "labels beyond the rows",
      ["tiny.safetensors", "-n", "3", "--labels", "some.csv"],
      3,
      /L5313.*some.csv:4: index 5 is beyond/s,
    ],
    [
      "a part of nothing",
      ["tiny.safetensors", "-n", "64", "--labeller", "eye.onnx", "--shard", "1/2"],
      3,
      /L5317.*is empty/s,
    ],
    ["a model to be joined", ["tiny.safetensors", "--join", "a"], 2, /-o and --fresh alone go with it/],
    ["two sources of labels", ["tiny.safetensors", "--labels", "a", "--labeller", "b"], 2, /give one of them/],
    ["faces to be found by nobody", ["tiny.safetensors", "--find-faces"], 2, /--find-faces is for --labeller faces/],
    ["a range upside down", ["tiny.safetensors", "--truncation", "1..0.5"], 2, /write it as 0.5..1/],
    ["an engine that is none", ["tiny.safetensors", "--engine", "abacus"], 2, /there is no engine abacus/],
  ])("%s is told, and nothing is left", async (_, args, code, message) => {
    const before = filesIn(folder.path);
    const ended = await lacec(["label", "--engine", "onnx-cpu", ...args, "-o", "none.safetensors"], {
      cwd: folder.path,
    });
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
    expect(filesIn(folder.path)).toEqual(before);
  });
});
