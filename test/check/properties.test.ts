// Properties of the checker that hold for any program: it never throws, contradictions are found soundly, the nearest name is near.
import { describe, expect, it } from "vitest";
import { type Formula, formulaParts } from "../../src/compiler/energy/formula.js";
import { checkBudget, findFixed } from "../../src/compiler/check/satisfiable.js";
import { lowerFormula } from "../../src/compiler/energy/lower-formula.js";
import { holds } from "../../src/compiler/energy/interpret.js";
import { editDistance, nearest } from "../../src/source/nearest.js";
import { random, type Random } from "../support/random.js";
import { compile } from "./support.js";

const span = { file: "t.lace", start: 0, end: 0 };

/** Over a binary, a category of three, and two scalars whose cut points are multiples of 1/8, exact in binary. */
function randomFormula(r: Random, depth: number): Formula {
  const eighth = (): number => r.below(9) / 8;
  if (depth === 0) {
    switch (r.below(4)) {
      case 0:
        return { kind: "class", attribute: 0, classes: 2, values: [r.below(2)], temperature: 1, span };
      case 1: {
        const values = [0, 1, 2].filter(() => r.next() < 0.6);
        return {
          kind: "class",
          attribute: 1,
          classes: 3,
          values: values.length === 0 ? [0] : values,
          temperature: 1,
          span,
        };
      }
      case 2:
        return { kind: "near", attribute: 2 + r.below(2), target: eighth(), sigma: (1 + r.below(3)) / 8, span };
      default:
        return {
          kind: r.below(2) === 0 ? "above" : "below",
          attribute: 2 + r.below(2),
          threshold: eighth(),
          sigma: 0.1,
          span,
        };
    }
  }
  const part = (): Formula => randomFormula(r, depth - 1);
  const kinds = ["and", "or", "xor", "implies", "iff", "and", "not", "weight", "count"] as const;
  const kind = kinds[r.below(kinds.length)]!;
  if (kind === "not") return { kind, part: part(), span };
  if (kind === "weight") return { kind, factor: 1, part: part(), span };
  if (kind === "xor" || kind === "implies" || kind === "iff") return { kind, left: part(), right: part(), span };
  const parts = [part(), part(), part()];
  if (kind !== "count") return { kind, parts: parts.slice(0, 2 + r.below(2)), written: [span, span, span], span };
  const min = r.below(3);
  return { kind, word: "exactly", min, max: min + r.below(4 - min), parts, span };
}

describe("contradictions", () => {
  it("are found exactly when no heads on a fine grid satisfy the energy, for formulas without fixed parts inside", () => {
    const r = random(7);
    // On and between all cut points (targets -+ sigma, thresholds).
    const line = Array.from({ length: 33 }, (_, i) => -0.5 + i / 16);
    let [never, always, neither] = [0, 0, 0];
    for (let i = 0; i < 120; i++) {
      const f = randomFormula(r, 1 + r.below(2));
      const inner = formulaParts(f).flatMap((g) => findFixed(g));
      if (inner.length > 0) continue;
      const energy = lowerFormula(f, "product");
      const seen = new Set<boolean>();
      const oneHot = (n: number, hot: number): number[] => Array.from({ length: n }, (_, k) => (k === hot ? 1 : 0));
      for (const a of [0, 1])
        for (const b of [0, 1, 2])
          for (const c of line) for (const d of line) seen.add(holds(energy, [oneHot(2, a), oneHot(3, b), [c], [d]]));
      const [found] = findFixed(f);
      if (found?.kind === "never") never++;
      else if (found?.kind === "always") always++;
      else neither++;
      expect(found?.kind).toBe(seen.size === 2 ? undefined : seen.has(true) ? "always" : "never");
    }
    expect([never > 1, always > 1, neither > 20]).toEqual([true, true, true]);
  });

  it("of very large energies are given up on rather than waited for", () => {
    const leaf = (attribute: number): Formula => ({
      kind: "class",
      attribute,
      classes: 2,
      values: [1],
      temperature: 1,
      span,
    });
    const leaves = Array.from({ length: 40 }, (_, i) => leaf(i));
    const parity = leaves.reduce((left, right) => ({ kind: "xor", left, right, span }));
    const hard: Formula = {
      kind: "and",
      parts: [parity, { kind: "not", part: parity, span }],
      written: [span, span],
      span,
    };
    const budget = checkBudget();
    const full = budget.left;
    expect(findFixed(hard, budget)).toEqual([]);
    expect(budget.left).toBeLessThan(full);
    expect(budget.left).toBeGreaterThan(-1000);
  });
});

const RECIPE = `lace 1
model avatar from "builtin:avatar"
input seed: number = 42
attribute hair: category { black, brown, blond, red, gray }
attribute tilt: scalar in 0..1 sigma 0.1
attribute charm: binary from "heads/charm.safetensors"
let tall = 0.8
energy scholar = glasses and not smile
energy redhead(age: number) = (hair is red or hair is blond) and tilt is age +- 0.05
sample portraits from avatar {
  where scholar and 2 * (light > 0.6) and redhead(tall) and atleast 2 of (hat, charm, temperature 2 (beard))
  count 16   seed seed   truncation 0.7
  sampler ode { solver dopri5  rtol 1e-3  atol 1e-3 }
}
edit makeover of portraits[0..3] {
  keep latent 0.04, attributes 0.01
  step smile
  step hair is red    layers 4..7   weight 2
}
traverse walk from avatar { where glasses  between seed 1 and seed 2  frames 24 }
sweep tilts over t in 0..1 by 0.25 from avatar { where tilt is t  count 4  seed 3 }
expect portraits: glasses >= 0.9, not smile >= 0.9
save portraits to "out/portrait-{index}.png"
save makeover to "out/makeover.webp" as animation { fps 4 }
save walk to "out/walk.gif" as animation
save tilts to "out/tilts.png" as grid
`;

describe("the whole compiler", () => {
  it("compiles the recipe that the mutants are made from", async () => {
    const { plan, diagnostics } = await compile({ "main.lace": RECIPE });
    expect(diagnostics).toEqual([]);
    expect(plan?.tasks).toHaveLength(4);
  });

  it("never throws, and gives a plan exactly when there is no error, on 300 mutants of it", async () => {
    const r = random(11);
    const words = RECIPE.match(/[\w.]+|[^\s\w]|\s+/g)!;
    const isWord = (w: string): boolean => /\w/.test(w);
    const spots = words.flatMap((w, i) => (isWord(w) && i > words.indexOf("input") ? [i] : []));
    const reached = { parsed: 0, planned: 0 };
    for (let i = 0; i < 300; i++) {
      const mutant = [...words];
      for (let k = 0; k <= r.below(2); k++) {
        // Words are swapped for words, so that most mutants still parse and the checker sees them.
        const [at, from] = [spots[r.below(spots.length)]!, spots[r.below(spots.length)]!];
        mutant[at] = r.next() < 0.8 ? words[from]! : ["-1", "0", "0.5", "1e999", "glases", "avatar"][r.below(6)]!;
      }
      const { plan, diagnostics } = await compile({ "main.lace": mutant.join("") });
      const failed = diagnostics.some((d) => d.severity === "error");
      expect(plan === undefined).toBe(failed);
      if (!diagnostics.some((d) => d.code.startsWith("L1"))) reached.parsed++;
      if (plan !== undefined) reached.planned++;
      const keys = diagnostics.map(
        (d) => `${d.code} ${d.at.span.file} ${d.at.span.start} ${d.at.span.end} ${d.message}`,
      );
      expect(new Set(keys).size).toBe(keys.length);
    }
    expect(reached.parsed).toBeGreaterThan(50);
    expect(reached.planned).toBeGreaterThan(5);
  });
});

describe("the nearest name", () => {
  it("counts insertions, deletions, substitutions and swaps", () => {
    expect(["", "smile", "smiel", "smil", "smiles", "smite"].map((w) => editDistance(w, "smile"))).toEqual([
      5, 0, 1, 1, 1, 1,
    ]);
  });

  it("is the closest within reach, whatever its case, or nothing", () => {
    const names = ["smile", "skin", "glasses", "hat"];
    expect(["smilling", "SMILE", "skim", "glases", "hta", "quux", "x", ""].map((n) => nearest(n, names))).toEqual([
      undefined,
      "smile",
      "skin",
      "glasses",
      "hat",
      undefined,
      undefined,
      undefined,
    ]);
  });
});
