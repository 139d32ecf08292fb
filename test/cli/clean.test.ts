// What earlier runs left, and lacec clean.
import { createHash } from "node:crypto";
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePack } from "../../src/models/pack/write-pack.js";
import { clean, run } from "../../src/node.js";
import { filesOfRecord } from "../../src/runtime/record/left-outputs.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const script = (count: number, name = "r", path = "r/{index}.png"): string =>
  `lace 1\nmodel tiny from "tiny.safetensors"\nsample ${name} from tiny { count ${count} seed 5 }\nsave ${name} to "${path}"\n`;

let folder: ReturnType<typeof folderWith>;
const at = (...path: string[]): string => join(folder.path, ...path);
const draw = (count: number, file = "r.lace"): ReturnType<typeof run> => {
  writeFileSync(at(file), file === "r.lace" ? script(count) : script(count, "s", "r/s-{index}.png"));
  return run(at(file), { out: at("out"), engine: "onnx-cpu" });
};
const recordOf = (file = "run.json"): { left: { file: string; sha256: string }[]; outputs: { file: string }[] } =>
  JSON.parse(readFileSync(at("out/r", file), "utf8")) as ReturnType<typeof recordOf>;
const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

beforeAll(() => {
  folder = folderWith({});
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

describe("files that a run no longer makes", () => {
  test("are named by its record, carried along, and forgotten when they are made again", async () => {
    expect((await draw(4)).record.left).toEqual([]);
    const three = await draw(3);
    expect(three.record.left).toEqual([{ file: "3.png", sha256: sha256(readFileSync(at("out/r/3.png"))) }]);
    await draw(2);
    expect(recordOf().left.map((l) => l.file)).toEqual(["2.png", "3.png"]);
    await draw(3);
    expect(recordOf().left.map((l) => l.file)).toEqual(["3.png"]);
    rmSync(at("out/r/3.png"));
    expect((await draw(3)).record.left).toEqual([]);
  });

  test("go with clean, once; a dry run only says so", async () => {
    await draw(3);
    await draw(1);
    const before = filesIn(at("out"));
    const dry = await clean(at("r.lace"), { out: at("out"), dryRun: true });
    expect([dry.removed, dry.kept, filesIn(at("out"))]).toEqual([["1.png", "2.png"], [], before]);
    expect((await clean(at("r.lace"), { out: at("out") })).removed).toEqual(["1.png", "2.png"]);
    expect([filesIn(at("out")), recordOf().left]).toEqual([["r/0.png", "r/run.json"], []]);
    expect((await clean(at("r.lace"), { out: at("out") })).removed).toEqual([]);
  });

  test("stay where they were changed, are links, or another script's record names them", async () => {
    await draw(6);
    await draw(1, "s.lace");
    await draw(1);
    writeFileSync(at("out/r/1.png"), "mine now");
    const target = at("elsewhere.png");
    writeFileSync(target, readFileSync(at("out/r/2.png")));
    rmSync(at("out/r/2.png"));
    symlinkSync(target, at("out/r/2.png"));
    const other = JSON.parse(readFileSync(at("out/r/s.run.json"), "utf8")) as { outputs: object[] };
    other.outputs.push({ file: "3.png", sha256: sha256(readFileSync(at("out/r/3.png"))) });
    writeFileSync(at("out/r/s.run.json"), JSON.stringify(other));
    const { removed, kept } = await clean(at("r.lace"), { out: at("out") });
    expect(removed).toEqual(["4.png", "5.png"]);
    expect(kept).toEqual([
      { file: "1.png", reason: "it was changed since" },
      { file: "2.png", reason: "it is a link, or behind one" },
      { file: "3.png", reason: "s.run.json names it" },
    ]);
    expect(recordOf().left.map((l) => l.file)).toEqual(["1.png", "2.png", "3.png"]);
    expect(readFileSync(target).length).toBeGreaterThan(0);
  });

  test("are never outside the record's folder, whatever a record says", async () => {
    await draw(1);
    const outside = at("outside.png");
    writeFileSync(outside, "precious");
    const names = [
      "../../outside.png",
      outside,
      "a/../../../outside.png",
      "builtin:avatar",
      "model:x",
      "c:/x",
      "..\\x",
      "",
    ];
    const left = names.map((file) => ({ file, sha256: sha256("precious") }));
    const hostile = JSON.stringify({ ...recordOf(), left });
    expect(filesOfRecord(hostile).left).toEqual([]);
    writeFileSync(at("out/r/run.json"), hostile);
    expect(await clean(at("r.lace"), { out: at("out") })).toMatchObject({ removed: [], kept: [] });
    expect(readFileSync(outside, "utf8")).toBe("precious");
  });

  test("a shard leaves what the whole made; the command says what it does", async () => {
    await draw(2);
    const part = await run(at("r.lace"), { out: at("out"), engine: "onnx-cpu", shard: { number: 1, of: 2 } });
    expect(part.record.left).toEqual([]);
    await draw(1);
    const ended = await lacec(["clean", "r.lace", "--out", "out"], { cwd: folder.path });
    expect([ended.code, ended.out]).toEqual([0, expect.stringContaining("removed 1.png\n")]);
    const none = await lacec(["clean", "r.lace", "--out", "nowhere"], { cwd: folder.path });
    expect([none.code, none.err]).toEqual([3, expect.stringContaining("error[L5001]")]);
  });
});
