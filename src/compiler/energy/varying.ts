// Conditions of one form: energies that differ in numbers alone, such as the cells of a sweep, as one energy whose numbers come in as inputs.
// In: energies. Out: CommonForms, and the numbers of each energy.
// Invariants: numbers that are the same in all energies of a form stay in it as constants; two that always agree are one input; the form
// does not depend on the values of the others, nor on which energy comes first.
import { unreachable } from "../../source/internal-error.js";
import { at } from "../graph/shape.js";
import { foldEnergy, mapEnergy, type Energy } from "./energy.js";

/** The numbers that an energy may have. */
export type NumberField = "temperature" | "target" | "sigma" | "threshold" | "factor";

/** Which numbers of an energy are inputs: their columns. */
export interface Varying {
  readonly columns: number;
  readonly of: ReadonlyMap<Energy, Readonly<Partial<Record<NumberField, number>>>>;
}

export interface CommonForm {
  /** Numbers that vary are 0 in it; its nodes are its own. */
  readonly energy: Energy;
  /** Absent where nothing varies. */
  readonly varying?: Varying;
  /** Which of the energies have this form, ascending, and what they put in each column: [members, columns]. */
  readonly members: readonly number[];
  readonly numbers: readonly (readonly number[])[];
}

/** The forms of some energies, in the order in which they come. */
export function commonForms(energies: readonly Energy[]): readonly CommonForm[] {
  const groups = new Map<string, number[]>();
  energies.forEach((energy, i) => {
    const key = JSON.stringify(energy, (name, value: unknown) =>
      name === "span" || isNumberField(name) ? undefined : value,
    );
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  return [...groups.values()].map((members) => formOf(energies, members));
}

/** An energy of a form with its numbers in their places: a new one, of which each node is told beside the form's. */
export function withNumbers(
  form: Energy,
  { of }: Pick<Varying, "of">,
  numbers: ArrayLike<number>,
  told: (node: Energy, ofForm: Energy) => void,
): Energy {
  return mapEnergy(form, (node, was) => {
    const columns = Object.entries(of.get(was) ?? {});
    const own = { ...node, ...Object.fromEntries(columns.map(([field, column]) => [field, numbers[column] ?? NaN])) };
    told(own, was);
    return own;
  });
}

/** The numbers of a condition between two of one form: a share of the way. */
export function mixNumbers(a: readonly number[], b: readonly number[], share: number): readonly number[] {
  return a.map((x, k) => (1 - share) * x + share * (b[k] ?? x));
}

function formOf(energies: readonly Energy[], members: readonly number[]): CommonForm {
  const rows = members.map((m) => numbersOf(at(energies, m)));
  const places = rows[0]?.length ?? 0;
  const columns = new Map<string, { readonly column: number; readonly place: number }>();
  const columnOf = Array.from({ length: places }, (_, place) => {
    const values = rows.map((row) => at(row, place));
    if (values.every((v) => v === values[0])) return undefined;
    const key = values.join(" ");
    const { column } = columns.get(key) ?? { column: columns.size };
    if (!columns.has(key)) columns.set(key, { column, place });
    return column;
  });
  const of = new Map<Energy, Partial<Record<NumberField, number>>>();
  let place = 0;
  const energy = mapEnergy(at(energies, at(members, 0)), (node) => {
    const own = numbersIn(node).map(([field]) => [field, columnOf[place++]] as const);
    const varying = own.filter(([, column]) => column !== undefined);
    const built: Energy = { ...node, ...Object.fromEntries(varying.map(([field]) => [field, 0])) };
    if (varying.length > 0) of.set(built, Object.fromEntries(varying));
    return built;
  });
  const picked = [...columns.values()].map((c) => c.place);
  return {
    energy,
    ...(picked.length !== 0 && { varying: { columns: picked.length, of } }),
    members,
    numbers: rows.map((row) => picked.map((p) => at(row, p))),
  };
}

const FIELDS = ["temperature", "target", "sigma", "threshold", "factor"] as const satisfies readonly NumberField[];

function isNumberField(name: string): boolean {
  return (FIELDS as readonly string[]).includes(name);
}

/** The numbers of one node, in the order in which numbersOf lists them. */
function numbersIn(e: Energy): readonly (readonly [NumberField, number])[] {
  switch (e.kind) {
    case "class":
      return [["temperature", e.temperature]];
    case "near":
      return [
        ["target", e.target],
        ["sigma", e.sigma],
      ];
    case "above":
    case "below":
      return [
        ["threshold", e.threshold],
        ["sigma", e.sigma],
      ];
    case "weight":
      return [["factor", e.factor]];
    case "always":
    case "not":
    case "and":
    case "or":
    case "count":
      return [];
    default:
      return unreachable(e);
  }
}

/** All numbers of an energy: of the parts first, in source order, then of the node. */
function numbersOf(energy: Energy): readonly number[] {
  return foldEnergy<readonly number[]>(energy, (node, ofParts) => [
    ...ofParts.flat(),
    ...numbersIn(node).map(([, value]) => value),
  ]);
}
