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
  switch (f.kind) {
    case "always":
    case "near":
    case "above":
    case "below":
      return [];
    case "class":
      return f.values.length === f.classes ? [{ kind: "always", span: f.span }] : [];
    case "and":
    case "or":
      return findFixedChain(f, budget);
    default: {
      const kind = f.kind === "weight" && f.factor === 0 ? undefined : fixedAs(f, budget);
      return kind === undefined ? [] : [{ kind, span: f.span }];
    }
  }
}

function fixedAs(f: Formula, budget: Budget): Finding["kind"] | undefined {
  const possible = outcomes(f, budget);
  if (possible === undefined || (possible.canHold && possible.canFail)) return undefined;
  return possible.canHold ? "always" : "never";
}

type Chain = Extract<Formula, { kind: "and" | "or" }>;

/**
 * The shortest beginning of a chain, none of whose parts is fixed, that can never hold (`and`) or must always (`or`). What is true of a
 * beginning is true of longer ones: it is sought by doubling, so that a long chain costs little more than one look, and then by halves.
 */
function findFixedChain(f: Chain, budget: Budget): readonly Finding[] {
  const kind = f.kind === "and" ? "never" : "always";
  const count = f.parts.length;
  const isFixed = (length: number): boolean => fixedAs(beginning(f, length), budget) === kind;
  let [low, high] = [1, Math.min(2, count)];
  while (!isFixed(high)) {
    if (high === count) return [];
    [low, high] = [high, Math.min(2 * high, count)];
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isFixed(middle)) high = middle;
    else low = middle;
  }
  const least = beginning(f, high);
  const clash = kind === "never" ? clashOf(least, budget) : undefined;
  if (clash === undefined) return [{ kind, span: least.span }];
  // Opposites that are both weighted are a blend, such as a sweep that fades from one to the other.
  if (clash.every((f) => f.kind === "weight")) return [];
  return [{ kind, span: least.span, clash: [clash[0].span, clash[1].span] }];
}

function beginning(f: Chain, count: number): Chain {
  const end = f.written[count - 1]?.end;
  if (count === f.parts.length || end === undefined) return f;
  return { ...f, parts: f.parts.slice(0, count), written: f.written.slice(0, count), span: { ...f.span, end } };
}

/** Whether all of these can hold at once; undefined if the search gave up. */
export function canHoldTogether(parts: readonly Formula[], budget: Budget): boolean | undefined {
  const [first] = parts;
  if (first === undefined) return true;
  return outcomes({ kind: "and", parts, written: parts.map((p) => p.span), span: first.span }, budget)?.canHold;
}

/** Two conjuncts that exclude each other. Without the last part the chain can hold, so that one of the two is in it. */
function clashOf({ parts }: Chain, budget: Budget): readonly [Formula, Formula] | undefined {
  const before = parts.slice(0, -1).flatMap(conjuncts);
  for (const right of parts.slice(-1).flatMap(conjuncts))
    for (const left of before) if (canHoldTogether([left, right], budget) === false) return [left, right];
  return undefined;
}

function conjuncts(f: Formula): readonly Formula[] {
  return f.kind === "and" ? f.parts.flatMap(conjuncts) : [f];
}

/**
 * The cases that an attribute has: its classes; or of a scalar the points that cut its line and the intervals between them, in turn:
 * interval, point, interval, ... Case 2i is the interval below point i (or above the last), case 2i + 1 is point i itself.
 */
interface Cases {
  readonly count: number;
  /** The case of each point. */
  readonly points: ReadonlyMap<number, number>;
}

/** The attributes whose case is settled, and which it is. */
type Settled = ReadonlyMap<number, number>;

function outcomes(f: Formula, budget: Budget): { canHold: boolean; canFail: boolean } | undefined {
  if (budget.left < 0) return undefined;
  const nodes = sizeOf(f);
  let share = Math.min(SHARE, budget.left);
  const cases = casesOf(f);
  const seen = new Set<boolean>();
  const search = (settled: Settled): void => {
    if (seen.size === 2 || share < 0) return;
    share -= nodes;
    budget.left -= nodes;
    if (share < 0) return;
    const verdict = judge(f, settled, cases);
    if (verdict !== undefined) {
      seen.add(verdict);
      return;
    }
    const open = [...cases].find(([attribute, { count }]) => count > 1 && !settled.has(attribute));
    if (open === undefined) return;
    for (let one = 0; one < open[1].count && seen.size < 2 && share >= 0; one++)
      search(new Map([...settled, [open[0], one]]));
  };
  search(new Map());
  return share < 0 && seen.size < 2 ? undefined : { canHold: seen.has(true), canFail: seen.has(false) };
}

function sizeOf(f: Formula): number {
  return formulaParts(f).reduce((n, p) => n + sizeOf(p), 1);
}

function casesOf(f: Formula): ReadonlyMap<number, Cases> {
  const found = new Map<number, Cases>();
  const points = new Map<number, number[]>();
  const collect = (g: Formula): void => {
    if (g.kind === "class") found.set(g.attribute, { count: g.classes, points: new Map() });
    else if ("attribute" in g) {
      const own = points.get(g.attribute) ?? [];
      own.push(...pointsOf(g));
      points.set(g.attribute, own);
      found.set(g.attribute, { count: 0, points: new Map() }); // its place: attributes are settled in the order in which they come
    }
    formulaParts(g).forEach(collect);
  };
  collect(f);
  for (const [attribute, own] of points) {
    const sorted = [...new Set(own)].sort((a, b) => a - b);
    found.set(attribute, { count: 2 * sorted.length + 1, points: new Map(sorted.map((x, i) => [x, 2 * i + 1])) });
  }
  return found;
}

type ScalarLeaf = Extract<Formula, { kind: "near" | "above" | "below" }>;

function pointsOf(f: ScalarLeaf): readonly number[] {
  return f.kind === "near" ? [f.target - f.sigma, f.target + f.sigma] : [f.threshold];
}

/** Three-valued: undefined where the cases that are not settled disagree. */
function judge(f: Formula, settled: Settled, cases: ReadonlyMap<number, Cases>): boolean | undefined {
  switch (f.kind) {
    case "always":
      return true;
    case "class": {
      const one = settled.get(f.attribute);
      if (one !== undefined) return f.values.includes(one);
      return f.values.length === f.classes ? true : f.values.length === 0 ? false : undefined;
    }
    case "near":
    case "above":
    case "below": {
      const one = settled.get(f.attribute);
      return one === undefined ? undefined : holdsInCase(f, one, cases.get(f.attribute)?.points);
    }
    case "not": {
      const part = judge(f.part, settled, cases);
      return part === undefined ? undefined : !part;
    }
    case "weight":
      return judge(f.part, settled, cases);
    case "and":
      return counted(f.parts, f.parts.length, f.parts.length, settled, cases);
    case "or":
      return counted(f.parts, 1, f.parts.length, settled, cases);
    case "xor":
      return counted([f.left, f.right], 1, 1, settled, cases);
    case "count":
      return counted(f.parts, f.min, f.max, settled, cases);
    case "iff": {
      const differ = counted([f.left, f.right], 1, 1, settled, cases);
      return differ === undefined ? undefined : !differ;
    }
    case "implies": {
      const left = judge(f.left, settled, cases);
      const right = judge(f.right, settled, cases);
      if (left === false || right === true) return true;
      return left === undefined || right === undefined ? undefined : false;
    }
  }
}

function counted(
  parts: readonly Formula[],
  min: number,
  max: number,
  settled: Settled,
  cases: ReadonlyMap<number, Cases>,
): boolean | undefined {
  const verdicts = parts.map((p) => judge(p, settled, cases));
  const sure = verdicts.filter((v) => v === true).length;
  const possible = sure + verdicts.filter((v) => v === undefined).length;
  if (possible < min || sure > max) return false;
  return sure >= min && possible <= max ? true : undefined;
}

function holdsInCase(f: ScalarLeaf, one: number, points: Cases["points"] | undefined): boolean {
  const caseOf = (value: number): number => points?.get(value) ?? NaN;
  switch (f.kind) {
    case "near":
      return one >= caseOf(f.target - f.sigma) && one <= caseOf(f.target + f.sigma);
    case "above":
      return one > caseOf(f.threshold);
    case "below":
      return one < caseOf(f.threshold);
  }
}
