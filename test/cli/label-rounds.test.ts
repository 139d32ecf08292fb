import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDataMetadata } from "../../src/runtime/data/data-metadata.js";
import { readSafetensors } from "../../src/runtime/model/safetensors.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import { folderWith, lacec, type Ended } from "../support/lacec.js";

const ROWS = 192;
const OF_THE_FIRST = 96;

let folder: ReturnType<typeof folderWith>;
beforeAll(async () => {
  folder = folderWith({ "some.csv": "index,beard\n0,yes\n1,no\n" });
  expect((await label("-n", `${ROWS}`, "--rounds", "2", "-o", "two.safetensors")).code).toBe(0);
});
afterAll(() => folder.remove());

const label = (...args: readonly string[]): Promise<Ended> =>
  lacec(["label", "builtin:avatar", ...args, "--engine", "onnx-cpu"], { cwd: folder.path });
const bytesOf = (file: string): Buffer => readFileSync(join(folder.path, file));
const read = (file: string) => readSafetensors(bytesOf(file), file);

/** Rows of which z is no longer the one that the seed draws. */
function movedRows(file: string): number[] {
  const z = read(file).tensor("z")!.data;
  const width = z.length / ROWS;
  const drawn = Float32Array.from(
    drawLatents(
      1,
      Array.from({ length: ROWS }, (_, i) => i),
      width,
    ),
  );
  return Array.from({ length: ROWS }, (_, i) => i).filter((row) =>
    z.subarray(row * width, (row + 1) * width).some((v, i) => v !== drawn[row * width + i]),
  );
}

describe("lacec label --rounds", () => {
  test("draws the first round as ever, and lets every row of the next follow heads trained on it", async () => {
    expect((await label("-n", `${ROWS}`, "-o", "one.safetensors")).code).toBe(0);
    const [one, two] = [read("one.safetensors"), read("two.safetensors")];
    const width = one.tensor("w")!.data.length / ROWS;
    const first = (data: typeof one) => data.tensor("w")!.data.slice(0, OF_THE_FIRST * width);
    expect(first(two)).toEqual(first(one));
    expect(movedRows("one.safetensors")).toEqual([]);
    expect(movedRows("two.safetensors")).toEqual(Array.from({ length: OF_THE_FIRST }, (_, i) => OF_THE_FIRST + i));
    const rounds = (data: typeof one) => parseDataMetadata(data.metadata.get("lace"), "x").rounds;
    expect([rounds(one), rounds(two)]).toEqual([undefined, 2]);
  });

  test("killed in its second round and run again, it ends with the bytes of a run that was left alone", async () => {
    const part = join(folder.path, "stopped.safetensors.part");
    const stopped = await lacec(
      [
        "label",
        "builtin:avatar",
        "-n",
        `${ROWS}`,
        "--rounds",
        "2",
        "-o",
        "stopped.safetensors",
        "--engine",
        "onnx-cpu",
      ],
      {
        cwd: folder.path,
        during: (kill) => {
          const timer = setInterval(() => {
            const bytes = existsSync(part) ? readFileSync(part) : Buffer.alloc(0);
            if (bytes.length < 8 || bytes.readUInt32LE(bytes.length - 8) < OF_THE_FIRST) return;
            clearInterval(timer);
            kill("SIGINT");
          }, 5);
        },
      },
    );
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("the same command goes on where it stopped");
    const resumed = await label("-n", `${ROWS}`, "--rounds", "2", "-o", "stopped.safetensors", "--json");
    expect((JSON.parse(resumed.out) as { resumed: number }).resumed).toBeGreaterThanOrEqual(OF_THE_FIRST);
    expect(bytesOf("stopped.safetensors").equals(bytesOf("two.safetensors"))).toBe(true);
  });

  test("rows that show no attribute in two ways are told, and kept", async () => {
    const ended = await label("-n", "12", "--rounds", "3", "-o", "few.safetensors");
    expect([ended.code, ended.err]).toEqual([
      3,
      expect.stringMatching(/L5321.*the first 4 rows show no attribute in two ways[\s\S]*without --rounds/),
    ]);
    expect(existsSync(join(folder.path, "few.safetensors.part"))).toBe(true);
  });

  test.each([
    [["--labels", "some.csv"], /it needs a labeller/],
    [["--export", "hand"], /it needs a labeller/],
    [["--follow", "0.5"], /give one of them/],
    [["--rounds", "0"], /a whole number of at least 1/],
  ] as const)("%j does not go with it", async (args, message) => {
    const ended = await label("-n", "8", "--rounds", "2", ...args);
    expect([ended.code, ended.err]).toEqual([2, expect.stringMatching(message)]);
  });
});
