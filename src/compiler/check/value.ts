// What expressions evaluate to, and the words for it in messages.
// In: the evaluator (evaluate.ts) makes Values. Out: predicates, declared names and settings look at them.
import type { Attribute } from "../attribute.js";
import type { Formula } from "../energy/formula.js";
import type { TableRow } from "./model-table.js";

/** What an expression stands for. */
export type Value =
  | { readonly kind: "number"; readonly value: number | undefined }
  /** No formula: it cannot be known yet, or a mistake inside it was reported. */
  | { readonly kind: "energy"; readonly formula: Formula | undefined }
  | { readonly kind: "attribute"; readonly name: string; readonly of: TableRow }
  /** A value of the category `of`, by its name; undefined: not known yet. */
  | { readonly kind: "word"; readonly word: string | undefined; readonly of: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "error" };

/** After a mistake that has been reported: every other check accepts it in silence. */
export const ERROR: Value = { kind: "error" };

/** "a category" and the like, for messages. */
export function typeOf(row: Attribute): string {
  return row.type === "binary" ? "a binary attribute" : `a ${row.type}`;
}

/** "an energy" and the like, for messages. */
export function describe(v: Value): string {
  switch (v.kind) {
    case "number":
      return "a number";
    case "energy":
      return "an energy";
    case "attribute":
      return typeOf(v.of.row);
    case "word":
      return `a value of \`${v.of}\``;
    case "text":
      return "a text";
    case "error":
      return "a mistake";
  }
}
