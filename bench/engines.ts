// One gradient evaluation (gender, smile, age at FFHQ scale) on each engine of this machine, in turns; and on onnx-cpu its products alone.
// Run: node scripts/bench.js engines [--json] [--rows 16] [--seconds 3] [engine ...]
// Without the golden data beside the repository: an 8 x 512 network instead. Engines alternate in short rounds, so that what else the
// machine does falls on all of them; the best tenth says what the engine can do, the median what was had.
import { parseArgs } from "node:util";
import { GraphBuilder } from "../src/compiler/graph/builder.js";
import type { Arrays, Executable, Graph } from "../src/compiler/graph/graph.js";
import { ENGINE_NAMES, type EngineName } from "../src/runtime/services/engine.js";
import { openEngine, probeEngines } from "../src/node/engines/open.js";
import { gradientGraph } from "../src/runtime/services/speed.js";
import { goldenGradient } from "../test/support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace } from "../test/support/golden.js";

const ROUNDS = 10;

interface Subject {
  readonly label: string;
  readonly executable: Executable;
  readonly inputs: Arrays;
  readonly times: number[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rows: { type: "string", default: "16" },
    seconds: { type: "string", default: "3" },
  },
});
const ROWS = Number(values.rows);

const { title, graph } = await subjectGraph();
const products = productsOf(graph);
const inputsOf = ({ inputs, nodes }: Graph) =>
  Object.fromEntries(inputs.map(({ name, node }) => [name, numbers(nodes[node]!.shape)]));
const subjects: Subject[] = [];
const engines = [];
for (const { name, spinning } of await variants()) {
  const engine = await openEngine(name, { spinning });
  engines.push(engine);
  const label = name === "onnx-cpu" ? `${name}, ${spinning ? "spinning" : "waiting"}` : name;
  for (const subject of name === "onnx-cpu" ? [graph, products] : [graph]) {
    const [executable, inputs] = [await engine.compile(subject), inputsOf(subject)];
    for (let i = 0; i < 3; i++) await executable.run(inputs);
    subjects.push({ label: subject === graph ? label : `${label}, products`, executable, inputs, times: [] });
  }
}
const sliceMs = (Number(values.seconds) * 1000) / ROUNDS;
for (let round = 0; round < ROUNDS; round++) {
  for (const { executable, inputs, times } of subjects) {
    const end = performance.now() + sliceMs;
    do {
      const start = performance.now();
      await executable.run(inputs);
      times.push(performance.now() - start);
    } while (performance.now() < end);
  }
}
for (const { executable } of subjects) await executable.dispose();
for (const engine of engines) await engine.dispose();

const rows = subjects.map(({ label, times }) => {
  const sorted = times.sort((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
  return {
    engine: label,
    runs: times.length,
    min: quantile(0),
    p10: quantile(0.1),
    median: quantile(0.5),
    p90: quantile(0.9),
  };
});
const best = Math.min(...rows.map((r) => r.p10));
if (values.json) {
  console.log(JSON.stringify({ title, unit: "ms", rows: rows.map((r) => ({ ...r, ratio: r.p10 / best })) }, null, 2));
} else {
  console.log(`${title}, milliseconds`);
  console.log("engine                        runs      min      p10   median      p90   ratio (p10)");
  for (const r of rows) {
    const figures = [r.min, r.p10, r.median, r.p90].map((ms) => ms.toFixed(3).padStart(9)).join("");
    console.log(
      `${r.engine.padEnd(27)}${String(r.runs).padStart(7)}${figures}${(r.p10 / best).toFixed(2).padStart(8)}`,
    );
  }
}

async function subjectGraph(): Promise<{ title: string; graph: Graph }> {
  if (!GOLDEN_PRESENT) return { title: "gradient of an 8 x 512 network, 16 rows", graph: gradientGraph() };
  const golden = await loadGoldenLace("lace-ffhq-scale");
  const conjunction = golden.cases.find((c) => c.name === "conjunction")!;
  return {
    title: `gradient of ${conjunction.attributes.join(" and ")} at FFHQ scale, ${ROWS} rows`,
    graph: goldenGradient(golden, conjunction, ROWS),
  };
}

/** The products of a graph with its constants, side by side, and nothing else: what its time cannot be below. */
function productsOf({ nodes }: Graph): Graph {
  const b = new GraphBuilder();
  const outputs: Record<string, number> = {};
  const inputs = new Map<number, number>();
  for (const { op, inputs: operands, shape } of nodes) {
    const weight = nodes[operands[1] ?? 0];
    if ((op.kind !== "matmul" && op.kind !== "dense") || weight?.op.kind !== "constant") continue;
    const width = weight.shape.at(-2) ?? 0;
    const x = inputs.get(width) ?? b.input(`x${width}`, [shape[0] ?? 0, width]);
    inputs.set(width, x);
    outputs[`y${Object.keys(outputs).length}`] = b.matmul(x, b.constant(weight.op.data, weight.shape));
  }
  return b.finish({ outputs });
}

/** The engines asked for, or all that are usable here; onnx-cpu with and without spinning threads. */
async function variants(): Promise<{ name: EngineName; spinning: boolean }[]> {
  const asked = ENGINE_NAMES.filter((name) => positionals.includes(name));
  const usable = asked.length > 0 ? asked : (await probeEngines()).filter((p) => p.usable).map((p) => p.name);
  return usable.flatMap((name) =>
    (name === "onnx-cpu" ? [true, false] : [true]).map((spinning) => ({ name, spinning })),
  );
}

function numbers(shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, n) => a * n, 1);
  // About normal: the sum of two uniform sequences.
  return Float32Array.from({ length: size }, (_, i) => 2.4 * (((i * 0.618034) % 1) + ((i * 0.414214) % 1) - 1));
}
