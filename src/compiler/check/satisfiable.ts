// Contradictions and conditions that always hold, found by cases.
// In: a Formula, read as a predicate (as `expect` reads it). Out: its innermost parts that are true in no case or in every case.
// Each attribute has finitely many cases: its classes, or the intervals and points that the formula cuts a scalar's line
// into. The search over cases is exact; it stops undecided after a budget, and then nothing is said.
import type { Span } from "../../source/span.js";
import { type Formula, formulaParts } from "../energy/formula.js";

export interface Finding {
  readonly kind: "never" | "always";
  readonly span: Span;
  /** For "never" in a conjunction: the two parts that exclude each other, if two do. */
  readonly clash?: readonly [Span, Span];
}

/** Formula nodes that may still be looked at, over all the questions that share it. */
export interface Budget {
  left: number;
}

/** Enough for a long script, and far below a tenth of a second. */
export function checkBudget(): Budget {
  return { left: 400_000 };
}

/** The most that one question takes of a budget, so that a hard one leaves something for the others. */
const SHARE = 20_000;

/** The innermost parts that can never or must always hold. Parts around one that was found are not reported again. */
export function findFixed(f: Formula, budget = checkBudget()): readonly Finding[] {
  const inner = formulaParts(f).flatMap((p) => findFixed(p, budget));
  if (inner.length > 0) return inner;
  if (f.kind === "always" || (f.kind === "weight" && f.factor === 0)) return [];
  const possible = outcomes(f, budget);
  if (possible === undefined || (possible.canHold && possible.canFail)) return [];
  if (possible.canHold) return [{ kind: "always", span: f.span }];
  const clash = clashOf(f, budget);
  return [{ kind: "never", span: f.span, ...(clash === undefined ? {} : { clash }) }];
}

/** Whether all of these can hold at once; undefined if the search gave up. */
export function canHoldTogether(parts: readonly Formula[], budget: Budget): boolean | undefined {
  const [first, ...rest] = parts;
  if (first === undefined) return true;
  const all = rest.reduce<Formula>((left, right) => ({ kind: "and", left, right, span: right.span }), first);
  return outcomes(all, budget)?.canHold;
}

function clashOf(f: Formula, budget: Budget): readonly [Span, Span] | undefined {
  const parts = conjuncts(f);
  for (const [i, right] of parts.entries()) {
    for (const left of parts.slice(0, i)) {
      if (canHoldTogether([left, right], budget) === false) return [left.span, right.span];
    }
  }
  return undefined;
}

function conjuncts(f: Formula): readonly Formula[] {
  return f.kind === "and" ? [...conjuncts(f.left), ...conjuncts(f.right)] : [f];
}

/** A case of a scalar: a cut point, or the open interval between two. Cases alternate: interval, point, interval, ... */
type Domains = ReadonlyMap<number, readonly number[]>;

function outcomes(f: Formula, budget: Budget): { canHold: boolean; canFail: boolean } | undefined {
  if (budget.left < 0) return undefined;
  const cuts = new Map<number, number[]>();
  const sizes = new Map<number, number>();
  const collect = (g: Formula): void => {
    if (g.kind === "class") sizes.set(g.attribute, g.classes);
    else if ("attribute" in g) cuts.set(g.attribute, [...(cuts.get(g.attribute) ?? []), ...cutsOf(g)]);
    formulaParts(g).forEach(collect);
  };
  collect(f);
  for (const [attribute, points] of cuts) {
    const sorted = [...new Set(points)].sort((a, b) => a - b);
    cuts.set(attribute, sorted);
    sizes.set(attribute, 2 * sorted.length + 1);
  }
  const domains: Domains = new Map([...sizes].map(([a, n]) => [a, Array.from({ length: n }, (_, i) => i)]));
  let share = Math.min(SHARE, budget.left);
  const nodes = sizeOf(f);
  const seen = new Set<boolean>();
  const search = (current: Domains): void => {
    if (seen.size === 2) return;
    share -= nodes;
    budget.left -= nodes;
    if (share < 0) return;
    const verdict = judge(f, current, cuts);
    if (verdict !== undefined) {
      seen.add(verdict);
      return;
    }
    const open = [...current].find(([, cases]) => cases.length > 1);
    if (open === undefined) return;
    for (const one of open[1]) search(new Map([...current, [open[0], [one]]]));
  };
  search(domains);
  return share < 0 && seen.size < 2 ? undefined : { canHold: seen.has(true), canFail: seen.has(false) };
}

function sizeOf(f: Formula): number {
  return formulaParts(f).reduce((n, p) => n + sizeOf(p), 1);
}

type ScalarLeaf = Extract<Formula, { kind: "near" | "above" | "below" }>;

function cutsOf(f: ScalarLeaf): readonly number[] {
  return f.kind === "near" ? [f.target - f.sigma, f.target + f.sigma] : [f.threshold];
}

/** Three-valued: undefined where the cases left disagree. */
function judge(f: Formula, domains: Domains, cuts: ReadonlyMap<number, readonly number[]>): boolean | undefined {
  switch (f.kind) {
    case "always":
      return true;
    case "class":
      return agree((domains.get(f.attribute) ?? []).map((c) => f.values.includes(c)));
    case "near":
    case "above":
    case "below": {
      const points = cuts.get(f.attribute) ?? [];
      return agree((domains.get(f.attribute) ?? []).map((c) => holdsInCase(f, c, points)));
    }
    case "not": {
      const part = judge(f.part, domains, cuts);
      return part === undefined ? undefined : !part;
    }
    case "weight":
      return judge(f.part, domains, cuts);
    case "and":
      return counted([f.left, f.right], 2, 2, domains, cuts);
    case "or":
      return counted([f.left, f.right], 1, 2, domains, cuts);
    case "xor":
      return counted([f.left, f.right], 1, 1, domains, cuts);
    case "count":
      return counted(f.parts, f.min, f.max, domains, cuts);
    case "iff": {
      const differ = counted([f.left, f.right], 1, 1, domains, cuts);
      return differ === undefined ? undefined : !differ;
    }
    case "implies": {
      const left = judge(f.left, domains, cuts);
      const right = judge(f.right, domains, cuts);
      if (left === false || right === true) return true;
      return left === undefined || right === undefined ? undefined : false;
    }
  }
}

function counted(
  parts: readonly Formula[],
  min: number,
  max: number,
  domains: Domains,
  cuts: ReadonlyMap<number, readonly number[]>,
): boolean | undefined {
  const verdicts = parts.map((p) => judge(p, domains, cuts));
  const sure = verdicts.filter((v) => v === true).length;
  const possible = sure + verdicts.filter((v) => v === undefined).length;
  if (possible < min || sure > max) return false;
  return sure >= min && possible <= max ? true : undefined;
}

function agree(all: readonly boolean[]): boolean | undefined {
  return all.every((v) => v) ? true : all.some((v) => v) ? undefined : false;
}

/** Case 2i is the interval below point i (or above the last), case 2i + 1 is point i itself. */
function holdsInCase(f: ScalarLeaf, index: number, points: readonly number[]): boolean {
  const position = (value: number): number => 2 * points.indexOf(value) + 1;
  switch (f.kind) {
    case "near":
      return index >= position(f.target - f.sigma) && index <= position(f.target + f.sigma);
    case "above":
      return index > position(f.threshold);
    case "below":
      return index < position(f.threshold);
  }
}
