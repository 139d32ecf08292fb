// Chains of conditions of any length, and definitions that lead through many names: checked in time that grows with the text, and
// refused with a limit and a place where they are deeper than anyone reads.
import { describe, expect, it } from "vitest";
import { buildLogProb } from "../../src/compiler/build/energy.js";
import { Numbers } from "../../src/compiler/build/predicates.js";
import { findFixed } from "../../src/compiler/check/satisfiable.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import type { Formula } from "../../src/compiler/energy/formula.js";
import { logProb } from "../../src/compiler/energy/interpret.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { simplify } from "../../src/compiler/passes/optimize.js";
import { printPlan } from "../../src/compiler/print.js";
import { format } from "../../src/parser/format.js";
import { parse } from "../../src/parser/parse.js";
import { printAst } from "../../src/parser/print-ast.js";
import { expectClose } from "../support/close.js";
import { random } from "../support/random.js";
import { compile, mistakesOf, planOf } from "./support.js";

const SAVE = 'save s to "s.png" as grid';
const CONDITIONS = ["glasses", "smile", "hair is red", "tilt > 0.3", "light < 0.7"];
const chain = (op: string, count: number): string =>
  Array.from({ length: count }, (_, i) => CONDITIONS[i % CONDITIONS.length]).join(` ${op} `);

describe("a chain of 100,000 conditions", () => {
  it.each(["and", "or"])(
    "joined by `%s` is parsed, checked, lowered, printed and formatted",
    async (op) => {
      const body = `sample s from avatar { where ${chain(op, 100_000)} }\n${SAVE}`;
      const plan = await planOf(body);
      const task = plan.tasks[0]!;
      if (task.kind !== "sample" || task.energy.kind !== op) throw new Error("not a chain");
      expect("parts" in task.energy && task.energy.parts).toHaveLength(100_000);
      expect(printPlan(plan).split("\n").length).toBeGreaterThan(100_000);
      const text = `lace 1\nmodel avatar from "builtin:avatar"\n${body}\n`;
      expect(printAst(parse(text, "a.lace").value!).match(/"NaryExpr"/g)).toHaveLength(1);
      expect(format(text, "a.lace").value!.split(op)).toHaveLength(100_000);
    },
    300_000,
  );

  it("takes time that grows with it, also where every condition cuts one scalar's line elsewhere", async () => {
    const time = async (count: number): Promise<number> => {
      const cuts = Array.from({ length: count }, (_, i) => `tilt > ${(i / count).toFixed(6)}`).join(" and ");
      const begin = performance.now();
      await planOf(`sample s from avatar { where ${cuts} }\n${SAVE}`);
      return performance.now() - begin;
    };
    await time(4_000);
    // Eight times the length; sixty-four times the time if it grew with the square.
    expect((await time(32_000)) / (await time(4_000))).toBeLessThan(30);
  });
});

describe("what is fixed in a long chain", () => {
  const span = (start: number) => ({ file: "a.lace", start, end: start + 1 });
  const leaf = (attribute: number, at: number, values = [1]): Formula => ({
    ...{ kind: "class", attribute, classes: 2, values, temperature: 1, span: span(at) },
  });
  const chainOf = (kind: "and" | "or", parts: readonly Formula[]): Formula => ({
    ...{ kind, parts, written: parts.map((p) => p.span), span: { file: "a.lace", start: 0, end: parts.length } },
  });

  it("is its shortest beginning: what comes after says nothing of it", () => {
    const parts = Array.from({ length: 2_000 }, (_, i) => leaf(i % 3, i, i === 37 ? [0] : [1]));
    // Attribute 1 is asked to be 1 at 1 and 0 at 37.
    expect(findFixed(chainOf("and", parts))).toEqual([
      { kind: "never", span: { file: "a.lace", start: 0, end: 38 }, clash: [span(1), span(37)] },
    ]);
    expect(findFixed(chainOf("or", parts))).toEqual([{ kind: "always", span: { file: "a.lace", start: 0, end: 38 } }]);
  });

  it("ends where the chain is written, not where a name in it is declared", async () => {
    const body = `energy bare = not glasses\nsample s from avatar { where glasses and bare and smile }\n${SAVE}`;
    const { diagnostics, sources } = await compile({
      "main.lace": `lace 1\nmodel avatar from "builtin:avatar"\n${body}\n`,
    });
    const { start, end } = diagnostics[0]!.at.span;
    expect(diagnostics.map((d) => d.code)).toEqual(["L3002"]);
    expect(sources.get("main.lace")!.slice(start, end)).toBe("glasses and bare");
  });
});

describe("the graph of a chain of several hundred parts", () => {
  const r = random(5);
  const attributes = Array.from({ length: 300 }, (_, i) => ({
    ...{ name: `a${i}`, type: "scalar" as const, min: -9, max: 9, sigma: 1 },
  }));
  const outputs = attributes.map(() => [2 * r.next() - 2]);
  const span = { file: "a.lace", start: 0, end: 0 };
  const parts: readonly Energy[] = attributes.map((_, attribute) => ({
    ...{ kind: "above", attribute, threshold: 6, sigma: 1, span },
  }));

  it.each(["and", "or"] as const)("means what the energy means: `%s`, whose parts are improbable", (kind) => {
    const energy: Energy = { kind, parts, span };
    const b = new GraphBuilder();
    const read = (a: { readonly attribute: number }) => b.constant(outputs[a.attribute]!, [1, 1]);
    const value = buildLogProb(energy, read, attributes, "product", new Numbers(b, 1));
    const graph = b.finish({ outputs: { logp: value } });
    const meant = logProb(energy, "product", outputs);
    for (const g of [graph, simplify(graph)]) expectClose(interpret(g, {})["logp"]!, [meant], { abs: 0, rel: 1e-9 });
    expect(meant).toBeLessThan(-3);
  });
});

describe("definitions that lead through many names", () => {
  const numbered = (count: number, line: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");

  it.each([
    [
      "lets that refer forwards",
      numbered(1_500, (i) => `let a${i} = a${i + 1} + 1`) + "\nlet a1500 = 1\n",
      "tilt > 0 * a0",
    ],
    [
      "energies that refer forwards",
      numbered(1_500, (i) => `energy a${i} = a${i + 1} and smile`) + "\nenergy a1500 = hat\n",
      "a0",
    ],
    [
      "energies that refer backwards",
      "energy a0 = hat\n" + numbered(1_500, (i) => `energy a${i + 1} = not (smile and a${i})`),
      "a1500",
    ],
  ])("%s, 1,500 of them, are refused where they become too deep", async (_, declarations, where) => {
    const found = await mistakesOf(`${declarations}\nsample s from avatar { where ${where} }\n${SAVE}`);
    expect([...new Set(found)]).toEqual(["L2030 the definitions that lead here are nested too deeply"]);
    expect(found).toHaveLength(1);
  });

  it("lets that refer backwards are as many as one likes, and so are a hundred energies deep in each other", async () => {
    const lets = "let a0 = 0.0001\n" + numbered(1_500, (i) => `let a${i + 1} = a${i} + 0.0001`);
    const energies = "energy e0 = hat\n" + numbered(100, (i) => `energy e${i + 1} = not (smile and e${i})`);
    const plan = await planOf(`${lets}\n${energies}\nsample s from avatar { where e100 and tilt > a1500 }\n${SAVE}`);
    expect(plan.tasks).toHaveLength(1);
  });
});
