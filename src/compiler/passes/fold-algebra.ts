// Folding rules of elementwise algebra: neutral elements, signs, chains of constants, constant factors moved outwards.
// In: a site. Out: a cheaper equal node. Invariants: constants go to the right of commutative operations, signs and
// constant factors towards the outputs, where they meet a weight; shapes are kept exactly.
import type { Operand } from "../graph/builder.js";
import { scalar } from "../graph/builder.js";
import type { Node, NodeId } from "../graph/graph.js";
import { binaryFunction, unaryFunction } from "../graph/kernels.js";
import { broadcastShapes, sameShape, sizeOf } from "../graph/shape.js";
import { type ConstantValue, type RewriteSite, type Rule, ruleFor, type UserTest } from "./rewrite.js";

/** A node seen as a constant multiple: neg x, or x times a constant. */
export interface Scaled {
  /** The old node that is multiplied. */
  readonly x: NodeId;
  readonly factor: ConstantValue;
}

/** An old node as a constant multiple of another of the same shape, if it is one. */
export function asScaled(site: RewriteSite, id: NodeId): Scaled | undefined {
  const node = site.old(id);
  if (node.op.kind === "unary" && node.op.fn === "neg")
    return { x: site.operand(0, node), factor: { data: Float64Array.of(-1), shape: [] } };
  if (node.op.kind !== "binary" || node.op.fn !== "mul") return undefined;
  return constantOperand(site, node);
}

/** An old node as a sum of another of the same shape and a constant, if it is one. */
export function asShifted(site: RewriteSite, id: NodeId): Scaled | undefined {
  const node = site.old(id);
  return node.op.kind === "binary" && node.op.fn === "add" ? constantOperand(site, node) : undefined;
}

function constantOperand(site: RewriteSite, node: Node): Scaled | undefined {
  const [p, q] = [site.operand(0, node), site.operand(1, node)];
  return besideConstant(site, node, p, q) ?? besideConstant(site, node, q, p);
}

/** The operand `x` of a node and its other operand, if that is constant and the node has the shape of `x`. */
function besideConstant(site: RewriteSite, node: Node, x: NodeId, c: NodeId): Scaled | undefined {
  if (site.isConstant(x) || !sameShape(site.old(x).shape, node.shape)) return undefined;
  const value = site.uniform(c);
  const factor = value === undefined ? site.constant(c) : { data: Float64Array.of(value), shape: [] };
  return factor && { x, factor };
}

/** The value of a constant that has one only. */
export function uniformValue({ data }: ConstantValue): number | undefined {
  const first = data[0];
  return first !== undefined && data.every((x) => x === first) ? first : undefined;
}

/** A constant as an operand of the new graph; one of equal entries as a scalar. */
export function emitConstant(site: RewriteSite, c: ConstantValue): Operand {
  const value = uniformValue(c);
  return value === undefined ? site.b.constant(c.data, c.shape) : scalar(value);
}

/** Combines two constants entry by entry, unless their broadcast is larger than both. */
export function combine(
  a: ConstantValue,
  b: ConstantValue,
  fn: (x: number, y: number) => number,
): ConstantValue | undefined {
  const [ua, ub] = [uniformValue(a), uniformValue(b)];
  if (ua !== undefined && ub !== undefined) return { data: Float64Array.of(fn(ua, ub)), shape: [] };
  if (ub !== undefined) return { data: mapEntries(a.data, (x) => fn(x, ub)), shape: a.shape };
  if (ua !== undefined) return { data: mapEntries(b.data, (y) => fn(ua, y)), shape: b.shape };
  const shape = broadcastShapes(a.shape, b.shape);
  if (a.data.length !== b.data.length || sizeOf(shape) !== a.data.length) return undefined;
  return { data: mapEntries(a.data, (x, i) => fn(x, b.data[i] ?? NaN)), shape };
}

/** As Float64Array.from with a function, without its iterator: weights are large. */
function mapEntries(data: ConstantValue["data"], fn: (x: number, i: number) => number): Float64Array {
  const result = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) result[i] = fn(data[i] ?? NaN, i);
  return result;
}

/** x + 0, x - 0, x * 1, x / 1, x * -1 and x * 0. */
const neutralElements = ruleFor(["binary"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "binary") return undefined;
  const { fn } = node.op;
  const [x, y] = [site.operand(0), site.operand(1)];
  const neutral = fn === "add" || fn === "sub" ? 0 : fn === "mul" || fn === "div" ? 1 : undefined;
  if (neutral === undefined) return undefined;
  const keep = (id: NodeId): NodeId => {
    const kept = site.new(id);
    return sameShape(b.shape(kept), node.shape) ? kept : b.broadcast(kept, node.shape);
  };
  const [ux, uy] = [site.uniform(x), site.uniform(y)];
  if (uy === neutral) return keep(x);
  if (ux === neutral && (fn === "add" || fn === "mul")) return keep(y);
  if (fn === "sub" && ux === 0) return b.neg(keep(y));
  if (fn === "mul" && (ux === -1 || uy === -1)) return b.neg(keep(ux === -1 ? y : x));
  if (fn === "mul" && (ux === 0 || uy === 0)) return b.broadcast(b.scalar(0), node.shape);
  return undefined;
});

/** x - c is x + (-c), and x / c is x * (1 / c): one form for the rules that follow. */
const canonicalConstants = ruleFor(["binary"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "binary" || (node.op.fn !== "sub" && node.op.fn !== "div")) return undefined;
  const c = site.constant(site.operand(1));
  if (c === undefined || site.constant(site.operand(0)) !== undefined) return undefined;
  const x = site.new(site.operand(0));
  const isSub = node.op.fn === "sub";
  const other = { data: mapEntries(c.data, (v) => (isSub ? -v : 1 / v)), shape: c.shape };
  return isSub ? b.add(x, emitConstant(site, other)) : b.mul(x, emitConstant(site, other));
});

/** (x c1) c2 is x (c1 c2), signs included; (x + c1) + c2 is x + (c1 + c2). */
const constantChains = ruleFor(["unary", "binary"], (site) => {
  const outer = asScaled(site, site.id);
  const inner = outer && asScaled(site, outer.x);
  if (outer && inner) {
    const factor = combine(inner.factor, outer.factor, (p, q) => p * q);
    if (factor !== undefined) return emitScaled(site, site.new(inner.x), factor);
  }
  const sum = asShifted(site, site.id);
  const innerSum = sum && asShifted(site, sum.x);
  if (!sum || !innerSum) return undefined;
  const shift = combine(innerSum.factor, sum.factor, (p, q) => p + q);
  return shift && site.b.add(site.new(innerSum.x), emitConstant(site, shift));
});

/** A constant multiple in its cheapest form. */
export function emitScaled(site: RewriteSite, x: NodeId, factor: ConstantValue): NodeId {
  const value = uniformValue(factor);
  if (value === 1) return x;
  return value === -1 ? site.b.neg(x) : site.b.mul(x, emitConstant(site, factor));
}

/** Signs move outwards until they cancel: a + -b is a - b, -(a - b) is b - a, -x * y is -(x * y). */
const signs = ruleFor(["unary", "binary"], (site) => {
  const { node, b } = site;
  const { op } = node;
  const negated = (id: NodeId): NodeId | undefined => {
    const { op: inner, inputs } = site.old(id);
    return inner.kind === "unary" && inner.fn === "neg" ? inputs[0] : undefined;
  };
  const x = node.inputs[0];
  if (x === undefined) return undefined;
  const nx = negated(x);
  if (op.kind === "unary") {
    if ((op.fn === "square" || op.fn === "abs") && nx !== undefined) return b.unary(op.fn, site.new(nx));
    const inner = site.old(x);
    const isDifference = inner.op.kind === "binary" && inner.op.fn === "sub";
    if (op.fn === "neg" && isDifference && site.isSingle(x))
      return b.sub(site.new(site.operand(1, inner)), site.new(site.operand(0, inner)));
    return undefined;
  }
  if (op.kind !== "binary") return undefined;
  const y = site.operand(1);
  const ny = negated(y);
  switch (op.fn) {
    case "add":
      if (ny !== undefined) return b.sub(site.new(x), site.new(ny));
      return nx === undefined ? undefined : b.sub(site.new(y), site.new(nx));
    case "sub":
      if (ny !== undefined) return b.add(site.new(x), site.new(ny));
      return nx !== undefined && site.isSingle(x) ? b.neg(b.add(site.new(nx), site.new(y))) : undefined;
    case "mul":
    case "div":
      if (nx !== undefined && ny !== undefined) return b.binary(op.fn, site.new(nx), site.new(ny));
      if (nx !== undefined && site.isSingle(x)) return b.neg(b.binary(op.fn, site.new(nx), site.new(y)));
      return ny !== undefined && site.isSingle(y) ? b.neg(b.binary(op.fn, site.new(x), site.new(ny))) : undefined;
    case "max":
    case "min":
    case "greater":
      return undefined;
  }
});

/** x * x is square x; x + x is 2 x. */
const repeated = ruleFor(["binary"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "binary" || node.inputs[0] !== node.inputs[1]) return undefined;
  const x = site.new(site.operand(0));
  if (node.op.fn === "mul") return b.square(x);
  return node.op.fn === "add" ? b.mul(x, scalar(2)) : undefined;
});

/**
 * (x c) * y is (x * y) c for an even factor: it moves on towards a weight, unless that would scale a larger tensor. The other way
 * round where x is smaller than the product. Also out of sums.
 */
const factorsOutwards = ruleFor(["binary", "reduce"], (site) => {
  const { node, b } = site;
  const size = sizeOf(node.shape);
  const scaledBy = (id: NodeId): { x: NodeId; value: number } | undefined => {
    const scaled = site.isSingle(id) ? asScaled(site, id) : undefined;
    const value = scaled && uniformValue(scaled.factor);
    return scaled && value !== undefined && value !== -1 ? { x: scaled.x, value } : undefined;
  };
  const isSmaller = (id: NodeId): boolean => sizeOf(site.old(id).shape) < size;
  if (node.op.kind === "binary" && node.op.fn === "mul") {
    const [x, y] = [site.operand(0), site.operand(1)];
    const [ux, uy] = [site.uniform(x), site.uniform(y)];
    if (ux === undefined && uy === undefined) {
      const [sx, sy] = [scaledBy(x), scaledBy(y)];
      if (sx && !isSmaller(x)) return b.mul(b.mul(site.new(sx.x), site.new(y)), scalar(sx.value));
      return sy && !isSmaller(y) ? b.mul(b.mul(site.new(x), site.new(sy.x)), scalar(sy.value)) : undefined;
    }
    const [product, factor] = uy === undefined ? [y, ux] : [x, uy];
    const inner = site.old(product);
    const isProduct = inner.op.kind === "binary" && inner.op.fn === "mul" && site.isSingle(product);
    if (!isProduct || factor === undefined || site.hasOnlyUsers(site.id, isMatmul)) return undefined;
    const [p, q] = [site.operand(0, inner), site.operand(1, inner)];
    if (isSmaller(p)) return b.mul(b.mul(site.new(p), scalar(factor)), site.new(q));
    return isSmaller(q) ? b.mul(site.new(p), b.mul(site.new(q), scalar(factor))) : undefined;
  }
  if (node.op.kind === "reduce" && (node.op.fn === "sum" || node.op.fn === "mean")) {
    const scaled = scaledBy(site.operand(0));
    return scaled && b.mul(b.emit(node.op, [site.new(scaled.x)]), scalar(scaled.value));
  }
  return undefined;
});

const isMatmul: UserTest = (_, user) => user.op.kind === "matmul";

/** A function of equal entries is one of equal entries. */
const uniformFunctions = ruleFor(["unary", "binary"], (site) => {
  const { op, shape, inputs } = site.node;
  if ((op.kind !== "unary" && op.kind !== "binary") || inputs.every((i) => site.isConstant(i))) return undefined;
  const x = site.uniform(site.operand(0));
  const y = op.kind === "unary" || x === undefined ? x : site.uniform(site.operand(1));
  if (x === undefined || y === undefined) return undefined;
  const value = op.kind === "unary" ? unaryFunction(op.fn)(x) : binaryFunction(op.fn)(x, y);
  return site.b.broadcast(site.b.scalar(value), shape);
});

/** Rules of elementwise algebra, in the order they are tried. */
export const algebraRules: readonly Rule[] = [
  uniformFunctions,
  neutralElements,
  canonicalConstants,
  constantChains,
  signs,
  repeated,
  factorsOutwards,
];
