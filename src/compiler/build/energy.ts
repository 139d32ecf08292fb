// Energies as graphs: log p of a checked energy over the heads' outputs, in either logic.
// In: the energy IR and a way to get a head's output. Out: the node of log p, [rows].
// Invariants: only attributes that the energy names are asked for.
import type { Attribute } from "../attribute.js";
import type { Energy, Logic } from "../energy/energy.js";
import type { NodeId } from "../graph/graph.js";
import { Predicates, type Numbers, type ReadArgument } from "./predicates.js";
import { ProductLogic } from "./product-logic.js";
import { buildLace } from "./lace-logic.js";

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
