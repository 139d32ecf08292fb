// The structure of a text: what can be folded, and what a selection grows to.
import { FoldingRangeKind, type FoldingRange, type SelectionRange } from "vscode-languageserver";
import { walk } from "../parser/walk.js";
import { guarded, type Feature } from "./feature.js";
import { pathOf } from "./uris.js";
import type { OpenText } from "./workspace.js";

export const structure: Feature = {
  capabilities: () => ({ foldingRangeProvider: true, selectionRangeProvider: true }),
  register: (site) => {
    const { connection, workspace } = site;
    connection.onFoldingRanges(
      guarded(site, "folding", [] as FoldingRange[], ({ textDocument }) => {
        const open = workspace.openText(pathOf(textDocument.uri));
        return open === undefined ? [] : foldsOf(open, workspace.parse(open.text, open.path));
      }),
    );
    connection.onSelectionRanges(
      guarded(site, "selection", [] as SelectionRange[], ({ textDocument, positions }) => {
        const open = workspace.openText(pathOf(textDocument.uri));
        if (open === undefined) return [];
        const parse = workspace.parse(open.text, open.path);
        return positions.map((p) => selectionAt(open, parse, open.placed.offset(p)));
      }),
    );
  },
};

type Parse = ReturnType<Parameters<Feature["register"]>[0]["workspace"]["parse"]>;

function foldsOf({ placed }: OpenText, { module, comments }: Parse): FoldingRange[] {
  const folds: FoldingRange[] = [];
  const fold = (start: number, end: number, kind?: FoldingRangeKind): void => {
    const { start: from, end: to } = placed.range({ start, end });
    if (to.line > from.line) folds.push({ startLine: from.line, endLine: to.line, ...(kind && { kind }) });
  };
  walk(module, (node) => {
    if (/Decl$|Stmt$|^SamplerSetting$/.test(node.kind ?? "")) fold(node.span.start, node.span.end);
  });
  const imports = module.items.filter((i) => i.kind === "ImportDecl");
  const [first] = imports;
  const last = imports.at(-1);
  if (first !== undefined && last !== undefined) fold(first.span.start, last.span.end, FoldingRangeKind.Imports);
  // Comments on lines that follow one another are one.
  let run: { start: number; end: number } | undefined;
  const lineOf = (offset: number): number => placed.position(offset).line;
  for (const c of comments) {
    const end = c.startOffset + c.image.length;
    if (run !== undefined && lineOf(c.startOffset) === lineOf(run.end) + 1) run.end = end;
    else {
      if (run !== undefined) fold(run.start, run.end, FoldingRangeKind.Comment);
      run = { start: c.startOffset, end };
    }
  }
  if (run !== undefined) fold(run.start, run.end, FoldingRangeKind.Comment);
  return folds;
}

function selectionAt({ placed, text }: OpenText, { module, tokens }: Parse, offset: number): SelectionRange {
  const spans: { start: number; end: number }[] = [{ start: 0, end: text.length }];
  const add = (span: { start: number; end: number }): void => {
    const last = spans.at(-1);
    const within = last !== undefined && span.start >= last.start && span.end <= last.end;
    if (within && (span.start > last.start || span.end < last.end)) spans.push({ start: span.start, end: span.end });
  };
  walk(module, ({ span }) => {
    if (span.start <= offset && offset <= span.end) add(span);
  });
  for (const { startOffset: start, image } of tokens)
    if (start <= offset && offset <= start + image.length) add({ start, end: start + image.length });
  let selection: SelectionRange | undefined;
  for (const span of spans) selection = { range: placed.range(span), ...(selection && { parent: selection }) };
  return selection ?? { range: placed.range({ start: offset, end: offset }) };
}
