// Conditions of very many terms: their graphs grow with the terms, the passes with the graphs, and long chains mean what short ones do.
import { describe, expect, it, test } from "vitest";
import { buildLogProb } from "../../src/compiler/build/energy.js";
import { Numbers } from "../../src/compiler/build/predicates.js";
import type { Energy, Logic } from "../../src/compiler/energy/energy.js";
import { logProb } from "../../src/compiler/energy/interpret.js";
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { verify } from "../../src/compiler/graph/verify.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { fold } from "../../src/compiler/passes/fold.js";
import { optimize, simplify } from "../../src/compiler/passes/optimize.js";
import { prune } from "../../src/compiler/passes/prune.js";
import { share } from "../../src/compiler/passes/share.js";
import { widen } from "../../src/compiler/passes/widen.js";
import { expectClose } from "../support/close.js";

const span = { file: "a.lace", start: 0, end: 0 };
const attributes = ["p", "q", "r"].map((name) => ({ name, type: "scalar" as const, min: -9, max: 9, sigma: 1 }));
const forms = ["and", "or", "nots"] as const;

/** Terms of which no two are equal, so that nothing is shared. */
function energyOf(count: number, form: (typeof forms)[number]): Energy {
  const parts = Array.from({ length: count }, (_, i): Energy => {
    const term: Energy = { kind: "above", attribute: i % 3, threshold: i / count - 0.5, sigma: 1, span };
    return form === "nots" && i % 2 === 0 ? { kind: "not", part: term, span } : term;
  });
  return { kind: form === "or" ? "or" : "and", parts, span };
}

function graphOf(energy: Energy, logic: Logic): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 3]);
  const read = (a: { readonly attribute: number }) => b.sliceAxis(x, 1, a.attribute, 1);
  return b.finish({ outputs: { logp: buildLogProb(energy, read, attributes, logic, new Numbers(b, 1)) } });
}

const gradientOf = (graph: Graph): Graph => differentiate(graph, { of: "logp", wrt: { x: "gradient" } });

/** Sweeps of folding until nothing changes. */
function sweepsOf(graph: Graph): number {
  let current = share(graph);
  for (let sweeps = 0; ; sweeps++) {
    const next = prune(fold(current));
    if (next === current) return sweeps;
    current = next;
  }
}

const cpuSeconds = (run: () => unknown): number => {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

const x = Float64Array.of(0.3, -0.2, 0.1);

describe.each(["product", "lace"] as const)("many terms in logic %s", (logic) => {
  it.each(forms)("%s: the graph and its gradient are what the definition says, as built and as optimized", (form) => {
    const energy = energyOf(150, form);
    const meant = (at: Float64Array) =>
      logProb(
        energy,
        logic,
        [...at].map((v) => [v]),
      );
    const gradient = gradientOf(graphOf(energy, logic));
    expect(verify(optimize(gradient))).toEqual([]);
    const h = 1e-5;
    for (const graph of [gradient, optimize(gradient)]) {
      const found = interpret(graph, { x });
      expectClose(found["logp"]!, [meant(x)], { abs: 1e-9, rel: 1e-9 });
      // The factor of the paper's `not` has no gradient: differences would see one.
      if (logic === "lace" && form === "nots") continue;
      const differences = [0, 1, 2].map((k) => {
        const moved = (step: number) => meant(x.map((v, i) => (i === k ? v + step : v)));
        return (moved(h) - moved(-h)) / (2 * h);
      });
      expectClose(found["gradient"]!, differences, { abs: 1e-6, rel: 1e-5 });
    }
  });

  it.each(forms)("%s: four times the terms are four times the nodes, and as many sweeps", (form) => {
    const [few, many] = [500, 2000].map((n) => simplify(graphOf(energyOf(n, form), logic)));
    expect(many!.nodes.length / few!.nodes.length).toBeLessThan(4.1);
    expect(sweepsOf(gradientOf(many!))).toBe(sweepsOf(gradientOf(few!)));
  });
});

test("20,000 terms take the passes four times what 5,000 take, not sixteen times", () => {
  const timeOf = (count: number): number => {
    const gradient = gradientOf(simplify(graphOf(energyOf(count, "and"), "product")));
    return cpuSeconds(() => optimize(gradient));
  };
  timeOf(1000); // so that the code is compiled
  const few = Math.min(timeOf(5000), timeOf(5000));
  expect(timeOf(20_000) / few).toBeLessThan(9);
}, 300_000);

describe("a value with very many users", () => {
  const ratioOf = (graphOfSize: (count: number) => Graph, pass: (graph: Graph) => Graph): number => {
    const timeOf = (count: number): number => {
      const graph = graphOfSize(count);
      return cpuSeconds(() => pass(graph));
    };
    timeOf(1000);
    return timeOf(40_000) / Math.max(0.02, Math.min(timeOf(5000), timeOf(5000)));
  };

  test("that is scaled and sliced: each slice asks all others, once", () => {
    const sliced = (count: number): Graph => {
      const b = new GraphBuilder();
      const scaled = b.mul(b.input("x", [1, count]), scalar(3));
      const parts = Array.from({ length: count }, (_, i) => b.exp(b.sliceAxis(scaled, 1, count - 1 - i, 1)));
      return b.finish({ outputs: { y: b.concat(parts, 1) } });
    };
    expect(ratioOf(sliced, fold)).toBeLessThan(24);
  }, 300_000);

  test("that is joined of as many parts: each slice finds its part", () => {
    const joined = (count: number): Graph => {
      const b = new GraphBuilder();
      const x = b.input("x", [1, 1]);
      const whole = b.concat(
        Array.from({ length: count }, (_, i) => b.add(x, scalar(i))),
        1,
      );
      const parts = Array.from({ length: count }, (_, i) => b.exp(b.sliceAxis(whole, 1, count - 1 - i, 1)));
      return b.finish({ outputs: { y: b.concat(parts, 1) } });
    };
    const small = prune(fold(joined(7)));
    const sliced = small.nodes.filter((n) => n.op.kind === "slice").map((n) => small.nodes[n.inputs[0]!]?.op.kind);
    expect(sliced).not.toContain("concat");
    expect(verify(small)).toEqual([]);
    const x0 = { x: Float64Array.of(0.25) };
    expect(interpret(small, x0)["y"]).toEqual(interpret(joined(7), x0)["y"]);
    expect(ratioOf(joined, fold)).toBeLessThan(24);
  }, 300_000);

  test("whose costly functions are joined", () => {
    const columns = (count: number): Graph => {
      const b = new GraphBuilder();
      const x = b.input("x", [1, 1]);
      const parts = Array.from({ length: count }, (_, i) => b.softplus(b.add(x, scalar(i))));
      return b.finish({ outputs: { y: b.sum(b.concat(parts, 1), [1]) } });
    };
    expect(ratioOf(columns, widen)).toBeLessThan(24);
  }, 300_000);
});
