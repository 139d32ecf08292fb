import { describe, expect, test } from "vitest";
import {
  buildHeadOutputs,
  buildTrainingLoss,
  latentInputs,
  parametersOf,
  stackNames,
  type HeadNetwork,
  type ScalarLoss,
} from "../../src/compiler/build/training.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { sizeOf } from "../../src/compiler/graph/shape.js";
import {
  buildAdam,
  compileTrainingGradient,
  gradientName,
  momentNames,
  stepScalars,
} from "../../src/compiler/build/training-step.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { openEngine } from "../../src/node/engines/open.js";
import { openOptimizer } from "../../src/learn/train/optimizer.js";
import { expectClose } from "../support/close.js";
import { random } from "../support/random.js";
import { expectTrainingGradient } from "../support/training-gradient.js";

const ROWS = 5;
const NETWORK: HeadNetwork = {
  inputs: 4,
  hidden: [5, 3],
  stacks: [
    { kind: "class", heads: 2, outputs: 2 },
    { kind: "class", heads: 1, outputs: 4 },
    { kind: "scalar", heads: 1, outputs: 1 },
  ],
};
const ADAM = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, decay: 0.1 };

/** A minibatch and weights; row 1 of the first head and all of the third have no label. */
function seededInputs(seed: number): Record<string, Float32Array> {
  const r = random(seed);
  const normal = (size: number, scale = 1): Float32Array =>
    Float32Array.from({ length: size }, () => scale * r.normal());
  const inputs: Record<string, Float32Array> = latentInputs(NETWORK, () => normal(ROWS * NETWORK.inputs));
  NETWORK.stacks.forEach(({ kind, heads, outputs }, s) => {
    const weight = Float32Array.from({ length: heads * ROWS }, () => 0.1 + r.next());
    if (s === 0) weight[1] = 0;
    if (s === 1) weight.fill(0);
    const target = normal(heads * ROWS * outputs);
    if (kind === "class") {
      for (let row = 0; row < heads * ROWS; row++) {
        const p = Array.from({ length: outputs }, () => r.next() + 0.01);
        const sum = p.reduce((a, b) => a + b);
        p.forEach((v, k) => (target[row * outputs + k] = (v / sum) * weight[row]!));
      }
    }
    Object.assign(inputs, { [stackNames(s).target]: target, [stackNames(s).weight]: weight });
  });
  for (const { name, shape } of parametersOf(NETWORK)) {
    const { mean, square } = momentNames(name);
    inputs[name] = normal(sizeOf(shape), 0.7);
    inputs[mean] = normal(sizeOf(shape), 0.1);
    inputs[square] = normal(sizeOf(shape), 0.1).map((v) => v * v);
  }
  return inputs;
}

const LOSSES: readonly ScalarLoss[] = [{ kind: "gaussian" }, { kind: "smooth-l1", beta: 0.4 }];

describe.each(LOSSES)("the loss with $kind scalars", (scalarLoss) => {
  const graph = buildTrainingLoss(NETWORK, ROWS, scalarLoss);
  const parameters = parametersOf(NETWORK);

  test("is the weighted cross-entropy and the weighted residuals of the outputs", () => {
    const inputs = seededInputs(1);
    const values = interpret(graph, inputs);
    const outputs = interpret(buildHeadOutputs(NETWORK, ROWS), inputs);
    let total = 0;
    NETWORK.stacks.forEach(({ kind, heads, outputs: width }, s) => {
      const [f, target, weight] = [
        outputs[stackNames(s).outputs]!,
        inputs[stackNames(s).target]!,
        inputs[stackNames(s).weight]!,
      ];
      const losses = Array.from({ length: heads }, (_, h) => {
        let loss = 0;
        for (let row = h * ROWS; row < (h + 1) * ROWS; row++) {
          const out = [...f.subarray(row * width, (row + 1) * width)];
          const wanted = target.subarray(row * width, (row + 1) * width);
          const partition = Math.log(out.reduce((sum, v) => sum + Math.exp(v), 0));
          const r = Math.abs(out[0]! - wanted[0]!);
          if (kind === "class") out.forEach((v, k) => (loss += wanted[k]! * (partition - v)));
          else if (scalarLoss.kind === "gaussian") loss += (weight[row]! * r * r) / 2;
          else loss += weight[row]! * (r < scalarLoss.beta ? (r * r) / 2 / scalarLoss.beta : r - scalarLoss.beta / 2);
        }
        return loss;
      });
      expectClose(values[stackNames(s).losses]!, losses, { abs: 1e-6, rel: 1e-6 });
      total += losses.reduce((a, b) => a + b);
    });
    expectClose(values["loss"]!, [total], { abs: 1e-6, rel: 1e-6 });
  });

  test("has the gradient in every weight that central differences give", () => {
    const inputs: Record<string, Float64Array> = Object.fromEntries(
      Object.entries(seededInputs(2)).map(([name, data]) => [name, Float64Array.from(data)]),
    );
    expect(Math.max(...expectTrainingGradient(graph, inputs, parameters, 1e-6))).toBeGreaterThan(0.1);
  });

  test("does not move a head whose labels are all missing, but for the decay and its moments", () => {
    const inputs = seededInputs(3);
    const gradients = interpret(
      differentiate(graph, { of: "loss", wrt: Object.fromEntries(parameters.map(({ name }) => [name, `${name}.g`])) }),
      inputs,
    );
    for (const { name, stack } of parameters)
      if (stack === 1) expect(Math.max(...gradients[`${name}.g`]!.map(Math.abs))).toBe(0);
  });
});

describe("the gradient of a training step", () => {
  const graph = compileTrainingGradient({ network: NETWORK, rows: ROWS, scalarLoss: LOSSES[1]! });

  test.each(["onnx-cpu", "tfjs-wasm", "tfjs-cpu"] as const)(
    "is the same on %s as interpreted, written where the optimizer wants it",
    async (name) => {
      const inputs = seededInputs(5);
      const expected = interpret(graph, inputs);
      const engine = await openEngine(name, { threads: 2 });
      const { gradients } = openOptimizer(NETWORK, ADAM, inputs);
      try {
        const executable = await engine.compile(graph);
        const got = await executable.run(inputs, gradients);
        for (const output of Object.keys(expected))
          expectClose(got[output]!, expected[output]!, { abs: 2e-5, rel: 2e-5 });
        for (const output of Object.keys(gradients)) expect(got[output]).toBe(gradients[output]);
        expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
        await executable.dispose();
      } finally {
        await engine.dispose();
      }
    },
  );
});

describe("the optimizer", () => {
  /** Random gradients, the same at every step, and moments of 0: what Adam makes of them can be written out. */
  function start(): { inputs: Record<string, Float32Array>; gradients: Record<string, Float32Array> } {
    const inputs = seededInputs(4);
    const r = random(6);
    const gradients: Record<string, Float32Array> = {};
    for (const { name, shape } of parametersOf(NETWORK)) {
      for (const m of Object.values(momentNames(name))) inputs[m]!.fill(0);
      gradients[gradientName(name)] = Float32Array.from({ length: sizeOf(shape) }, () => r.normal());
    }
    return { inputs, gradients };
  }

  test("is Adam with decoupled decay, written out", () => {
    const { inputs, gradients } = start();
    const optimizer = openOptimizer(NETWORK, ADAM, inputs);
    const rates = [0.05, 0.04, 0.01];
    for (const [k, rate] of rates.entries()) {
      for (const [name, g] of Object.entries(gradients)) optimizer.gradients[name]!.set(g);
      optimizer.step(stepScalars(ADAM, k + 1, rate));
    }
    for (const { name, role } of parametersOf(NETWORK)) {
      const expected = Array.from(gradients[gradientName(name)]!, (g, i) => {
        let [p, m, v] = [inputs[name]![i]!, 0, 0];
        for (const [k, rate] of rates.entries()) {
          m = ADAM.beta1 * m + (1 - ADAM.beta1) * g;
          v = ADAM.beta2 * v + (1 - ADAM.beta2) * g * g;
          const [mHat, vHat] = [m / (1 - ADAM.beta1 ** (k + 1)), v / (1 - ADAM.beta2 ** (k + 1))];
          p *= role === "weight" ? 1 - rate * ADAM.decay : 1;
          p -= (rate * mHat) / (Math.sqrt(vHat) + ADAM.epsilon);
        }
        return p;
      });
      expectClose(optimizer.state[name]!, expected, { abs: 1e-6, rel: 1e-5 });
    }
  });

  test("is its graph, interpreted; tensors of any size keep to themselves", () => {
    const { inputs, gradients } = start();
    const scalars = stepScalars(ADAM, 7, 0.05);
    const optimizer = openOptimizer(NETWORK, ADAM, inputs);
    for (const [name, g] of Object.entries(gradients)) optimizer.gradients[name]!.set(g);
    optimizer.step(scalars);
    for (const { name, role, shape } of parametersOf(NETWORK)) {
      const { mean, square } = momentNames(name);
      const expected = interpret(buildAdam(ADAM, sizeOf(shape)), {
        ...{ weights: inputs[name]!, mean: inputs[mean]!, square: inputs[square]! },
        ...{ gradient: gradients[gradientName(name)]!, rate: [scalars.rate], epsilon: [scalars.epsilon] },
        keep: [role === "weight" ? scalars.keep : 1],
      });
      for (const [output, key] of [
        ["weights", name],
        ["mean", mean],
        ["square", square],
      ] as const)
        expectClose(optimizer.state[key]!, expected[output]!, { abs: 1e-6, rel: 1e-5 });
    }
  });

  test("refuses to begin without a value", () => {
    const { inputs } = start();
    expect(() => openOptimizer(NETWORK, ADAM, { ...inputs, "w0.0.m": new Float32Array(3) })).toThrow(/w0\.0\.m/);
  });
});
