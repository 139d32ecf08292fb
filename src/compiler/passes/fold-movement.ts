// Folding rules of operations that only move entries: reshape, transpose, broadcast, slice, pad, concat, and trivial reductions.
// In: a site. Out: fewer moves. Invariants: exact; a move goes inwards past nothing, signs and even factors come out of it.
import { scalar } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at, broadcastShapes, sameShape } from "../graph/shape.js";
import { asScaled, uniformValue } from "./fold-algebra.js";
import type { Rule, Site } from "./rewrite.js";

/** Moves that change nothing. */
const identities: Rule = (site) => {
  const { node } = site;
  const { op } = node;
  if (op.kind !== "reshape" && op.kind !== "broadcast" && op.kind !== "slice" && op.kind !== "pad") {
    if (op.kind !== "transpose") return undefined;
    return op.permutation.every((p, i) => p === i) ? site.new(site.operand(0)) : undefined;
  }
  const x = site.operand(0);
  const isIdentity = sameShape(site.old(x).shape, node.shape) && (op.kind !== "pad" || op.before.every((n) => n === 0));
  return isIdentity ? site.new(x) : undefined;
};

/** A move of equal entries is a broadcast of one. */
const uniformMoves: Rule = (site) => {
  const { op, shape } = site.node;
  if (op.kind !== "reshape" && op.kind !== "transpose" && op.kind !== "slice") return undefined;
  const value = site.uniform(site.operand(0));
  return value === undefined || site.constant(site.operand(0))
    ? undefined
    : site.b.broadcast(site.b.scalar(value), shape);
};

/** A transpose that moves only axes of size 1 is a reshape. */
const transposeAsReshape: Rule = (site) => {
  const { node, b } = site;
  if (node.op.kind !== "transpose") return undefined;
  const shape = site.old(site.operand(0)).shape;
  const moved = node.op.permutation.filter((p) => shape[p] !== 1);
  return moved.every((p, i) => i === 0 || p > at(moved, i - 1))
    ? b.reshape(site.new(site.operand(0)), node.shape)
    : undefined;
};

/** Two moves of a kind are one. */
const chains: Rule = (site) => {
  const { node, b } = site;
  const { op } = node;
  const first = node.inputs[0];
  if (first === undefined) return undefined;
  const inner = site.old(first);
  const x = inner.inputs[0];
  if (x === undefined) return undefined;
  if (op.kind === "reshape" && inner.op.kind === "reshape") return b.reshape(site.new(x), op.to);
  if (op.kind === "broadcast" && inner.op.kind === "broadcast") return b.broadcast(site.new(x), op.to);
  if (op.kind === "transpose" && inner.op.kind === "transpose") {
    const before = inner.op.permutation;
    return b.transpose(
      site.new(x),
      op.permutation.map((p) => at(before, p)),
    );
  }
  if (op.kind === "slice" && inner.op.kind === "slice") {
    const before = inner.op.start;
    return b.slice(
      site.new(x),
      op.start.map((s, i) => s + at(before, i)),
      op.size,
    );
  }
  return undefined;
};

/** A slice that lies within one part of a concatenation is a slice of that part. */
const sliceOfConcat: Rule = (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind !== "slice") return undefined;
  const inner = site.old(site.operand(0));
  if (inner.op.kind !== "concat") return undefined;
  const { axis } = inner.op;
  const [from, size] = [at(op.start, axis), at(op.size, axis)];
  let start = 0;
  for (const part of inner.inputs) {
    const n = at(site.old(part).shape, axis);
    if (from >= start && from + size <= start + n) {
      return b.slice(
        site.new(part),
        op.start.map((s, i) => (i === axis ? s - start : s)),
        op.size,
      );
    }
    start += n;
  }
  return undefined;
};

/** An elementwise operation broadcasts by itself; reductions over axes of size 1 are reshapes. */
const needless: Rule = (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind === "binary" || op.kind === "select") {
    const sources = node.inputs.map((i) => {
      const inner = site.old(i);
      return inner.op.kind === "broadcast" ? site.operand(0, inner) : i;
    });
    // Drop broadcasts one by one, as long as the others still give the shape.
    const kept = [...node.inputs];
    sources.forEach((source, i) => {
      const trial = kept.map((id, k) => site.old(k === i ? source : id).shape);
      if (sameShape(broadcastShapes(...trial), node.shape)) kept[i] = source;
    });
    if (kept.every((id, i) => id === node.inputs[i])) return undefined;
    return b.emit(
      op,
      kept.map((id) => site.new(id)),
    );
  }
  if (op.kind === "reduce") {
    const shape = site.old(site.operand(0)).shape;
    return op.axes.every((a) => shape[a] === 1) ? b.reshape(site.new(site.operand(0)), node.shape) : undefined;
  }
  return undefined;
};

/** Signs and even factors come out of a move, so that they meet others or a weight. */
const factorsOut: Rule = (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind !== "reshape" && op.kind !== "transpose" && op.kind !== "slice" && op.kind !== "pad") return undefined;
  const x = site.operand(0);
  const scaled = site.isSingle(x) ? asScaled(site, x) : undefined;
  const value = scaled && uniformValue(scaled.factor);
  if (!scaled || value === undefined) return undefined;
  const moved = b.emit(op, [site.new(scaled.x)]);
  return value === -1 ? b.neg(moved) : b.mul(moved, scalar(value));
};

/** A sum of two pads that fill neighbouring ranges of one axis is a concatenation: the gradient of slices. */
const padsAsConcat: Rule = (site) => {
  const { node, b } = site;
  if (node.op.kind !== "binary" || node.op.fn !== "add") return undefined;
  const [p, q] = [padded(site, site.operand(0)), padded(site, site.operand(1))];
  if (!p || !q || p.axis !== q.axis) return undefined;
  const [first, second] = p.start < q.start ? [p, q] : [q, p];
  if (first.start + first.size !== second.start) return undefined;
  const { axis } = p;
  const joined = b.concat([...first.parts, ...second.parts], axis);
  const before = node.shape.map((_, i) => (i === axis ? first.start : 0));
  const after = node.shape.map((n, i) => (i === axis ? n - second.start - second.size : 0));
  return b.pad(joined, before, after);
};

interface Padded {
  readonly axis: number;
  readonly start: number;
  readonly size: number;
  /** New nodes that stand side by side on the axis. */
  readonly parts: readonly NodeId[];
}

/** An old node as something padded along one axis, flattened if that is a concatenation along the same axis. */
function padded(site: Site, id: NodeId): Padded | undefined {
  const node = site.old(id);
  if (node.op.kind !== "pad" || !site.isSingle(id)) return undefined;
  const { before, after } = node.op;
  if ([...before, ...after].some((n) => n < 0)) return undefined;
  const axes = node.shape.flatMap((_, i) => (at(before, i) > 0 || at(after, i) > 0 ? [i] : []));
  const [axis] = axes;
  if (axis === undefined || axes.length > 1) return undefined;
  const x = site.operand(0, node);
  const inner = site.old(x);
  const isJoined = inner.op.kind === "concat" && inner.op.axis === axis && site.isSingle(x);
  const parts = isJoined ? inner.inputs : [x];
  return { axis, start: at(before, axis), size: at(inner.shape, axis), parts: parts.map((i) => site.new(i)) };
}

/** Concatenation of neighbouring slices of one tensor is a wider slice of it. */
const concatOfSlices: Rule = (site) => {
  const { node, b } = site;
  if (node.op.kind !== "concat") return undefined;
  const { axis } = node.op;
  let source: NodeId | undefined;
  let start: readonly number[] | undefined;
  let end = 0;
  for (const part of node.inputs) {
    const inner = site.old(part);
    if (inner.op.kind !== "slice") return undefined;
    const from = inner.op.start;
    const isFirst = start === undefined;
    if (!isFirst && (site.operand(0, inner) !== source || at(from, axis) !== end)) return undefined;
    if (start?.some((s, i) => i !== axis && s !== from[i]) === true) return undefined;
    source = site.operand(0, inner);
    start ??= from;
    end = at(from, axis) + at(inner.op.size, axis);
  }
  return source === undefined || start === undefined ? undefined : b.slice(site.new(source), start, node.shape);
};

/** Rules of moves, in the order they are tried. */
export const movementRules: readonly Rule[] = [
  identities,
  uniformMoves,
  transposeAsReshape,
  chains,
  sliceOfConcat,
  concatOfSlices,
  needless,
  factorsOut,
  padsAsConcat,
];
