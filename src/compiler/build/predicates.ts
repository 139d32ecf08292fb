// Predicates as graphs: what a head says of an attribute, as margins, and the numbers that they compare with.
// In: a way to get a head's output, the attribute table, numbers that are constants or columns of an input. Out: nodes [rows, 1].
// Invariants: only attributes that are named are asked for, each head once; a margin and its negative cost one evaluation.
import { InternalError } from "../../source/internal-error.js";
import type { Attribute } from "../attribute.js";
import { classesOf, marginOf, type Argument, type Margin } from "../energy/arguments.js";
import type { Energy } from "../energy/energy.js";
import type { BoundPredicate, ClassPredicate, NearPredicate } from "../predicate.js";
import type { NumberField, Varying } from "../energy/varying.js";
import { LOGISTIC_SLOPE } from "../energy/interpret.js";
import { scalar, type GraphBuilder, type Operand } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";

/** The output [rows, K] of the head of an attribute, by its index in the model's table. */
export type HeadOutput = (attribute: number) => NodeId;

/** The node [rows, 1] of an argument. */
export type ReadArgument = (argument: Argument) => NodeId;

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
export class Predicates {
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

/** What was built for a key, built if it was not. */
export function remember<K>(map: Map<K, NodeId>, key: K, build: () => NodeId): NodeId {
  const known = map.get(key);
  if (known !== undefined) return known;
  const built = build();
  map.set(key, built);
  return built;
}
