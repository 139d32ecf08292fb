// Logic product as graphs: probabilities of independent parts, in log space.
// In: an energy and its predicates. Out: log p that it holds, and that it does not, [rows, 1].
// Invariants: both are built without ever subtracting from 1 where a closed form exists, so that neither loses its gradient near certainty.
import { InternalError, unreachable } from "../../source/internal-error.js";
import { LONG_COUNT, planCount } from "../energy/counts.js";
import type { Energy } from "../energy/energy.js";
import type { Both } from "../energy/interpret.js";
import type { GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { countInHalves } from "./count-tables.js";
import type { Predicates, Numbers } from "./predicates.js";
import { remember } from "./predicates.js";
import { LONG_CHAIN, logAddExp, sumOf } from "./log-sums.js";

/** Logic product: log p of an energy (`yes`) and of its contrary (`no`), each built once. */
export class ProductLogic {
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
