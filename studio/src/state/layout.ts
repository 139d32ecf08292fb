// Where the parts of a drawing stand: nodes of a graph in layers from the top, a tree from the left.
// In: what leads to what. Out: places. Invariants: an edge of a graph goes down; no two nodes share a place; the same input gives the same places.

export interface Placed {
  /** Column, from 0, and layer. */
  readonly x: number;
  readonly y: number;
}

/** Rounds of moving nodes to the middle of their neighbours. */
const ROUNDS = 4;

/** Places of a graph's nodes: each one layer below the lowest of its inputs, in its layer by where its neighbours are. `inputs` are nodes before it. */
export function layered(inputs: readonly (readonly number[])[]): readonly Placed[] {
  const depth: number[] = [];
  for (const [node, from] of inputs.entries()) depth[node] = Math.max(-1, ...from.map((k) => depth[k] ?? 0)) + 1;
  const layers: number[][] = [];
  for (const [node, d] of depth.entries()) (layers[d] ??= []).push(node);
  const outputs: number[][] = inputs.map(() => []);
  for (const [node, from] of inputs.entries()) for (const k of from) outputs[k]?.push(node);
  const x = inputs.map(() => 0);
  const spread = (layer: readonly number[]): void => layer.forEach((node, k) => (x[node] = k - (layer.length - 1) / 2));
  layers.forEach(spread);
  const mean = (of: readonly number[], own: number): number =>
    of.length === 0 ? own : of.reduce((sum, k) => sum + (x[k] ?? 0), 0) / of.length;
  for (let round = 0; round < ROUNDS; round++) {
    const down = round % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const wanted = new Map(layer.map((n) => [n, mean((down ? inputs : outputs)[n] ?? [], x[n] ?? 0)]));
      layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a - b);
      spread(layer);
    }
  }
  const least = Math.min(0, ...x);
  return inputs.map((_, node) => ({ x: (x[node] ?? 0) - least, y: depth[node] ?? 0 }));
}

export interface Tree<T> {
  readonly parts: readonly T[];
}

/** The nodes of a tree, the root first, with their places: depth to the right, leaves one below the other, what joins them in their middle. */
export function treePlaces<T extends Tree<T>>(
  root: T,
): readonly (Placed & { readonly node: T; readonly parent: number | undefined })[] {
  const found: { x: number; y: number; node: T; parent: number | undefined }[] = [];
  let leaves = 0;
  const walk = (node: T, depth: number, parent: number | undefined): number => {
    const at = found.push({ x: depth, y: 0, node, parent }) - 1;
    const rows = node.parts.map((part) => walk(part, depth + 1, at));
    const y = rows.length === 0 ? leaves++ : ((rows[0] ?? 0) + (rows.at(-1) ?? 0)) / 2;
    found[at] = { x: depth, y, node, parent };
    return y;
  };
  walk(root, 0, undefined);
  return found;
}
