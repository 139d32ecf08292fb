// The curvature of log p in the arguments of an energy: value, gradient and Hessian in float64, by second-order forward-mode differentiation (jets).
// In: an energy. Out: a function of the arguments' values (arguments.ts) for one sample.
// Invariants: the same formulas as interpret.ts, in another arithmetic. In logic lace the factor of `not` has no gradient, so that what is
//   followed is a field, and its derivatives are taken with the factor's: symmetric but for nested `not`s, and made so.
import { InternalError, unreachable } from "../../source/internal-error.js";
import type { Attribute } from "../attribute.js";
import { LOG1MEXP_GUARD } from "../graph/graph.js";
import {
  argumentKey,
  argumentsOf,
  classesOf,
  marginOf,
  readsLogits,
  type Argument,
  type Conditions,
} from "./arguments.js";
import type { Energy } from "./energy.js";
import type { ClassPredicate, Predicate } from "../predicate.js";
import {
  LACE_NOT_LIMIT,
  largest,
  log1mexp,
  logSigmoid,
  LOGISTIC_SLOPE,
  meaning,
  type Arithmetic,
  type Both,
} from "./interpret.js";
import { withNumbers } from "./varying.js";

/** A number with its gradient [n] and Hessian [n, n] in the arguments. */
export interface Jet {
  readonly value: number;
  readonly gradient: Float64Array;
  readonly hessian: Float64Array;
}

/**
 * log p as a function of the values of the energy's arguments, with its derivatives; with `varying`, of its numbers too.
 *
 * Shapes   arguments [n] in the order of argumentsOf, numbers [columns]; a Jet over the arguments.
 */
export function curvatureOf(conditions: Conditions): (values: ArrayLike<number>, numbers?: ArrayLike<number>) => Jet {
  const { energy, logic, attributes, varying } = conditions;
  const order = argumentsOf(conditions);
  const index = new Map(order.map((a, i) => [argumentKey(a), i]));
  return (values, numbers = []) => {
    const jets = order.map((_, i) => variable(values[i] ?? NaN, i, order.length));
    const read = (a: Argument): Jet => jets[index.get(argumentKey(a)) ?? -1] ?? missing(a);
    // Arguments are those of the form, whatever its numbers are.
    const forms = new Map<Energy, Energy>();
    const own =
      varying === undefined ? energy : withNumbers(energy, varying, numbers, (e, form) => void forms.set(e, form));
    const marginFor = (e: ClassPredicate): Both<Jet> | undefined => {
      const form = forms.get(e) ?? e;
      if (form.kind !== "class" || readsLogits(form, logic)) return undefined;
      const { margin, negated } = marginOf(form, classesOf(attributes, form.attribute), varying);
      return signed(read(margin), negated ? -1 : 1);
    };
    return meaning(
      own,
      logic,
      jetArithmetic(order.length, (e) => leaf(e, attributes, read, marginFor)),
    );
  };
}

function jetArithmetic(n: number, leafOf: (e: Predicate) => Both<Jet>): Arithmetic<Jet> {
  return {
    constant: (value) => ({ value, gradient: new Float64Array(n), hessian: new Float64Array(n * n) }),
    add,
    scale: scaled,
    log1mexp: complement,
    logSumExp,
    laceNot,
    leaf: leafOf,
  };
}

function leaf(
  e: Predicate,
  attributes: readonly Attribute[],
  read: (a: Argument) => Jet,
  marginFor: (e: ClassPredicate) => Both<Jet> | undefined,
): Both<Jet> {
  const scalarOf = (): Jet => read({ kind: "output", attribute: e.attribute, column: 0 });
  switch (e.kind) {
    case "class": {
      const known = marginFor(e);
      if (known !== undefined) return known;
      const logits = Array.from({ length: classesOf(attributes, e.attribute) }, (_, column) =>
        read({ kind: "output", attribute: e.attribute, column }),
      );
      const picked = logSumExp(logits.flatMap((x, v) => (e.values.includes(v) ? [scaled(x, 1 / e.temperature)] : [])));
      const yes = add(picked, scaled(logSumExp(logits), -1));
      return { yes, no: complement(yes) };
    }
    case "near": {
      const u = scalarOf();
      const offset = u.value - e.target;
      const variance = e.sigma ** 2;
      const yes = chain(u, -(offset ** 2) / (2 * variance), -offset / variance, -1 / variance);
      return { yes, no: complement(yes) };
    }
    case "above":
    case "below": {
      const u = scalarOf();
      const slope = LOGISTIC_SLOPE / e.sigma;
      return signed(chain(u, slope * (u.value - e.threshold), slope, 0), e.kind === "above" ? 1 : -1);
    }
    default:
      return unreachable(e);
  }
}

/** A margin as a predicate, or with sign -1 as its contrary. */
function signed(margin: Jet, sign: number): Both<Jet> {
  return { yes: sigmoid(margin, sign), no: sigmoid(margin, -sign) };
}

function variable(value: number, i: number, n: number): Jet {
  const gradient = new Float64Array(n);
  gradient[i] = 1;
  return { value, gradient, hessian: new Float64Array(n * n) };
}

/** f(a), of value f and derivatives f1 and f2 at a's value. */
function chain({ gradient, hessian }: Jet, f: number, f1: number, f2: number): Jet {
  const n = gradient.length;
  const next = hessian.map((x) => f1 * x);
  if (f2 !== 0) addOuter(next, gradient, f2, n);
  return { value: f, gradient: gradient.map((x) => f1 * x), hessian: next };
}

function addOuter(hessian: Float64Array, gradient: Float64Array, factor: number, n: number): void {
  for (let i = 0; i < n; i++) {
    const x = factor * (gradient[i] ?? 0);
    if (x === 0) continue;
    for (let j = 0; j < n; j++) hessian[i * n + j] = (hessian[i * n + j] ?? 0) + x * (gradient[j] ?? 0);
  }
}

function add(a: Jet, b: Jet): Jet {
  return {
    value: a.value + b.value,
    gradient: a.gradient.map((x, i) => x + (b.gradient[i] ?? 0)),
    hessian: a.hessian.map((x, i) => x + (b.hessian[i] ?? 0)),
  };
}

function scaled(a: Jet, factor: number): Jet {
  return chain(a, factor * a.value, factor, 0);
}

/** log sigmoid(sign * margin). */
function sigmoid(margin: Jet, sign: number): Jet {
  const x = sign * margin.value;
  const rest = Math.exp(logSigmoid(-x));
  return chain(margin, logSigmoid(x), sign * rest, -rest * Math.exp(logSigmoid(x)));
}

/** log(1 - exp(a)), derivatives at the guard where a is nearer to 0, as in graphs. */
function complement(a: Jet): Jet {
  const q = Math.expm1(-Math.min(a.value, -LOG1MEXP_GUARD));
  return chain(a, log1mexp(a.value), -1 / q, -(1 / q + 1 / q ** 2));
}

function laceNot(a: Jet): Jet {
  const { value, gradient } = a;
  if (Math.abs(value) <= LACE_NOT_LIMIT) return scaled(a, -1);
  const factor = LACE_NOT_LIMIT / Math.abs(value);
  const next = scaled(a, -factor);
  addOuter(next.hessian, gradient, (Math.sign(value) * LACE_NOT_LIMIT) / value ** 2, gradient.length);
  return next;
}

function logSumExp(terms: readonly Jet[]): Jet {
  const top = largest(terms.map((t) => t.value));
  const [first] = terms;
  if (first === undefined) throw new InternalError("logsumexp of nothing");
  const n = first.gradient.length;
  const weights = terms.map((t) => (top === -Infinity ? 0 : Math.exp(t.value - top)));
  const total = weights.reduce((sum, x) => sum + x, 0);
  const gradient = new Float64Array(n);
  const hessian = new Float64Array(n * n);
  terms.forEach((t, k) => {
    const share = (weights[k] ?? 0) / (total || 1);
    if (share === 0) return;
    for (let i = 0; i < n; i++) gradient[i] = (gradient[i] ?? 0) + share * (t.gradient[i] ?? 0);
    for (let i = 0; i < n * n; i++) hessian[i] = (hessian[i] ?? 0) + share * (t.hessian[i] ?? 0);
    addOuter(hessian, t.gradient, share, n);
  });
  addOuter(hessian, gradient, -1, n);
  return { value: top === -Infinity ? top : top + Math.log(total), gradient, hessian };
}

function missing(a: Argument): never {
  throw new InternalError(`no value of the argument ${argumentKey(a)}`);
}
