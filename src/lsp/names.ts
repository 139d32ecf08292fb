// The names of a program: which one is at a place, and where else it is used. In: a Snapshot. Out: declarations and spans.
// Invariants: names are those of the compiler's references; what it does not resolve is no name, so contextual keywords are left alone.
import type { Declaration } from "../compiler/references.js";
import type { Span } from "../source/span.js";
import type { ProgramFile, Snapshot } from "./workspace.js";

export interface NameUse {
  readonly span: Span;
  readonly declaration: Declaration;
  /** The name where it is declared. */
  readonly declares: boolean;
}

/** All names of a program, and where they are declared, file by file in source order. */
export function usesIn(snapshot: Snapshot): readonly NameUse[] {
  const { analysis } = snapshot;
  const uses: NameUse[] = analysis.references.map(({ span, declaration }) => ({ span, declaration, declares: false }));
  for (const declaration of declared(snapshot))
    if (declaration.at !== undefined) uses.push({ span: declaration.at, declaration, declares: true });
  return uses.sort((a, b) =>
    a.span.file < b.span.file ? -1 : a.span.file > b.span.file ? 1 : a.span.start - b.span.start,
  );
}

/** Everything that has a name of its own: declarations, parameters, axes, values of categories. */
function declared(snapshot: Snapshot): readonly Declaration[] {
  const found: Declaration[] = [...snapshot.analysis.declarations];
  for (const file of snapshot.files.values())
    for (const item of file.linked.module.items) {
      if (item.kind === "EnergyDecl")
        for (const { name } of item.params) found.push({ kind: "parameter", name: name.text, at: name.span });
      if (item.kind === "SweepDecl")
        for (const { name } of item.axes) found.push({ kind: "axis", name: name.text, at: name.span });
      if (item.kind === "AttributeDecl" && item.type.kind === "CategoryType")
        for (const value of item.type.values)
          found.push({ kind: "value", name: value.text, at: value.span, of: item.name.text });
    }
  return found.filter((d) => d.name !== "");
}

/** The name at an offset of a file; its end counts, so that a cursor behind it is on it. */
export function nameAt(snapshot: Snapshot, file: ProgramFile, offset: number): NameUse | undefined {
  const { path } = file.linked;
  const at = usesIn(snapshot).filter((u) => u.span.file === path && u.span.start <= offset && offset <= u.span.end);
  return at.find((u) => offset < u.span.end) ?? at[0];
}

/** Whether two declarations are one. */
export function isSame(a: Declaration, b: Declaration): boolean {
  if (a.at !== undefined && b.at !== undefined) return a.at.file === b.at.file && a.at.start === b.at.start;
  return a.at === b.at && a.kind === b.kind && a.name === b.name && a.model === b.model && a.of === b.of;
}

/** All uses of a declaration in a program, in source order. */
export function usesOf(snapshot: Snapshot, declaration: Declaration): readonly NameUse[] {
  return usesIn(snapshot).filter((u) => isSame(u.declaration, declaration));
}
