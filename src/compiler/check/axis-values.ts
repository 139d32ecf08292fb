// The values of a sweep's axis: numbers, values of one category, or energies.
// In: the axis as written. Out: what it stands for in each cell, and how that is shown; mistakes L2003, L2004, L2005, L2012, L2013.
import type * as ast from "../../parser/ast.js";
import type { Attribute } from "../attribute.js";
import { energyLocal, type Env, type Local, quote } from "./context.js";
import { evaluate, evaluateNumber } from "./evaluate.js";
import { classIndex } from "./predicate.js";

/** The most cells of a sweep, and values of an axis. */
export const MAX_CELLS = 10_000;

/** A value of an axis: what the axis stands for, and how it is shown. */
export interface AxisValue {
  readonly local: Local;
  readonly shown: number | string;
}

/** A local of the same kind whose value is not known. */
export function unknownLike(local: Local | undefined): Local {
  if (local === undefined) return { kind: "error" };
  if (local.kind === "energy") return { kind: "energy", at: () => undefined };
  return local.kind === "word" ? { ...local, word: undefined } : { kind: "number", value: undefined };
}

/** The values of an axis in order; undefined after a mistake. A range includes its end if a step lands on it, within rounding. */
export function axisValues(axis: ast.SweepAxis, env: Env): readonly AxisValue[] | undefined {
  if (axis.values.kind === "SetExpr") {
    if (axis.values.values.length === 0)
      env.report.error("L2004", axis.values.span, `\`${axis.name.text}\` has no value`, { text: "an empty set" });
    if (axis.by !== undefined)
      env.report.error("L2013", axis.by.span, "`by` goes with a range, not with a set", { text: "not here" });
    return setValues(axis, axis.values.values, env);
  }
  const from = evaluateNumber(axis.values.from, env);
  const to = evaluateNumber(axis.values.to, env);
  if (axis.by === undefined) {
    env.report.error("L2012", axis.span, `the sweep over \`${axis.name.text}\` has no step`, {
      text: "no `by`",
      hints: ["write `in 0..1 by 0.25`, or list the values: `in {0, 0.5, 1}`"],
    });
    return undefined;
  }
  const by = evaluateNumber(axis.by, env);
  if (from === undefined || to === undefined || by === undefined) return undefined;
  const steps = (to - from) / by;
  if (by === 0 || steps < 0 || !Number.isFinite(steps)) {
    env.report.error("L2004", axis.by.span, `steps of ${by} do not lead from ${from} to ${to}`, {
      text: "out of range",
    });
    return undefined;
  }
  if (steps > MAX_CELLS) {
    env.report.error("L2004", axis.by.span, `steps of ${by} from ${from} to ${to} make more than ${MAX_CELLS} values`);
    return undefined;
  }
  // 12 digits: 3 * 0.1 is to be 0.3, as it will be written under the images.
  const count = Math.floor(steps + 1e-9) + 1;
  return Array.from({ length: count }, (_, i) => {
    const value = Number((from + i * by).toPrecision(12));
    return { local: { kind: "number", value }, shown: value };
  });
}

/** The listed values of an axis: numbers, values of one category, or energies. Reports L2003 where they are not of one kind. */
function setValues(axis: ast.SweepAxis, listedValues: readonly ast.Expr[], env: Env): readonly AxisValue[] | undefined {
  const of = categoryOf(listedValues, env);
  const values = listedValues.map((e): AxisValue | undefined => {
    if (of !== undefined) {
      const at = classIndex(e, of.name, of, env);
      const word = at === undefined ? undefined : of.classes[at];
      return word === undefined ? undefined : { local: { kind: "word", of: of.name, word }, shown: word };
    }
    const before = env.report.errorCount;
    const value = evaluate(e, env);
    if (value.kind === "error" || env.report.errorCount > before) return undefined;
    if (value.kind === "number")
      return value.value === undefined
        ? undefined
        : { local: { kind: "number", value: value.value }, shown: value.value };
    const local = energyLocal(e, env);
    return env.report.errorCount > before ? undefined : { local, shown: quote(e.span, env) };
  });
  const known = values.filter((v) => v !== undefined);
  const odd = known.find((v) => v.local.kind !== known[0]?.local.kind);
  if (odd !== undefined) {
    env.report.error("L2003", axis.values.span, `the values of \`${axis.name.text}\` are of different kinds`, {
      text: "numbers beside energies",
      hints: ["the values of an axis are all numbers, all values of one category, or all energies"],
    });
    return undefined;
  }
  return known.length < values.length || known.length === 0 ? undefined : known;
}

/** The category that a set of bare words lists values of, if a word of it means nothing else: the one that has most of them. */
function categoryOf(values: readonly ast.Expr[], env: Env): Category | undefined {
  const words = values.map((e) => (e.kind === "NameExpr" ? e.name : undefined));
  const free = words.filter(
    (w) => w !== undefined && !env.scope.names.has(w) && env.model.own(w) === undefined && !env.locals.has(w),
  );
  if (words.includes(undefined) || free.length === 0) return undefined;
  const fit = ({ classes }: Category): number => free.filter((w) => w !== undefined && classes.includes(w)).length;
  const best = categoriesOf(env).reduce<Category | undefined>(
    (a, b) => (a === undefined || fit(b) > fit(a) ? b : a),
    undefined,
  );
  return best !== undefined && fit(best) > 0 ? best : undefined;
}

type Category = Exclude<Attribute, { type: "scalar" }>;

function categoriesOf({ scope, model }: Env): readonly Category[] {
  const declared = [...scope.names.values()].flatMap((d): readonly Category[] =>
    d.kind === "attribute" && d.decl.type.kind === "CategoryType"
      ? [{ name: d.decl.name.text, type: "category", classes: d.decl.type.values.map((v) => v.text), temperature: 1 }]
      : [],
  );
  return [...declared, ...model.rows.filter((row) => row.type !== "scalar")];
}
