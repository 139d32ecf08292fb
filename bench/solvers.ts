// Work and precision of ODE solvers on all golden cases: evaluations against the distance to the exact ends.
// Run: node scripts/bench.js solvers [--json] [--svg docs/solvers.svg] [--only dopri5,bosh3]
// In: the golden data beside the repository. Out: a table, and the plot of docs/solvers.md. On onnx-cpu, per-sample control.
// Figures of a solver at a tolerance, for each model: geometric means over its cases of (a) gradient evaluations of a sample, mean over the
// case, as a share of the reference's, and (b) the RMS distance to z_exact as a share of the reference's distance.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { SolverName } from "../src/compiler/plan.js";
import { openEngine } from "../src/runtime/engine/open-node.js";
import { TAU_END } from "../src/runtime/sample/ode.js";
import { engineField, goldenGradient, rms, rowDistances, solveGolden } from "../test/support/golden-energy.js";
import { loadGoldenLace, type GoldenCase } from "../test/support/golden.js";
import { gaussNewton, rkc, type Ending, type LeafSlope, type Slope } from "./experimental-solvers.js";

const TOLERANCES = [2e-2, 1e-2, 5e-3, 3e-3, 2e-3, 1e-3, 5e-4];
const EXPLICIT: readonly SolverName[] = ["dopri5", "tsit5", "bosh3", "heun"];
const COLOURS = {
  dopri5: "#1f77b4",
  tsit5: "#17becf",
  bosh3: "#d62728",
  heun: "#ff7f0e",
  rkc: "#2ca02c",
  gn: "#9467bd",
};
type Name = keyof typeof COLOURS;

interface Point {
  readonly solver: Name;
  readonly tolerance: number;
  readonly model: string;
  readonly evaluations: number;
  readonly distance: number;
  /** Cases whose distance is above the reference's. */
  readonly worse: number;
  /** Of all tried steps. */
  readonly rejectedShare: number;
  /** Of the solves. rkc and gn run one sample at a time, gn one graph for each leaf: not to be compared with the others. */
  readonly seconds: number;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    svg: { type: "string" },
    only: { type: "string", default: Object.keys(COLOURS).join(",") },
  },
});
const wanted = values.only.split(",");
const line = (p: Point): string => {
  const numbers = `${p.evaluations.toFixed(2).padStart(13)}${p.distance.toFixed(2).padStart(10)}${String(p.worse).padStart(13)}`;
  const rest = `${(100 * p.rejectedShare).toFixed(1).padStart(9)}%${p.seconds.toFixed(1).padStart(9)}`;
  return `${p.model.padEnd(17)}${p.solver.padEnd(8)}${p.tolerance.toExponential(0).padStart(9)}${numbers}${rest}`;
};
if (!values.json) {
  console.log("model            solver  tolerance  evaluations  distance  cases worse  rejected  seconds");
}
const engine = await openEngine("onnx-cpu");
const points: Point[] = [];
for (const dir of ["lace-tiny", "lace-ffhq-scale"] as const) {
  const golden = await loadGoldenLace(dir);
  const dim = golden.weights.zDim;
  const slopeOf = async (c: GoldenCase) => {
    const gradient = await engine.compile(goldenGradient(golden, { ...c, batch: 1 }, 1));
    const field = engineField(golden, { ...c, batch: 1 }, gradient);
    const at = async (z: Float64Array): Promise<{ slope: Float64Array; logp: number }> => {
      const slope = new Float64Array(dim);
      const logp = new Float64Array(1);
      await field.evaluate(z, Uint8Array.of(1), slope, logp);
      return { slope, logp: logp[0]! };
    };
    return { at, dispose: () => gradient.dispose() };
  };
  const cases = [];
  for (const c of golden.cases) {
    const gradient = await engine.compile(goldenGradient(golden, c, c.batch));
    const leaves = [];
    for (const [i, attribute] of c.attributes.entries()) {
      const { truncation, reference_nfe } = c;
      const alone = { attributes: [attribute], indices: [c.indices[i]!], targets: [c.targets[i]!] };
      const kind = golden.attributes[c.indices[i]!]!.type === "scalar" ? "scalar" : "class";
      const { at } = await slopeOf({ name: c.name, ...alone, truncation, reference_nfe, batch: 1 });
      leaves.push({ kind, at } as const);
    }
    const expected = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data;
    const reference = rms(rowDistances(expected("z_dopri5_batch_1e-3"), expected("z_exact"), dim));
    cases.push({ c, expected, reference, field: engineField(golden, c, gradient), whole: await slopeOf(c), leaves });
  }
  for (const solver of (Object.keys(COLOURS) as Name[]).filter((name) => wanted.includes(name))) {
    for (const tolerance of TOLERANCES) {
      let [work, far, worse, rejected, tried] = [0, 0, 0, 0, 0];
      const start = performance.now();
      for (const { c, expected, reference, field, whole, leaves } of cases) {
        const z0 = expected("z0");
        const z = new Float64Array(z0.length);
        let cost = 0;
        const known = EXPLICIT.find((name) => name === solver);
        if (known !== undefined) {
          const solved = await solveGolden(field, z0, { tolerance, solver: known });
          z.set(solved.z);
          for (const s of solved.samples) {
            cost += s.evaluations;
            rejected += s.rejected;
            tried += s.steps;
          }
        } else {
          const slopeAt: Slope = async (at) => (await whole.at(at)).slope;
          const leavesAt = async (at: Float64Array): Promise<LeafSlope[]> => {
            const found: LeafSlope[] = [];
            for (const leaf of leaves) {
              const { slope, logp } = await leaf.at(at);
              found.push({ kind: leaf.kind, gradient: slope, logp });
            }
            return found;
          };
          for (let i = 0; i < c.batch; i++) {
            const from = z0.slice(i * dim, (i + 1) * dim);
            const ended: Ending =
              solver === "rkc"
                ? await rkc(slopeAt, from, TAU_END, tolerance)
                : await gaussNewton(slopeAt, leavesAt, from, TAU_END, tolerance);
            z.set(ended.z, i * dim);
            cost += ended.cost;
            rejected += ended.rejected;
            tried += ended.steps;
          }
        }
        const distance = rms(rowDistances(z, expected("z_exact"), dim));
        if (!(distance <= reference)) worse += 1;
        work += Math.log(cost / c.batch / c.reference_nfe) / cases.length;
        far += Math.log(distance / reference) / cases.length;
      }
      const point: Point = {
        solver,
        tolerance,
        model: dir,
        evaluations: Math.exp(work),
        distance: Math.exp(far),
        worse,
        rejectedShare: rejected / Math.max(1, tried),
        seconds: (performance.now() - start) / 1000,
      };
      points.push(point);
      if (!values.json) console.log(line(point));
    }
  }
}
await engine.dispose();

if (values.json) console.log(JSON.stringify(points, null, 2));
if (values.svg !== undefined) writeFileSync(values.svg, plot());

/** Two log-log panels, one for each model; 1 is the reference on both axes. */
function plot(): string {
  const [width, height, left, top] = [420, 340, 60, 40];
  const x = (v: number): number => left + ((Math.log10(v) + 1.1) / 2.1) * width;
  const y = (v: number): number => top + ((1.2 - Math.log10(v)) / 3) * height;
  const models = [...new Set(points.map((p) => p.model))];
  const text = (at: readonly [number, number], words: string, more = ""): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${words}</text>`;
  const panels = models.map((model, n) => {
    const lines = (Object.keys(COLOURS) as Name[]).map((solver, k) => {
      const own = points.filter((p) => p.model === model && p.solver === solver);
      const shown = own.filter(
        (p) => p.distance < 15 && p.distance > 0.02 && p.evaluations > 0.08 && p.evaluations < 7.5,
      );
      if (shown.length === 0) return "";
      const path = shown.map((p) => `${x(p.evaluations).toFixed(1)},${y(p.distance).toFixed(1)}`).join(" ");
      const dots = shown.map((p) => {
        const radius = p.tolerance === 1e-3 ? 5 : 2.5;
        return `<circle cx="${x(p.evaluations).toFixed(1)}" cy="${y(p.distance).toFixed(1)}" r="${radius}" fill="${COLOURS[solver]}"/>`;
      });
      const name = text([left + width - 60, top + 18 + 15 * k], solver, `fill="${COLOURS[solver]}"`);
      return `<polyline points="${path}" fill="none" stroke="${COLOURS[solver]}"/>${dots.join("")}${name}`;
    });
    const marks = [0.1, 0.2, 0.5, 1, 2, 5].map(
      (v) =>
        `<path d="M${x(v).toFixed(1)} ${top}v${height}" stroke="${v === 1 ? "#888" : "#ddd"}"/>` +
        text([x(v), top + height + 16], String(v), 'text-anchor="middle"'),
    );
    const levels = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].map(
      (v) =>
        `<path d="M${left} ${y(v).toFixed(1)}h${width}" stroke="${v === 1 ? "#888" : "#ddd"}"/>` +
        text([left - 6, y(v) + 4], String(v), 'text-anchor="end"'),
    );
    const title = text([left + width / 2, 24], model, 'text-anchor="middle" font-weight="bold"');
    const below = text([left + width / 2, top + height + 34], "evaluations / reference's", 'text-anchor="middle"');
    const side = `<text transform="translate(16 ${top + height / 2}) rotate(-90)" text-anchor="middle">distance / reference's</text>`;
    return `<g transform="translate(${n * (width + left + 20)} 0)">${marks.join("")}${levels.join("")}${title}${below}${side}${lines.join("")}</g>`;
  });
  const size = `width="${models.length * (width + left + 20) + 10}" height="${height + top + 44}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>${panels.join("")}</svg>\n`;
}
