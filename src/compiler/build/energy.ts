// Energies as graphs: log p of a checked energy over the heads' outputs, in either logic.
// In: the energy IR and a way to get a head's output. Out: the node of log p, [rows].
// Invariants: only attributes that the energy names are asked for; in logic product both log p(e) and log p(not e) are built
// without ever subtracting from 1 where a closed form exists, so that neither loses its gradient near certainty.
import { InternalError, unreachable } from "../../source/internal-error.js";
import type { Attribute } from "../attribute.js";
import { LONG_COUNT, planCount } from "../energy/counts.js";
import { classesOf, marginOf, readsLogits, type Argument, type Margin } from "../energy/arguments.js";
import type { Energy, Logic } from "../energy/energy.js";
import type { BoundPredicate, ClassPredicate, NearPredicate } from "../predicate.js";
import type { NumberField, Varying } from "../energy/varying.js";
import { LACE_NOT_LIMIT, LACE_OR_FACTOR, LOGISTIC_SLOPE, type Both } from "../energy/interpret.js";
import { scalar, type GraphBuilder, type Operand } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { countInHalves } from "./count-tables.js";

/** The output [rows, K] of the head of an attribute, by its index in the model's table. */
export type HeadOutput = (attribute: number) => NodeId;

/** The node [rows, 1] of an argument. */
export type ReadArgument = (argument: Argument) => NodeId;

/**
 * log p of an energy, in nats.
 *
 *   docs/language.md, predicates and logic.
 *
 * Shapes   arguments [rows, 1] (see readArguments) -> [rows].
 * Gradient in logic lace the factor of `not` has none, as in the paper.
 * Errors   InternalError for `count` in logic lace and for an attribute whose head has another size than the table says.
 */
export function buildLogProb(
  energy: Energy,
  read: ReadArgument,
  attributes: readonly Attribute[],
  logic: Logic,
  numbers: Numbers,
): NodeId {
  const { b, rows } = numbers;
  const predicates = new Predicates(read, attributes, numbers);
  const value =
    logic === "product"
      ? new ProductLogic(b, predicates, numbers, rows).yes(energy)
      : buildLace(b, predicates, numbers, energy);
  return b.reshape(b.broadcast(value, [rows, 1]), [rows]);
}

/** Arguments read from the outputs of heads, each head asked for once. Errors: InternalError for one whose size is not the table's. */
export function readArguments(
  headOutput: HeadOutput,
  attributes: readonly Attribute[],
  numbers: Numbers,
): ReadArgument {
  const { b } = numbers;
  const heads = new Map<number, NodeId>();
  const output = (index: number): NodeId =>
    remember(heads, index, () => {
      const head = headOutput(index);
      const [name, width] = [at(attributes, index).name, classesOf(attributes, index)];
      const found = b.shape(head).at(-1) ?? 0;
      if (found !== width) throw new InternalError(`head of ${name} has ${found} outputs, not ${width}`);
      return head;
    });
  return (a) => {
    const raw = output(a.attribute);
    if (a.kind === "output") return b.sliceAxis(raw, 1, a.column, 1);
    const logits = b.mul(raw, numbers.cooling(a));
    const classes = at(b.shape(raw), 1);
    // Two classes need only the difference of the logits, which the fold pass then moves into the head's last layer.
    if (classes === 2) return b.matmul(logits, b.constant([-1, 1], [2, 1]));
    const others = Array.from({ length: classes }, (_, v) => v).filter((v) => !a.values.includes(v));
    return b.sub(logSumExpOf(b, logits, a.values), logSumExpOf(b, logits, others));
  };
}

/** The numbers of an energy: constants, or with `varying` columns of an input `numbers` [rows, columns], made when it is first asked for. */
export class Numbers {
  #input: NodeId | undefined;

  constructor(
    readonly b: GraphBuilder,
    readonly rows: number,
    readonly varying?: Varying,
  ) {}

  /** 1 / T of a margin. */
  cooling({ temperature, temperatureColumn }: Margin): Operand {
    return temperatureColumn === undefined
      ? scalar(1 / temperature)
      : this.b.div(scalar(1), this.#columnAt(temperatureColumn));
  }

  value(e: Energy, field: NumberField, constant: number): Operand {
    return this.#column(e, field) ?? scalar(constant);
  }

  /** numerator / value */
  inverse(e: Energy, field: NumberField, constant: number, numerator: number): Operand {
    const column = this.#column(e, field);
    return column === undefined ? scalar(numerator / constant) : this.b.div(scalar(numerator), column);
  }

  #column(e: Energy, field: NumberField): NodeId | undefined {
    const column = this.varying?.of.get(e)?.[field];
    return column === undefined ? undefined : this.#columnAt(column);
  }

  #columnAt(column: number): NodeId {
    this.#input ??= this.b.input("numbers", [this.rows, this.varying?.columns ?? 0]);
    return this.b.sliceAxis(this.#input, 1, column, 1);
  }
}

/** logsumexp over some columns of [rows, K], ascending. */
function logSumExpOf(b: GraphBuilder, logits: NodeId, columns: readonly number[]): NodeId {
  const runs = columns.reduce<{ start: number; size: number }[]>((list, v) => {
    const last = list.at(-1);
    if (last !== undefined && last.start + last.size === v) last.size++;
    else list.push({ start: v, size: 1 });
    return list;
  }, []);
  const picked = b.concat(
    runs.map(({ start, size }) => b.sliceAxis(logits, 1, start, size)),
    1,
  );
  return columns.length === 1 ? picked : b.logSumExp(picked, [1], true);
}

/** Predicates as margins: log p = log sigmoid(margin), and of the contrary log sigmoid(-margin). Shapes [rows, 1]. */
class Predicates {
  readonly b: GraphBuilder;

  constructor(
    readonly read: ReadArgument,
    readonly attributes: readonly Attribute[],
    readonly numbers: Numbers,
  ) {
    this.b = numbers.b;
  }

  /** One of a set of classes and its complement is read, and negated for the other, so that both cost one evaluation. */
  classMargin(e: ClassPredicate): NodeId {
    const { margin, negated } = marginOf(e, classesOf(this.attributes, e.attribute), this.numbers.varying);
    const value = this.read(margin);
    return negated ? this.b.neg(value) : value;
  }

  /** In logic lace a temperature divides the picked logits only, so that this is not a probability. */
  pickedLogits(e: ClassPredicate): NodeId {
    const { b, numbers } = this;
    const { attribute, values, temperature } = e;
    const columns = Array.from({ length: classesOf(this.attributes, attribute) }, (_, column) => column);
    const logits = b.concat(
      columns.map((column) => this.read({ kind: "output", attribute, column })),
      1,
    );
    const picked = logSumExpOf(b, b.mul(logits, numbers.inverse(e, "temperature", temperature, 1)), values);
    return b.sub(picked, b.logSumExp(logits, [1], true));
  }

  /** Margin of "above"; that of "below" is its negative. */
  aboveMargin(e: BoundPredicate): NodeId {
    const { b, numbers } = this;
    const threshold = numbers.value(e, "threshold", e.threshold);
    const slope = numbers.inverse(e, "sigma", e.sigma, LOGISTIC_SLOPE);
    return b.mul(b.sub(this.scalarOf(e.attribute), threshold), slope);
  }

  near(e: NearPredicate): NodeId {
    const { b, numbers } = this;
    const target = numbers.value(e, "target", e.target);
    const offset = b.mul(b.sub(this.scalarOf(e.attribute), target), numbers.inverse(e, "sigma", e.sigma, Math.SQRT1_2));
    return b.neg(b.square(offset));
  }

  scalarOf(attribute: number): NodeId {
    return this.read({ kind: "output", attribute, column: 0 });
  }

  logSigmoid(margin: NodeId): NodeId {
    return this.b.neg(this.b.softplus(this.b.neg(margin)));
  }
}

/** log(exp(x) + exp(y)), stable for any finite x and y. */
function logAddExp(b: GraphBuilder, x: NodeId, y: NodeId): NodeId {
  return b.add(x, b.softplus(b.sub(y, x)));
}

/** Longer chains of additions are not built: passes move along one by a step in a sweep. */
const LONG_CHAIN = 64;

/** Terms and sum [rows, 1]; of many terms as one operation. */
function sumOf(b: GraphBuilder, terms: readonly NodeId[]): NodeId {
  if (terms.length > LONG_CHAIN) {
    const rows = terms.reduce((most, t) => Math.max(most, at(b.shape(t), 0)), 1);
    const columns = terms.map((t) => b.broadcast(t, [rows, 1]));
    return b.sum(b.concat(columns, 1), [1], true);
  }
  return terms.reduce((sum, term) => b.add(sum, term));
}

/** Logic product: log p of an energy (`yes`) and of its contrary (`no`), each built once. */
class ProductLogic {
  readonly #yes = new Map<Energy, NodeId>();
  readonly #no = new Map<Energy, NodeId>();
  readonly #counts = new Map<Energy, readonly NodeId[]>();
  readonly #longCounts = new Map<Energy, Both<NodeId>>();

  constructor(
    readonly b: GraphBuilder,
    readonly predicates: Predicates,
    readonly numbers: Numbers,
    readonly rows: number,
  ) {}

  yes(e: Energy): NodeId {
    return remember(this.#yes, e, () => this.#buildYes(e));
  }

  no(e: Energy): NodeId {
    return remember(this.#no, e, () => this.#buildNo(e));
  }

  #buildYes(e: Energy): NodeId {
    const { b, predicates } = this;
    switch (e.kind) {
      case "always":
        return this.#certain();
      case "class":
        return predicates.logSigmoid(predicates.classMargin(e));
      case "near":
        return predicates.near(e);
      case "above":
        return predicates.logSigmoid(predicates.aboveMargin(e));
      case "below":
        return predicates.logSigmoid(b.neg(predicates.aboveMargin(e)));
      case "not":
        return this.no(e.part);
      case "and":
        return sumOf(
          b,
          e.parts.map((p) => this.yes(p)),
        );
      case "or":
        return this.#anyOf(e.parts.map((p) => ({ yes: this.yes(p), no: this.no(p) })));
      case "weight":
        return b.mul(this.yes(e.part), this.numbers.value(e, "factor", e.factor));
      case "count":
        if (e.parts.length > LONG_COUNT) return this.#longCount(e).yes;
        return this.#logSum(this.#countTable(e, e.parts).slice(e.min, e.max + 1));
      default:
        return unreachable(e);
    }
  }

  #buildNo(e: Energy): NodeId {
    const { b, predicates } = this;
    switch (e.kind) {
      case "class":
        return predicates.logSigmoid(b.neg(predicates.classMargin(e)));
      case "above":
        return predicates.logSigmoid(b.neg(predicates.aboveMargin(e)));
      case "below":
        return predicates.logSigmoid(predicates.aboveMargin(e));
      case "not":
        return this.yes(e.part);
      case "and":
        return this.#anyOf(e.parts.map((p) => ({ yes: this.no(p), no: this.yes(p) })));
      case "or":
        return sumOf(
          b,
          e.parts.map((p) => this.no(p)),
        );
      case "count": {
        if (e.parts.length > LONG_COUNT) return this.#longCount(e).no;
        const table = this.#countTable(e, e.parts);
        return this.#logSum([...table.slice(0, e.min), ...table.slice(e.max + 1)]);
      }
      case "always":
      case "near":
      case "weight":
        return b.log1mexp(this.yes(e));
      default:
        return unreachable(e);
    }
  }

  /**
   * log of 1 - product of (1 - p_i), as the log-sum of "part i holds and none before it": exact where every p is tiny, where
   * 1 - (1 - p)(1 - q) would round to 0. Many parts are taken in groups, and then the groups as parts.
   */
  #anyOf(parts: readonly Both<NodeId>[]): NodeId {
    const { b } = this;
    if (parts.length > LONG_CHAIN) {
      const count = Math.ceil(parts.length / LONG_CHAIN);
      const groups = Array.from({ length: count }, (_, i) => parts.slice(i * LONG_CHAIN, (i + 1) * LONG_CHAIN));
      const noneOf = (group: typeof parts): NodeId =>
        sumOf(
          b,
          group.map((p) => p.no),
        );
      return this.#anyOf(groups.map((group) => ({ yes: this.#anyOf(group), no: noneOf(group) })));
    }
    let noneBefore: NodeId | undefined;
    const terms = parts.map(({ yes, no }) => {
      const term = noneBefore === undefined ? yes : b.add(yes, noneBefore);
      noneBefore = noneBefore === undefined ? no : b.add(noneBefore, no);
      return term;
    });
    return this.#logSum(terms);
  }

  /** Entry k is log p of "exactly k of the parts hold", the parts taken as independent: the Poisson-binomial recurrence. */
  #countTable(e: Energy, parts: readonly Energy[]): readonly NodeId[] {
    const known = this.#counts.get(e);
    if (known !== undefined) return known;
    const { b } = this;
    let table: readonly NodeId[] = [this.#certain()];
    for (const part of parts) {
      const [yes, no] = [this.yes(part), this.no(part)];
      const held = table.map((entry) => b.add(entry, yes));
      const failed = table.map((entry) => b.add(entry, no));
      table = [
        at(failed, 0),
        ...held.slice(0, -1).map((entry, k) => logAddExp(b, entry, at(failed, k + 1))),
        at(held, held.length - 1),
      ];
    }
    this.#counts.set(e, table);
    return table;
  }

  /** A count of many parts: nodes in proportion to them, where the recurrence would need their square. */
  #longCount(e: Extract<Energy, { kind: "count" }>): Both<NodeId> {
    const known = this.#longCounts.get(e);
    if (known !== undefined) return known;
    const ways = e.parts.map((p) => ({ yes: this.yes(p), no: this.no(p) }));
    const made = countInHalves(this.b, this.rows, ways, planCount(e.parts.length, e));
    this.#longCounts.set(e, made);
    return made;
  }

  /** log 1 for every row. */
  #certain(): NodeId {
    return this.b.constant(new Float64Array(this.rows), [this.rows, 1]);
  }

  #logSum(terms: readonly NodeId[]): NodeId {
    const { b } = this;
    const [first, second] = terms;
    if (first === undefined) throw new InternalError("no number of parts satisfies a count");
    if (second === undefined) return first;
    if (terms.length === 2) return logAddExp(b, first, second);
    return b.logSumExp(b.concat(terms, 1), [1], true);
  }
}

/** Logic lace: the paper's formulas as they are. */
function buildLace(b: GraphBuilder, predicates: Predicates, numbers: Numbers, e: Energy): NodeId {
  const part = (p: Energy): NodeId => buildLace(b, predicates, numbers, p);
  switch (e.kind) {
    case "always":
      return b.constant([0], [1, 1]);
    case "class":
      return readsLogits(e, "lace") ? predicates.pickedLogits(e) : predicates.logSigmoid(predicates.classMargin(e));
    case "near":
      return predicates.near(e);
    case "above":
    case "below": {
      const margin = predicates.aboveMargin(e);
      return predicates.logSigmoid(e.kind === "above" ? margin : b.neg(margin));
    }
    case "not": {
      const value = part(e.part);
      const factor = b.detach(b.min(scalar(1), b.div(scalar(LACE_NOT_LIMIT), b.abs(value))));
      return b.neg(b.mul(factor, value));
    }
    case "and":
      if (e.parts.length > LONG_CHAIN) return sumOf(b, e.parts.map(part));
      return foldParts(e.parts, part, (left, right) => b.add(left, right));
    case "or":
      if (e.parts.length > LONG_CHAIN) return laceOrOfMany(b, numbers.rows, e.parts.map(part));
      return foldParts(e.parts, part, (left, right) =>
        logAddExp(b, b.add(left, scalar(Math.log(LACE_OR_FACTOR))), right),
      );
    case "weight":
      return b.mul(part(e.part), numbers.value(e, "factor", e.factor));
    case "count":
      throw new InternalError("count has no meaning in logic lace");
    default:
      return unreachable(e);
  }
}

/** The parts from the left, each built when its turn comes: the graph of a chain is that of pairs within pairs. */
function foldParts(
  parts: readonly Energy[],
  build: (part: Energy) => NodeId,
  join: (left: NodeId, right: NodeId) => NodeId,
): NodeId {
  const [first, ...rest] = parts;
  if (first === undefined) throw new InternalError("a connective without parts");
  return rest.reduce((left, part) => join(left, build(part)), build(first));
}

/** The paper's `or` of two, log(F exp(x) + exp(y)), from the left: of n parts that is log sum_i F^(n-1-i) exp(x_i), here as one operation. */
function laceOrOfMany(b: GraphBuilder, rows: number, terms: readonly NodeId[]): NodeId {
  const step = Math.log(LACE_OR_FACTOR);
  const columns = b.concat(
    terms.map((t) => b.broadcast(t, [rows, 1])),
    1,
  );
  const offsets = Float64Array.from(terms, (_, i) => (terms.length - 1 - i) * step);
  return b.logSumExp(b.add(columns, b.constant(offsets, [1, terms.length])), [1], true);
}

function remember<K>(map: Map<K, NodeId>, key: K, build: () => NodeId): NodeId {
  const known = map.get(key);
  if (known !== undefined) return known;
  const built = build();
  map.set(key, built);
  return built;
}
