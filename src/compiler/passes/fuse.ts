// Fusion: product, bias and leaky ReLU become one dense node; convolution, bias and leaky ReLU one convolution.
// In: a graph that will not be differentiated further. Out: an equal graph with fewer nodes; detach, now without meaning, is gone.
// Invariants: values are kept; an inner value that something else uses stays as it is.
import type { Graph, LeakyRelu, Node, NodeId } from "../graph/graph.js";
import { at, imageSizes, sameShape } from "../graph/shape.js";
import { rewrite, type RewriteSite, type Rule, ruleFor } from "./rewrite.js";

/** One sweep of fusion. Out: the same object if nothing could be fused. */
export function fuse(graph: Graph): Graph {
  return rewrite(graph, rules);
}

/** x W + bias, or a product alone under an activation, is dense. */
const denseBias = ruleFor(["binary"], (site) => {
  const found = addition(site, (node) => node.op.kind === "matmul");
  if (!found) return undefined;
  const { node, b } = site;
  const columns = at(node.shape, -1);
  const [x, weight] = operands(site, found.inner);
  if (!sameShape(site.old(found.inner).shape, node.shape)) return undefined;
  const uniform = site.constant(found.bias) && site.uniform(found.bias);
  if (uniform !== undefined) return b.dense(x, weight, b.constant(new Float64Array(columns).fill(uniform), [columns]));
  const bias = site.old(found.bias).shape;
  if (bias.at(-1) !== columns) return undefined;
  if (bias.slice(0, -1).every((n) => n === 1)) return b.dense(x, weight, b.reshape(site.new(found.bias), [columns]));
  const isPerMatrix = bias.length === node.shape.length && bias.at(-2) === 1;
  return isPerMatrix ? b.dense(x, weight, site.new(found.bias)) : undefined;
});

const denseActivation = ruleFor(["leakyRelu"], (site) => {
  const found = activated(site);
  if (!found) return undefined;
  const { inner, activation } = found;
  const node = site.old(inner);
  if (node.op.kind !== "matmul" && (node.op.kind !== "dense" || node.op.activation !== undefined)) return undefined;
  const [x, weight] = operands(site, inner);
  if (node.op.kind === "matmul") return site.b.dense(x, weight, undefined, activation);
  return site.b.dense(x, weight, node.op.hasBias ? site.new(at(node.inputs, 2)) : undefined, activation);
});

/** A convolution and a bias that is one number for each channel. */
const convBias = ruleFor(["binary"], (site) => {
  const found = addition(site, ({ op }) => op.kind === "conv2d" && !op.hasBias && op.activation === undefined);
  const op = found && site.old(found.inner).op;
  if (!found || op?.kind !== "conv2d") return undefined;
  const { node, b } = site;
  const { channels } = imageSizes(node.shape, op.layout);
  const bias = site.old(found.bias).shape;
  const fromEnd = op.layout === "nchw" ? 3 : 1;
  const isPerChannel =
    bias.every((n, i) => n === (bias.length - i === fromEnd ? channels : 1)) && bias.length >= fromEnd;
  if (!isPerChannel || !sameShape(site.old(found.inner).shape, node.shape)) return undefined;
  const [x, weight] = operands(site, found.inner);
  const { stride, pad, layout } = op;
  return b.conv2d(x, weight, { stride, pad, layout, bias: b.reshape(site.new(found.bias), [channels]) });
});

const convActivation = ruleFor(["leakyRelu"], (site) => {
  const found = activated(site);
  const node = found && site.old(found.inner);
  if (!found || node?.op.kind !== "conv2d" || node.op.activation !== undefined) return undefined;
  return site.b.emit(
    { ...node.op, activation: found.activation },
    node.inputs.map((i) => site.new(i)),
  );
});

/** Without further differentiation, detach is the identity. */
const dropDetach = ruleFor(["unary"], (site) => {
  const { op } = site.node;
  return op.kind === "unary" && op.fn === "detach" ? site.new(site.operand(0)) : undefined;
});

/** The node of a site as the sum of a node of some kind, used only here, and something else. */
function addition(
  site: RewriteSite,
  isInner: (node: Node) => boolean,
): { readonly inner: NodeId; readonly bias: NodeId } | undefined {
  const { op, inputs } = site.node;
  if (op.kind !== "binary" || op.fn !== "add") return undefined;
  const [p, q] = [at(inputs, 0), at(inputs, 1)];
  const fits = (id: NodeId): boolean => site.isSingle(id) && isInner(site.old(id));
  if (fits(p)) return { inner: p, bias: q };
  return fits(q) ? { inner: q, bias: p } : undefined;
}

function activated(site: RewriteSite): { readonly inner: NodeId; readonly activation: LeakyRelu } | undefined {
  const { op, inputs } = site.node;
  const inner = inputs[0];
  return op.kind === "leakyRelu" && inner !== undefined && site.isSingle(inner)
    ? { inner, activation: op.activation }
    : undefined;
}

function operands(site: RewriteSite, id: NodeId): [NodeId, NodeId] {
  const { inputs } = site.old(id);
  return [site.new(at(inputs, 0)), site.new(at(inputs, 1))];
}

const rules: readonly Rule[] = [denseBias, denseActivation, convBias, convActivation, dropDetach];
