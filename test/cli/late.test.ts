// `on image at 8 px from tau 3`: terms on smaller pictures, and ones that join a flow that is under way.
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { emitOnnx } from "../../src/compiler/targets/onnx/onnx.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { lacec } from "../support/lacec.js";
import { randomModel } from "../support/model.js";
import { tinyRuns } from "../support/tiny-runs.js";

const { runText, path } = tinyRuns();
const bright = (looking: string): string => `attribute bright: binary from "bright.onnx" on image ${looking}\n`;
const DRAW = "sample s from tiny { where glasses and not bright  count 3  seed 3 }";
const SAVE = 'save s to "s-{index}.png"\n';

beforeAll(() => {
  const b = new GraphBuilder();
  const shades = b.mean(b.input("image", [1, 3, 16, 16]), [2, 3]);
  const logits = b.matmul(shades, b.constant([8, 8, 8], [3, 1]));
  writeFileSync(path("bright.onnx"), emitOnnx(b.finish({ outputs: { logits } })));
  const attributes = [{ name: "bright", type: "binary", gives: "logit" }];
  writeFileSync(path("bright.json"), JSON.stringify({ format: 1, input: { name: "image", size: 16 }, attributes }));
});

describe("a term that joins late", () => {
  test("changes nothing of the way until then, and is followed from there", async () => {
    const steps = "sampler ode { solver euler  steps 50  tau 5 }";
    const late = await runText("late", `${bright("from tau 2")}${DRAW.replace("}", `${steps} }`)}\n${SAVE}`);
    const until = await runText(
      "until",
      'sample s from tiny { where glasses  count 3  seed 3  sampler ode { solver euler  steps 20  tau 2 } }\nsave s to "s-{index}.png"\n',
    );
    const free = await runText("free", `${DRAW.replace("and not bright", "").replace("}", `${steps} }`)}\n${SAVE}`);
    const all = await runText("all", `${bright("")}${DRAW.replace("}", `${steps} }`)}\n${SAVE}`);
    const endsOf = (r: typeof late): readonly number[][] => r.tasks[0]!.samples.map((s) => [...s.z]);
    const brightness = late.tasks[0]!.samples.map((s) => s.heads.at(-1)![1]!);
    brightness.forEach((b, k) => expect(b).not.toBe(all.tasks[0]!.samples[k]!.heads.at(-1)![1]!));
    expect(endsOf(late)).not.toEqual(endsOf(free));
    // What is followed after tau 2 begins where a flow without the term is then.
    const from = await runText(
      "from",
      `${bright("")}sample s from tiny { where glasses  count 3  seed 3  sampler ode { solver euler  steps 20  tau 2 } }
edit e of s { step not bright and glasses  sampler ode { solver euler  steps 30  tau 3 } }\nsave e to "e-{index}.png"\n`,
    );
    from.tasks[1]!.samples.forEach((s, k) => {
      s.z.forEach((x, c) => expect(Math.abs(x - late.tasks[0]!.samples[k]!.z[c]!)).toBeLessThan(2e-3));
    });
    expect(until.tasks[0]!.samples.map((s) => s.accepted)).toEqual([20, 20, 20]);
    expect(late.tasks[0]!.samples.map((s) => s.accepted)).toEqual([50, 50, 50]);
  });

  test("is in the record, with the width of its pictures; and a picture makes itself again", async () => {
    const text = `${bright("at 8 px from tau 3")}${DRAW}
edit e of s[0] { keep identity 0.5 by "shades.onnx" at 8 px from tau 2  step not glasses }\n${SAVE}save e to "e.png"\n`;
    const b = new GraphBuilder();
    const features = b.mean(b.input("image", [1, 3, 16, 16]), [2, 3]);
    writeFileSync(path("shades.onnx"), emitOnnx(b.finish({ outputs: { features } })));
    writeFileSync(
      path("shades.json"),
      JSON.stringify({ format: 1, input: { name: "image", size: 16 }, features: "features" }),
    );
    const { record } = await runText("record", text);
    expect(record.models[0]!.heads[0]).toEqual({
      ...{ attribute: "bright", file: "bright.onnx", on: "image", pixels: 8, tau: 3 },
    });
    expect(record.tasks[1]!.family).toMatchObject({
      keepIdentity: { weight: 0.5, file: "shades.onnx", pixels: 8, tau: 2 },
    });
    const files = { tiny: "tiny.safetensors", bright: "bright.onnx", "e.identity": "shades.onnx" };
    const given = Object.entries(files).flatMap(([name, file]) => ["--model", `${name}=${path(file)}`]);
    const again = ["-o", path("again.png"), "--engine", "onnx-cpu"];
    const made = await lacec(["reproduce", path("record", "e.png"), ...given, ...again], { cwd: path("") });
    expect([made.code, made.err]).toEqual([0, expect.not.stringContaining("error")]);
    expect(readFileSync(path("again.png")).equals(readFileSync(path("record", "e.png")))).toBe(true);
  });

  test("has pictures that do not depend on the others of the batch", async () => {
    const text = `${bright("from tau 3")}${DRAW}\n${SAVE}`;
    const all = await runText("three", text);
    const one = await runText("one", text, { shard: { number: 2, of: 3 } });
    expect([...one.tasks[0]!.samples[0]!.z]).toEqual([...all.tasks[0]!.samples[1]!.z]);
  });
});

test("a generator that paints in its last block alone cannot be looked at on its way", async () => {
  writeFileSync(path("orig.safetensors"), writePack(randomModel({ style: "orig" }), { source: "a test" }));
  writeFileSync(path("wrong.lace"), `lace 1\nmodel tiny from "orig.safetensors"\n${bright("at 8 px")}${DRAW}\n${SAVE}`);
  const { code, err } = await lacec(["run", "wrong.lace", "--out", "wrong"], { cwd: path("") });
  expect(code).not.toBe(0);
  expect(err).toMatch(/L5324[^]*8 px wide[^]*last block/);
});
