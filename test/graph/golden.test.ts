import { describe, expect, test } from "vitest";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { buildEnergyGraph, compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { buildReadout } from "../../src/compiler/build/gradient.js";
import { expectClose } from "../support/close.js";
import { goldenEnergy } from "../support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace } from "../support/golden.js";

/** Both sides are float64; what is left is the order of sums, which kinks of the heads may amplify. */
const EXACT = { abs: 1e-7, rel: 1e-6 };

describe.skipIf(!GOLDEN_PRESENT).each(["lace-tiny", "lace-ffhq-scale"] as const)(
  "golden numbers of %s (skipped without ../shared/golden)",
  (dir) => {
    test("log p and its gradient are the reference's, in every case, as built and as compiled", async () => {
      const golden = await loadGoldenLace(dir);
      expect(golden.cases.length).toBeGreaterThan(5);
      for (const c of golden.cases) {
        const { attributes, weights } = golden;
        const energy = goldenEnergy(golden, c);
        const task: EnergyTask = {
          attributes,
          weights,
          energy,
          logic: "lace",
          truncation: c.truncation,
          rows: c.batch,
        };
        const z = golden.expected(`${c.name}.z0`).data;
        const built = differentiate(buildEnergyGraph(task), { of: "logp", wrt: { z: "grad" } });
        for (const graph of [built, compileEnergyGradient(task)]) {
          const { logp, grad } = interpret(graph, { z });
          expectClose(logp!, golden.expected(`${c.name}.logp0`).data, EXACT);
          expectClose(grad!, golden.expected(`${c.name}.grad0`).data, EXACT);
        }
      }
    });

    test("the read-out gives the reference's logits of the case's attributes", async () => {
      const golden = await loadGoldenLace(dir);
      const c = golden.cases.find((x) => x.name === "conjunction")!;
      const heads = c.indices.map((i) => golden.weights.heads[i]!);
      const weights = { ...golden.weights, heads };
      const readout = buildReadout({ weights, truncation: c.truncation, rows: c.batch });
      const { logits } = interpret(readout, { z: golden.expected("conjunction.z0").data });
      expectClose(logits!, golden.expected("conjunction.logits0").data, EXACT);
    });
  },
);
