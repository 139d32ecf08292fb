// Folding rules around products with constant weights: scales, shifts and chains move into weights and biases.
// In: a site. Out: a cheaper equal node. Invariants: a product is rewritten only where the old one then dies, so no product
// is ever computed twice; positive scales pass through leaky ReLU (it is homogeneous), others do not.
import type { NodeId, Node } from "../graph/graph.js";
import { at, sameShape } from "../graph/shape.js";
import { asScaled, asShifted, emitConstant, emitScaled, uniformValue } from "./fold-algebra.js";
import { matmulKernel } from "../graph/kernels-matmul.js";
import { type ConstantValue, type RewriteSite, type Rule, ruleFor, type UserTest } from "./rewrite.js";

/** The constant weight of an old matmul. */
function weightOf(site: RewriteSite, node: Node): ConstantValue | undefined {
  return node.op.kind === "matmul" ? site.constant(site.operand(1, node)) : undefined;
}

/** The entries of a constant that varies along the last axis only (of size n), or not at all. */
function alongLast(c: ConstantValue, n: number): ((j: number) => number) | undefined {
  const value = uniformValue(c);
  if (value !== undefined) return () => value;
  return c.data.length === n && c.shape.at(-1) === n ? (j) => c.data[j] ?? NaN : undefined;
}

/** (x c) W is x (c W): a constant scale of the left operand goes into the rows of the weight. */
const scaleIntoRows = ruleFor(["matmul"], (site) => {
  const weight = weightOf(site, site.node);
  const scaled = weight && asScaled(site, site.operand(0));
  if (!weight || !scaled) return undefined;
  const [inner, columns] = [at(weight.shape, -2), at(weight.shape, -1)];
  const factor = alongLast(scaled.factor, inner);
  if (!factor) return undefined;
  const data = new Float64Array(weight.data);
  for (let row = 0; row * columns < data.length; row++) {
    const scale = factor(row % inner);
    for (let i = row * columns; i < (row + 1) * columns; i++) data[i] = (data[i] ?? NaN) * scale;
  }
  return site.b.matmul(site.new(scaled.x), site.b.constant(data, weight.shape));
});

/** (x W) c is x (W c): a constant scale of a product goes into the columns of its weight. */
const scaleIntoColumns = ruleFor(["unary", "binary"], (site) => {
  const scaled = asScaled(site, site.id);
  if (!scaled || !site.isSingle(scaled.x)) return undefined;
  const product = site.old(scaled.x);
  const weight = weightOf(site, product);
  if (!weight) return undefined;
  const columns = at(weight.shape, -1);
  const factor = alongLast(scaled.factor, columns);
  if (!factor) return undefined;
  const scales = Float64Array.from({ length: columns }, (_, j) => factor(j));
  const data = new Float64Array(weight.data);
  for (let start = 0; start < data.length; start += columns) {
    for (let j = 0; j < columns; j++) data[start + j] = (data[start + j] ?? NaN) * (scales[j] ?? NaN);
  }
  return site.b.matmul(site.new(site.operand(0, product)), site.b.constant(data, weight.shape));
});

const isProduct: UserTest = (site, user) => weightOf(site, user) !== undefined;

/** (x + c) W is x W + (c W), if every use of the sum is such a product: the shift ends up in biases. */
const shiftIntoBias = ruleFor(["matmul"], (site) => {
  const weight = weightOf(site, site.node);
  const shifted = weight && asShifted(site, site.operand(0));
  if (!weight || !shifted || weight.shape.length !== 2) return undefined;
  if (!site.hasOnlyUsers(site.operand(0), isProduct)) return undefined;
  const [inner, columns] = [at(weight.shape, 0), at(weight.shape, 1)];
  const shift = alongLast(shifted.factor, inner);
  if (!shift) return undefined;
  const bias = new Float64Array(columns);
  for (let row = 0; row < inner; row++) {
    const value = shift(row);
    for (let j = 0; j < columns; j++) bias[j] = (bias[j] ?? NaN) + value * (weight.data[row * columns + j] ?? NaN);
  }
  const product = site.b.matmul(site.new(shifted.x), site.new(site.operand(1)));
  return site.b.add(product, site.b.constant(bias, [columns]));
});

/** (x + c1) c2 is x c2 + c1 c2, where x can take the scale in. */
const scaleThroughShift = ruleFor(["unary", "binary"], (site) => {
  const scaled = asScaled(site, site.id);
  if (!scaled || !site.isSingle(scaled.x)) return undefined;
  const shifted = asShifted(site, scaled.x);
  if (!shifted || !takesScale(site, shifted.x, scaled.factor)) return undefined;
  const { b, node } = site;
  const inner = emitScaled(site, site.new(shifted.x), scaled.factor);
  const shift = b.mul(site.b.constant(shifted.factor.data, shifted.factor.shape), emitConstant(site, scaled.factor));
  const sum = b.add(inner, shift);
  return sameShape(b.shape(sum), node.shape) ? sum : undefined;
});

/** Whether a constant scale of an old node can vanish into a weight, a gain or another constant factor. */
function takesScale(site: RewriteSite, id: NodeId, factor: ConstantValue): boolean {
  if (!site.isSingle(id)) return false;
  const node = site.old(id);
  if (weightOf(site, node)) return alongLast(factor, at(node.shape, -1)) !== undefined;
  if (asScaled(site, id)) return true;
  if (node.op.kind === "leakyRelu") return (uniformValue(factor) ?? 0) > 0;
  const shifted = asShifted(site, id);
  return shifted !== undefined && takesScale(site, shifted.x, factor);
}

/** leakyRelu(x) c, c > 0, is leakyRelu with that gain; and a gain goes before it where a weight takes it in. */
const gains = ruleFor(["unary", "binary", "leakyRelu"], (site) => {
  const { node, b } = site;
  const scaled = asScaled(site, site.id);
  if (scaled) {
    const inner = site.old(scaled.x);
    const factor = uniformValue(scaled.factor) ?? 0;
    if (inner.op.kind !== "leakyRelu" || factor <= 0 || !site.isSingle(scaled.x)) return undefined;
    const { slope, gain } = inner.op.activation;
    return b.leakyRelu(site.new(site.operand(0, inner)), slope, gain * factor);
  }
  if (node.op.kind !== "leakyRelu") return undefined;
  const { slope, gain } = node.op.activation;
  const factor = { data: Float64Array.of(gain), shape: [] };
  if (gain === 1 || gain <= 0 || !takesScale(site, site.operand(0), factor)) return undefined;
  return b.leakyRelu(emitScaled(site, site.new(site.operand(0)), factor), slope);
});

/** (x A) B is x (A B) where that is no more work. */
const productChains = ruleFor(["matmul"], (site) => {
  const second = weightOf(site, site.node);
  const inner = site.old(site.node.inputs[0] ?? 0);
  const first = second && site.isSingle(site.operand(0)) ? weightOf(site, inner) : undefined;
  if (!first || !second || first.shape.length !== 2 || second.shape.length !== 2) return undefined;
  const [k, m, n] = [at(first.shape, 0), at(first.shape, 1), at(second.shape, 1)];
  if (k * n > k * m + m * n) return undefined;
  const data = new Float64Array(k * n);
  matmulKernel([k, m], [m, n], [k, n])([new Float64Array(first.data), new Float64Array(second.data)], data);
  return site.b.matmul(site.new(site.operand(0, inner)), site.b.constant(data, [k, n]));
});

/** Rules around products, in the order they are tried. */
export const linearRules: readonly Rule[] = [
  scaleIntoRows,
  scaleIntoColumns,
  scaleThroughShift,
  gains,
  shiftIntoBias,
  productChains,
];
