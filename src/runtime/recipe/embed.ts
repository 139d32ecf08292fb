// A program's texts as they travel inside an image.
// In: a linked program. Out: RecipeFile[], the entry first.
// Invariants: the names are those of a tree with the entry at its root; the texts are those of the files but for literals that lead out of
// the script's folder: of these only the last part stays.
import { networksOf, startsOf, type LinkedFile, type Program } from "../../compiler/link.js";
import type { StringLit } from "../../parser/ast.js";
import { InternalError } from "../../source/internal-error.js";
import type { Host } from "../../ports/host.js";
import { isModelName } from "../../models/model-name.js";
import { publicNames, type PublicNames } from "./names.js";
import type { RecipeFile } from "./recipe.js";

/** The texts of a program, fit to be shown to strangers. */
export function embedProgram(host: Host, program: Program): readonly RecipeFile[] {
  const names = publicNames(host, program);
  const others = program.files.filter((f) => f !== program.entry);
  return [program.entry, ...others].map((file) => embedFile(file, program.sources.get(file.path), names));
}

function embedFile(file: LinkedFile, text: string | undefined, names: PublicNames): RecipeFile {
  const name = names.scripts.get(file.path);
  if (text === undefined || name === undefined) throw new InternalError(`no text of ${file.path}`);
  const edits: { readonly literal: StringLit; readonly value: string }[] = [];
  const add = (literal: StringLit, wanted: string | undefined): void => {
    if (wanted === undefined) throw new InternalError(`no name of ${literal.value}`);
    const { value } = literal;
    if (beside(name, value) !== wanted) edits.push({ literal, value: literalFor(name, wanted) });
  };
  for (const { decl, file: target } of file.imports) add(decl.path, names.scripts.get(target.path));
  for (const item of file.module.items) {
    const literal = item.kind === "ModelDecl" ? item.path : item.kind === "AttributeDecl" ? item.from : undefined;
    if (literal === undefined || literal.value.startsWith("builtin:")) continue;
    if (item.kind === "ModelDecl" && isModelName(literal.value)) continue;
    add(literal, names.references.get(file.references.get(literal.value) ?? ""));
  }
  for (const { path } of [...startsOf(file.module), ...networksOf(file.module)])
    add(path, names.references.get(file.references.get(path.value) ?? ""));
  return { name, text: rewrite(text, edits) };
}

/** The name that a literal in the file `from` means, in a tree of names; one that leaves the tree is given back as it is. */
export function beside(from: string, literal: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of literal.split("/")) {
    if (part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return literal;
  }
  return parts.join("/");
}

/** A literal by which the file `from` names the file `to`. */
function literalFor(from: string, to: string): string {
  return `${"../".repeat(from.split("/").length - 1)}${to}`;
}

/** The text with some literals changed, from the end so that spans stay true. */
function rewrite(text: string, edits: readonly { readonly literal: StringLit; readonly value: string }[]): string {
  let result = text;
  for (const { literal, value } of [...edits].sort((a, b) => b.literal.span.start - a.literal.span.start)) {
    const { start, end } = literal.span;
    result = `${result.slice(0, start)}${JSON.stringify(value)}${result.slice(end)}`;
  }
  return result;
}
