// Every node of a syntax tree. Trees are plain data, so one walk serves all kinds; a new kind needs no change here.
import type { Span } from "../source/span.js";

/** What all nodes have in common; names, texts and parameters have no kind. */
export interface AnyNode {
  readonly kind?: string;
  readonly span: Span;
}

/** Calls `visit` on a node and everything below it, parents first, in source order. */
export function walk(node: AnyNode, visit: (node: AnyNode, parent: AnyNode | undefined) => void): void {
  const pending: { node: AnyNode; parent: AnyNode | undefined }[] = [{ node, parent: undefined }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const current = next.node;
    visit(current, next.parent);
    const below = Object.values(current).flat().filter(isNode);
    for (const child of below.reverse()) pending.push({ node: child, parent: current });
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "span" in value;
}
