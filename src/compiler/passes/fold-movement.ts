// Folding rules of operations that only move entries: reshape, transpose, broadcast, slice, pad, concat, and trivial reductions.
// In: a site. Out: fewer moves. Invariants: exact; a move goes inwards past nothing, signs and even factors come out of it.
import { scalar } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at, broadcastShapes, sameShape } from "../graph/shape.js";
import { countBelow } from "../../source/sorted.js";
import { asScaled, uniformValue } from "./fold-algebra.js";
import { type RewriteSite, type Rule, ruleFor, type UserTest } from "./rewrite.js";

/** Moves that change nothing. */
const identities = ruleFor(["reshape", "broadcast", "slice", "pad", "transpose"], (site) => {
  const { node } = site;
  const { op } = node;
  if (op.kind !== "reshape" && op.kind !== "broadcast" && op.kind !== "slice" && op.kind !== "pad") {
    if (op.kind !== "transpose") return undefined;
    return op.permutation.every((p, i) => p === i) ? site.new(site.operand(0)) : undefined;
  }
  const x = site.operand(0);
  const isIdentity = sameShape(site.old(x).shape, node.shape) && (op.kind !== "pad" || op.before.every((n) => n === 0));
  return isIdentity ? site.new(x) : undefined;
});

/** A move of equal entries is a broadcast of one. */
const uniformMoves = ruleFor(["reshape", "transpose", "slice"], (site) => {
  const { op, shape } = site.node;
  if (op.kind !== "reshape" && op.kind !== "transpose" && op.kind !== "slice") return undefined;
  const value = site.uniform(site.operand(0));
  return value === undefined || site.constant(site.operand(0))
    ? undefined
    : site.b.broadcast(site.b.scalar(value), shape);
});

/** A transpose that moves only axes of size 1 is a reshape. */
const transposeAsReshape = ruleFor(["transpose"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "transpose") return undefined;
  const shape = site.old(site.operand(0)).shape;
  const moved = node.op.permutation.filter((p) => shape[p] !== 1);
  return moved.every((p, i) => i === 0 || p > at(moved, i - 1))
    ? b.reshape(site.new(site.operand(0)), node.shape)
    : undefined;
});

/** Two moves of a kind are one. */
const chains = ruleFor(["reshape", "broadcast", "transpose", "slice"], (site) => {
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
});

/** A slice that lies within one part of a concatenation is a slice of that part. */
const sliceOfConcat = ruleFor(["slice"], (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind !== "slice") return undefined;
  const inner = site.old(site.operand(0));
  if (inner.op.kind !== "concat") return undefined;
  const { axis } = inner.op;
  const [from, size] = [at(op.start, axis), at(op.size, axis)];
  const starts = site.partStarts(site.operand(0));
  const i = countBelow(starts, from + 1) - 1; // the last part that begins at `from` or before
  const [part, start] = [at(inner.inputs, i), at(starts, i)];
  if (from + size > start + at(site.old(part).shape, axis)) return undefined;
  return b.slice(
    site.new(part),
    op.start.map((s, k) => (k === axis ? s - start : s)),
    op.size,
  );
});

/** An elementwise operation broadcasts by itself; reductions over axes of size 1 are reshapes. */
const needless = ruleFor(["binary", "select", "reduce"], (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind === "binary" || op.kind === "select") {
    if (!node.inputs.some((i) => site.old(i).op.kind === "broadcast")) return undefined;
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
});

/** Signs and even factors come out of a move, so that they meet others or a weight. */
const factorsOut = ruleFor(["reshape", "transpose", "slice", "pad"], (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind !== "reshape" && op.kind !== "transpose" && op.kind !== "slice" && op.kind !== "pad") return undefined;
  const x = site.operand(0);
  const scaled = asScaled(site, x);
  const value = scaled && uniformValue(scaled.factor);
  if (!scaled || value === undefined) return undefined;
  if (!site.isSingle(x) && !site.hasOnlyUsers(x, isSlice)) return undefined;
  const moved = b.emit(op, [site.new(scaled.x)]);
  return value === -1 ? b.neg(moved) : b.mul(moved, scalar(value));
});

/** A sum of two pads that fill neighbouring ranges of one axis is a concatenation: the gradient of slices. */
const padsAsConcat = ruleFor(["binary"], (site) => {
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
});

interface Padded {
  readonly axis: number;
  readonly start: number;
  readonly size: number;
  /** New nodes that stand side by side on the axis. */
  readonly parts: readonly NodeId[];
}

/** An old node as something padded along one axis, flattened if that is a concatenation along the same axis. */
function padded(site: RewriteSite, id: NodeId): Padded | undefined {
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

/** Neighbouring slices of one tensor that stand side by side in a concatenation are one wider slice. */
const concatOfSlices = ruleFor(["concat"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "concat") return undefined;
  const { axis } = node.op;
  const runs: { source: NodeId; start: readonly number[]; size: number[]; whole: NodeId | undefined }[] = [];
  for (const part of node.inputs) {
    const { op, shape, inputs } = site.old(part);
    const last = runs.at(-1);
    const start = op.kind === "slice" ? op.start : shape.map(() => 0);
    const source = op.kind === "slice" ? at(inputs, 0) : part;
    const continues =
      last !== undefined &&
      op.kind === "slice" &&
      last.whole === undefined &&
      last.source === source &&
      start.every((s, i) => s === at(last.start, i) + (i === axis ? at(last.size, axis) : 0));
    if (continues) last.size[axis] = at(last.size, axis) + at(shape, axis);
    else runs.push({ source, start, size: [...shape], whole: op.kind === "slice" ? undefined : part });
  }
  if (runs.length === node.inputs.length) return undefined;
  const parts = runs.map((r) =>
    r.whole === undefined ? b.slice(site.new(r.source), r.start, r.size) : site.new(r.whole),
  );
  return b.concat(parts, axis);
});

/** A sum of the two halves of a tensor's last axis, each one wide, is a reduction. */
const sumOfSlices = ruleFor(["binary"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "binary" || node.op.fn !== "add") return undefined;
  const [p, q] = node.inputs.map((i) => site.old(i));
  if (p?.op.kind !== "slice" || q?.op.kind !== "slice" || p.inputs[0] !== q.inputs[0]) return undefined;
  const source = at(p.inputs, 0);
  const { shape } = site.old(source);
  const last = shape.length - 1;
  const isColumn = (start: readonly number[], size: readonly number[]): boolean =>
    size[last] === 1 && start.every((s, i) => i === last || (s === 0 && size[i] === shape[i]));
  const isSum =
    shape[last] === 2 &&
    isColumn(p.op.start, p.op.size) &&
    isColumn(q.op.start, q.op.size) &&
    p.op.start[last] !== q.op.start[last] &&
    site.isSingle(site.operand(0)) &&
    site.isSingle(site.operand(1));
  return isSum ? b.sum(site.new(source), [last], true) : undefined;
});

/** Factors of the parts of a concatenation go into the products it feeds: as a row of constants that those take in. */
const concatOfScaled = ruleFor(["concat"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "concat" || node.op.axis !== node.shape.length - 1) return undefined;
  if (!site.hasOnlyUsers(site.id, isProductOf)) return undefined;
  const parts = node.inputs.map((i) => {
    const scaled = site.isSingle(i) ? asScaled(site, i) : undefined;
    const value = scaled && uniformValue(scaled.factor);
    return scaled && value !== undefined ? { x: scaled.x, value } : { x: i, value: 1 };
  });
  if (parts.every((p) => p.value === 1)) return undefined;
  const row = parts.flatMap((p) => new Array<number>(at(site.old(p.x).shape, -1)).fill(p.value));
  const joined = b.concat(
    parts.map((p) => site.new(p.x)),
    node.op.axis,
  );
  return b.mul(joined, b.constant(row, [row.length]));
});

const isProductOf: UserTest = (site, user, used) =>
  user.op.kind === "matmul" && user.inputs[0] === used && site.constant(at(user.inputs, 1)) !== undefined;

const isSlice: UserTest = (_, user) => user.op.kind === "slice";

/** Rules of moves, in the order they are tried. */
export const movementRules: readonly Rule[] = [
  identities,
  uniformMoves,
  transposeAsReshape,
  chains,
  sliceOfConcat,
  concatOfSlices,
  sumOfSlices,
  concatOfScaled,
  needless,
  factorsOut,
  padsAsConcat,
];
