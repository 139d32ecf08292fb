// The syntax tree as text, for `--print ast` and golden files. In: a Module. Out: JSON with spans as "start-end".
import type { Module } from "./ast.js";

const width = 110;

/** JSON of a tree, offsets in UTF-16 units, a part on one line where it fits. */
export function printAst(module: Module): string {
  return printJson(module, "");
}

function printJson(value: unknown, indent: string): string {
  const flat = flatJson(value);
  if (indent.length + flat.length <= width) return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => inner + printJson(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (typeof value === "object" && value !== null && !isSpan(value)) {
    const lines = entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${printJson(item, inner)}`);
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  return flat;
}

function flatJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flatJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isSpan(value)) return `"${value.start}-${value.end}"`;
  return `{ ${entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${flatJson(item)}`)
    .join(", ")} }`;
}

function entries(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

function isSpan(value: object): value is { start: number; end: number } {
  return "start" in value && "end" in value;
}
