import { describe, expect, test } from "vitest";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import {
  buildEnergyGraph,
  buildReadout,
  compileEnergyGradient,
  compileReadout,
  type EnergyTask,
} from "../../src/compiler/build/gradient.js";
import { expectClose } from "../support/close.js";
import { headRow, rowOf } from "../support/dense.js";
import { randomModel, RANDOM_ATTRIBUTES } from "../support/model.js";
import { random } from "../support/random.js";

const span = { file: "test", start: 0, end: 0 };
const ROWS = 3;
const glasses: Energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span };
const hair: Energy = { kind: "class", attribute: 1, values: [0, 2], temperature: 1.5, span };
const tilt: Energy = { kind: "near", attribute: 2, target: 0.3, sigma: 0.4, span };
const energy: Energy = { kind: "and", parts: [glasses, { kind: "not", part: hair, span }, tilt], span };

/** A model of which some heads take z; zDim = wDim, so that heads of both spaces have one shape and could be stacked by mistake. */
const model = (inZ: readonly string[], smooth: readonly string[] = []) =>
  randomModel({ zDim: 8, wDim: 8, inZ, smooth });
const latents = (): Float64Array => {
  const r = random(4);
  return Float64Array.from({ length: ROWS * 8 }, () => r.normal());
};
const task = (inZ: readonly string[], keep?: EnergyTask["keep"], smooth?: readonly string[]): EnergyTask => ({
  ...{
    weights: model(inZ, smooth).weights,
    attributes: RANDOM_ATTRIBUTES,
    energy,
    logic: "product",
    truncation: 0.6,
    rows: ROWS,
  },
  ...(keep && { keep }),
});

/** The energy's gradient is that of central differences, however heads are stacked. */
function expectSlopes(inZ: readonly string[], smooth: readonly string[] = []): void {
  const keep = { latent: 0.04, attributes: 0.01, held: [2] };
  const inputs = {
    z: latents(),
    z0: latents().map((v) => v + 0.1),
    w0: latents(),
    held0: Float64Array.of(0.1, 0.2, 0.3),
  };
  const graph = buildEnergyGraph(task(inZ, keep, smooth));
  const logp = (z: Float64Array) => interpret(graph, { ...inputs, z })["logp"]!;
  for (const stacking of ["none", "first", "all"] as const) {
    const found = interpret(compileEnergyGradient(task(inZ, keep, smooth), stacking), inputs);
    expectClose(found["logp"]!, logp(inputs.z), { abs: 1e-6, rel: 1e-6 });
    inputs.z.forEach((v, i) => {
      const at = (x: number) => logp(inputs.z.map((u, k) => (k === i ? x : u)))[Math.floor(i / 8)]!;
      expectClose(found["grad"]![i]!, (at(v + 1e-5) - at(v - 1e-5)) / 2e-5, { abs: 1e-5, rel: 1e-4 });
    });
  }
}

describe("heads in z", () => {
  test("read z itself: truncation moves w and heads in w, not them", () => {
    const { weights } = model(["hair"]);
    const z = latents();
    const read = (truncation: number) => interpret(buildReadout({ weights, truncation, rows: ROWS }), { z });
    const [whole, short] = [read(1), read(0.5)];
    for (let row = 0; row < ROWS; row++) {
      const [a, b] = [rowOf(whole["logits"]!, row, 6), rowOf(short["logits"]!, row, 6)];
      expect(b.slice(2, 5)).toEqual(a.slice(2, 5));
      expect(b.slice(0, 2)).not.toEqual(a.slice(0, 2));
      expectClose(a.slice(2, 5), headRow(weights, 1, rowOf(z, row, 8)), { abs: 1e-9, rel: 1e-9 });
    }
  });

  test.each([[["glasses"]], [["hair", "tilt"]], [["glasses", "hair", "tilt"]]])(
    "have the gradient of central differences, those in z being %j",
    (inZ) => {
      expectSlopes(inZ);
    },
  );

  test("stand beside heads in w in the read-out, however they are stacked", () => {
    const { weights } = model(["glasses"]);
    const inputs = { z: latents() };
    const wanted = interpret(buildReadout({ weights, truncation: 0.7, rows: ROWS }), inputs);
    for (const stacking of ["none", "first", "all"] as const) {
      const found = interpret(compileReadout({ weights, truncation: 0.7, rows: ROWS }, stacking), inputs);
      expectClose(found["logits"]!, wanted["logits"]!, { abs: 1e-6, rel: 1e-6 });
      expectClose(found["w"]!, wanted["w"]!, { abs: 1e-6, rel: 1e-6 });
    }
  });

  test("without a mapping are heads in w: its w is z", () => {
    const [inW, inZ] = [model([]), model(["glasses", "hair", "tilt"])];
    const read = ({ weights }: typeof inW) => {
      const mapless = { zDim: weights.zDim, heads: weights.heads };
      return interpret(compileReadout({ weights: mapless, truncation: 0.5, rows: ROWS }), { z: latents() })["logits"];
    };
    expect(read(inZ)).toEqual(read(inW));
  });
});

describe("smooth heads", () => {
  const smooth = ["glasses", "tilt"];

  test("are logistic functions of the latent of their space, and the latent beside them, in any stack", () => {
    const { weights } = model(["tilt"], smooth);
    const z = latents();
    for (const stacking of ["none", "first", "all"] as const) {
      const { logits, w } = interpret(compileReadout({ weights, truncation: 0.6, rows: ROWS }, stacking), { z });
      for (let row = 0; row < ROWS; row++) {
        const own = weights.heads.flatMap((head, h) => headRow(weights, h, rowOf(head.space === "z" ? z : w!, row, 8)));
        expectClose(rowOf(logits!, row, 6), own, { abs: 1e-6, rel: 1e-6 });
      }
    }
  });

  test.each([[[]], [["hair", "tilt"]]])("have the gradient of central differences, those in z being %j", (inZ) => {
    expectSlopes(inZ, smooth);
  });
});
