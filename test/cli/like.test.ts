// `like("ref.png")`: pictures that are like one, by pixels and a network; of a mask's part; in locks and recipes.
import { readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import type { LockEntry } from "../../src/runtime/recipe/lock.js";
import { lacec } from "../support/lacec.js";
import { tinyRuns } from "../support/tiny-runs.js";

const { runText, path } = tinyRuns();
const SAMPLER = "sampler ode { rtol 0.05  atol 0.05 }";
const SAVE = 'save s to "s-{index}.png"\n';
const LIKE = 'energy known = like("ref.png" by "shades.onnx")\n';

beforeAll(async () => {
  await runText("ref", `sample s from tiny { where glasses  count 1  seed 40 }\n${SAVE}`);
  await sharp(path("ref", "s-0.png")).toFile(path("ref.png"));
  const half = Buffer.from(Array.from({ length: 16 * 16 }, (_, p) => (p % 16 < 8 ? 255 : 0)));
  await sharp(half, { raw: { width: 16, height: 16, channels: 1 } }).toFile(path("left.png"));
  await sharp({ create: { width: 4, height: 4, channels: 3, background: "black" } }).toFile(path("black.png"));
  const b = new GraphBuilder();
  const features = b.mean(b.input("image", [1, 3, 16, 16]), [2, 3]);
  writeFileSync(path("shades.onnx"), emitOnnx(b.finish({ outputs: { features } })));
  const description = { format: 1, input: { name: "image", size: 16 }, features: "features" };
  writeFileSync(path("shades.json"), JSON.stringify(description));
});

/** Mean square of what two pictures differ by, in [-1, 1], of columns before `until`. */
async function misfit(file: string, until = 16): Promise<number> {
  const [a, b] = await Promise.all([file, path("ref.png")].map((f) => sharp(f).removeAlpha().raw().toBuffer()));
  let [sum, count] = [0, 0];
  a!.forEach((v, i) => {
    if (Math.floor(i / 3) % 16 >= until) return;
    sum += ((v - b![i]!) / 127.5) ** 2;
    count += 1;
  });
  return sum / count;
}

describe("`like`", () => {
  test("draws pictures that are like the one that is named, in all of it or where a mask is white", async () => {
    const of = (where: string): string => `sample s from tiny { ${where}  count 3  seed 3  ${SAMPLER} }\n${SAVE}`;
    await runText("free", of(""));
    const results = await runText("whole", LIKE + of("where known"));
    await runText("part", of('where like("ref.png" in "left.png")'));
    for (const index of [0, 1, 2]) {
      const [free, whole, part] = await Promise.all(
        ["free", "whole", "part"].map((name) => misfit(path(name, `s-${index}.png`), name === "whole" ? 16 : 8)),
      );
      expect(whole).toBeLessThan(await misfit(path("free", `s-${index}.png`)));
      expect(part).toBeLessThan(free!);
    }
    for (const { heads, logp } of results.tasks[0]!.samples) expect(logp).toBeCloseTo(-(heads.at(-1)![0]! ** 2) / 2, 3);
    expect(results.record.models[0]!.heads[0]).toMatchObject({
      attribute: 'like("ref.png" by "shades.onnx")',
      on: "image",
    });
  });

  test("goes with attributes, in edits and sweeps, at other widths", async () => {
    const text = `sample s from tiny { where glasses and 0.5 * like("ref.png" at 8 px from tau 3)  count 1  seed 3 }
edit e of s { step like("ref.png" by "shades.onnx") and hair is blond }
sweep w over t in 0.2..0.8 by 0.6 from tiny { where tilt is t or like("ref.png")  count 1 }
expect s: like("ref.png") >= 0
${SAVE}save e to "e.png"\nsave w to "w.png" as grid\n`;
    const { tasks, diagnostics } = await runText("mixed", text);
    expect(tasks.flatMap((t) => t.samples.map((s) => s.status))).toEqual(["done", "done", "done", "done"]);
    expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
  });

  test("has its files in the lock, and recipes ask for them", async () => {
    const text = `${LIKE}sample s from tiny { where known  count 1  seed 3  ${SAMPLER} }\n${SAVE}`;
    await runText("kept", text);
    await lacec(["lock", "kept.lace"], { cwd: path() });
    const lock = JSON.parse(readFileSync(path("lace.lock"), "utf8")) as { scripts: Record<string, LockEntry> };
    const { files = {}, models } = lock.scripts["kept.lace"]!;
    expect(Object.keys(files).sort()).toEqual(["ref.png", "shades.json", "shades.onnx"]);
    expect(models["tiny"]!.heads).toEqual({});
    const picture = path("kept", "s-0.png");
    const given = (names: readonly (readonly [string, string])[]): string[] =>
      names.flatMap(([name, file]) => ["--model", `${name}=${path(file)}`]);
    const own = [
      ["tiny", "tiny.safetensors"],
      ["known.network", "shades.onnx"],
    ] as const;
    const asked = await lacec(["reproduce", picture, ...given(own)], { cwd: path() });
    expect(asked.err).toMatch(/L5304[^]*`known\.picture`[^]*ref\.png[^]*SHA-256 [0-9a-f]{64}/);
    const all = given([...own, ["known.picture", "ref.png"]]);
    const made = await lacec(["reproduce", picture, ...all, "-o", path("again.png"), "--engine", "onnx-cpu"], {
      cwd: path(),
    });
    expect([made.code, made.err]).toEqual([0, expect.not.stringContaining("error")]);
    expect(readFileSync(path("again.png")).equals(readFileSync(picture))).toBe(true);
  });

  test.each([
    ['like("none.png")', /L5001[^]*none\.png[^]*wrong\.lace:3/],
    ['like("shades.json")', /L5301[^]*wrong\.lace:3/],
    ['like("ref.png" in "black.png")', /L5324[^]*black[^]*wrong\.lace:3/],
    ['like("ref.png" by "none.onnx")', /L5001[^]*none\.onnx/],
  ])("%s says what is wrong, at its place", async (energy, wanted) => {
    writeFileSync(
      path("wrong.lace"),
      `lace 1\nmodel tiny from "tiny.safetensors"\nsample s from tiny { where ${energy} }\n${SAVE}`,
    );
    const { code, err } = await lacec(["run", "wrong.lace", "--out", "wrong"], { cwd: path() });
    expect(code).not.toBe(0);
    expect(err).toMatch(wanted);
  });
});
