// The formatter. In: a script. Out: the same script in canonical layout, or its mistakes.
// One statement after another; blocks that were on one line stay on it if it is not too wide, others have their settings
// on lines of their own, two spaces between settings that shared a line. All comments stay, and single empty lines.
// Invariants: format(format(s)) = format(s); the tree of the result is the tree of the source but for spans and spelling.
import type { Outcome } from "../source/diagnostic.js";
import type { Item, Module, Setting } from "./ast.js";
import { atomsOf, isComment, lineWidth, marksOf, printRun, type Atom, type Marks } from "./format-line.js";
import { parseLenient } from "./parse.js";
import * as t from "./tokens.js";
import type { AnyNode } from "./walk.js";

/** A part of a script: a statement, setting or option; between parts stand only comments. */
interface Part {
  readonly node: AnyNode;
  readonly atoms: readonly Atom[];
}
type Element = { readonly part: Part } | { readonly comment: Atom };

/** Formats a script. A script with mistakes is left alone: the outcome has only the diagnostics. */
export function format(text: string, file: string): Outcome<string> {
  const { module, diagnostics, tokens, comments } = parseLenient(text, file);
  if (diagnostics.length > 0) return { diagnostics };
  const atoms = atomsOf(text, tokens, comments);
  const marks = marksOf(module);
  const elements = split(atoms, [editionOf(module, atoms), ...module.items]);
  const lines = printElements(elements, 0, marks, "own");
  return { value: lines === "" ? "" : `${lines}\n`, diagnostics };
}

/** `lace 1` is no item of the tree: the first two tokens. */
function editionOf(module: Module, atoms: readonly Atom[]): AnyNode {
  const words = atoms.filter((atom) => !isComment(atom)).slice(0, 2);
  return { span: { file: module.file, start: words[0]?.start ?? 0, end: words[1]?.end ?? 0 } };
}

/** Atoms as parts and the comments between them. */
function split(atoms: readonly Atom[], nodes: readonly AnyNode[]): Element[] {
  const elements: Element[] = [];
  let next = 0;
  for (const node of [...nodes].sort((a, b) => a.span.start - b.span.start)) {
    for (let atom = atoms[next]; atom !== undefined && atom.start < node.span.start; atom = atoms[++next]) {
      elements.push({ comment: atom });
    }
    const from = next;
    while ((atoms[next]?.start ?? Infinity) < node.span.end) next++;
    elements.push({ part: { node, atoms: atoms.slice(from, next) } });
  }
  for (const comment of atoms.slice(next)) elements.push({ comment });
  return elements;
}

function breaksBefore(element: Element): number {
  return "comment" in element ? element.comment.breaks : (element.part.atoms[0]?.breaks ?? 0);
}

/**
 * Elements on lines. `own`: each part on a line of its own; `shared`: parts that shared a line still do if they fit.
 * The first line is not indented; the caller has written its margin.
 */
function printElements(elements: readonly Element[], indent: number, marks: Marks, lines: "own" | "shared"): string {
  const margin = " ".repeat(indent);
  let done = "";
  let column = indent;
  let alone = false; // the last part took several lines, or a line comment ended its line
  elements.forEach((element, index) => {
    const previous = elements[index - 1];
    const isPart = "part" in element;
    const text = isPart ? printPart(element.part, indent, marks) : element.comment.text;
    const breaks = breaksBefore(element);
    // A block comment before a part, or a comment after one, stays where it was.
    const mayShare = lines === "shared" || !isPart || (previous !== undefined && "comment" in previous);
    const fits = !isPart || (!text.includes("\n") && column + 2 + text.length <= lineWidth);
    if (previous === undefined) {
      done = text;
    } else if (breaks === 0 && mayShare && fits && !(alone && isPart)) {
      const gap = isPart && "comment" in previous ? " " : "  ";
      done += gap + text;
    } else {
      done += `\n${breaks > 1 ? "\n" : ""}${margin}${text}`;
    }
    column = done.length - (done.lastIndexOf("\n") + 1);
    if (!done.includes("\n")) column += indent;
    alone = isPart ? text.includes("\n") : element.comment.type === t.LineComment;
  });
  return done;
}

function printPart({ node, atoms }: Part, indent: number, marks: Marks): string {
  const inner = innerNodes(node as Item | Setting);
  const open = inner === undefined ? undefined : blockStart(atoms);
  if (inner === undefined || open === undefined) return printRun(atoms, marks, indent, indent);
  const head = printRun(atoms.slice(0, open + 1), marks, indent, indent);
  return head + printBlock(split(atoms.slice(open + 1, -1), inner), atoms.at(-1), head, indent, marks);
}

/** The settings or options in a part's braces; undefined if it cannot have any. */
function innerNodes(node: Item | Setting): readonly AnyNode[] | undefined {
  switch (node.kind) {
    case "SampleDecl":
    case "EditDecl":
    case "TraverseDecl":
    case "SweepDecl":
    case "PhotoDecl":
      return node.settings;
    case "SamplerSetting":
    case "SaveStmt":
      return node.options;
    default:
      return undefined;
  }
}

/** Where the block that ends the atoms begins; undefined if no block does. */
function blockStart(atoms: readonly Atom[]): number | undefined {
  let open = 0;
  for (let i = atoms.length - 1; i >= 0; i--) {
    const type = atoms[i]?.type;
    if (type === t.RCurly) open++;
    else if (type === t.LCurly) open--;
    if (open === 0) return i < atoms.length - 1 ? i : undefined;
  }
  return undefined;
}

/** What follows `{`, the closing brace included. */
function printBlock(
  elements: readonly Element[],
  close: Atom | undefined,
  head: string,
  indent: number,
  marks: Marks,
): string {
  if (elements.length === 0) return "}";
  const flat = close?.breaks === 0 && elements.every((element) => breaksBefore(element) === 0);
  if (flat) {
    const line = ` ${printElements(elements, 0, marks, "shared")} }`;
    const column = head.length - (head.lastIndexOf("\n") + 1) + (head.includes("\n") ? 0 : indent);
    if (!line.includes("\n") && column + line.length <= lineWidth) return line;
  }
  const margin = " ".repeat(indent + 2);
  // A comment beside the opening brace stays beside it.
  const [first, ...rest] = elements;
  const beside = first !== undefined && "comment" in first && first.comment.breaks === 0;
  const comment = beside ? `  ${first.comment.text}` : "";
  const body = beside ? rest : elements;
  const printed =
    body.length === 0 ? "" : `${margin}${printElements(body, indent + 2, marks, flat ? "own" : "shared")}\n`;
  return `${comment}\n${printed}${" ".repeat(indent)}}`;
}
