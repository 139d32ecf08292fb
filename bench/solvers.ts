// Work and precision of ODE solvers on all golden cases: evaluations and seconds against the distance to the exact ends.
// Run: node scripts/bench.js solvers [--json] [--svg docs/solvers.svg] [--only dopri5,bosh3] [--rounds 3]
// In: the golden data beside the repository. Out: a table, and the plot of docs/solvers.md. On onnx-cpu, per-sample control.
// Figures of a solver at a tolerance, for each model: geometric means over its cases of (a) gradient evaluations of a sample, mean over the
// case, as a share of the reference's, and (b) the RMS distance to z_exact as a share of the reference's distance. Milliseconds are those of
// all cases, each the least of the rounds. The five steps of the golden edit, each from the golden end of the one before, are cases of their
// own; of edits no figure of the reference is recorded, so that its way stands for it: dopri5 at 1e-3, one step for the whole batch.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { SolverName } from "../src/compiler/plan.js";
import { openEngine } from "../src/node/engines/open.js";
import { jacobianOf } from "../src/compiler/build/compile-task.js";
import { goalOf, keepOf } from "../src/compiler/build/edit-goals.js";
import type { Engine } from "../src/runtime/services/engine.js";
import { openJacobian } from "../src/runtime/draw/gradients.js";
import { tiledField, type Field } from "../src/runtime/sample/field.js";
import { followFlow } from "../src/runtime/sample/ode.js";
import {
  EDIT_ROWS,
  EDIT_STEPS,
  editAnchors,
  editGradient,
  editStart,
  goldenEdit,
} from "../test/support/golden-edit.js";
import {
  engineField,
  goldenGradient,
  goldenJacobian,
  odeAt,
  rms,
  rowDistances,
  solveGolden,
} from "../test/support/golden-energy.js";
import { loadGoldenLace, type GoldenLace } from "../test/support/golden.js";

const TOLERANCES = [4e-2, 2e-2, 1e-2, 5e-3, 3e-3, 2e-3, 1e-3, 5e-4];
const COLOURS = {
  dopri5: "#1f77b4",
  tsit5: "#17becf",
  bosh3: "#d62728",
  heun: "#ff7f0e",
  ros2: "#9467bd",
} as const satisfies Partial<Record<SolverName, string>>;
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
  readonly ms: number;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    svg: { type: "string" },
    only: { type: "string", default: Object.keys(COLOURS).join(",") },
    rounds: { type: "string", default: "1" },
  },
});
const rounds = Number(values.rounds);
const wanted = values.only.split(",");
const line = (p: Point): string => {
  const numbers = `${p.evaluations.toFixed(3).padStart(13)}${p.distance.toFixed(3).padStart(10)}${String(p.worse).padStart(13)}`;
  const rest = `${(100 * p.rejectedShare).toFixed(1).padStart(9)}%${p.ms.toFixed(0).padStart(9)}`;
  return `${p.model.padEnd(17)}${p.solver.padEnd(8)}${p.tolerance.toExponential(0).padStart(9)}${numbers}${rest}`;
};
if (!values.json) {
  console.log("model            solver  tolerance  evaluations  distance  cases worse  rejected       ms");
}
const engine = await openEngine("onnx-cpu");
const points: Point[] = [];
for (const model of ["lace-tiny", "lace-ffhq-scale", "edit of lace-tiny"] as const) {
  const golden = await loadGoldenLace(model === "lace-ffhq-scale" ? model : "lace-tiny");
  const dim = golden.weights.zDim;
  const cases = await (model === "edit of lace-tiny" ? editCases(golden, engine) : sampleCases(golden, engine));
  for (const solver of (Object.keys(COLOURS) as Name[]).filter((name) => wanted.includes(name))) {
    for (const tolerance of TOLERANCES) {
      let [work, far, worse, rejected, tried, ms] = [0, 0, 0, 0, 0, 0];
      for (const { rows, z0, exact, reference, evaluations, field } of cases) {
        let least = Infinity;
        let solved;
        for (let round = 0; round < rounds; round++) {
          const start = performance.now();
          solved = await solveGolden(field, z0, odeAt(tolerance, solver));
          least = Math.min(least, performance.now() - start);
        }
        if (solved === undefined) throw new Error("--rounds must be 1 or more");
        const distance = rms(rowDistances(solved.z, exact, dim));
        let cost = 0;
        for (const s of solved.samples) {
          cost += s.evaluations;
          rejected += s.rejected;
          tried += s.steps;
        }
        ms += least;
        if (!(distance <= reference)) worse += 1;
        work += Math.log(cost / rows / evaluations) / cases.length;
        far += Math.log(distance / reference) / cases.length;
      }
      const point: Point = {
        solver,
        tolerance,
        model,
        evaluations: Math.exp(work),
        distance: Math.exp(far),
        worse,
        rejectedShare: rejected / Math.max(1, tried),
        ms,
      };
      points.push(point);
      if (!values.json) console.log(line(point));
    }
  }
  for (const { close } of cases) await close();
}
await engine.dispose();

if (values.json) console.log(JSON.stringify(points, null, 2));
if (values.svg !== undefined) writeFileSync(values.svg, plot());

/** What solvers are tried on. */
interface Problem {
  readonly rows: number;
  /** [rows, dim]: where it starts, and ends exactly. */
  readonly z0: Float64Array;
  readonly exact: Float64Array;
  /** RMS distance of the reference's ends from the exact ones, and its evaluations of a sample. */
  readonly reference: number;
  readonly evaluations: number;
  readonly field: Field;
  readonly close: () => Promise<void>;
}

async function sampleCases(golden: GoldenLace, on: Engine): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const c of golden.cases) {
    const gradient = await on.compile(goldenGradient(golden, c, c.batch));
    const jacobian = await goldenJacobian(golden, c, c.batch, on);
    const expected = (key: string): Float64Array => golden.expected(`${c.name}.${key}`).data;
    const [z0, exact, own] = [expected("z0"), expected("z_exact"), expected("z_dopri5_batch_1e-3")];
    problems.push({
      ...{ rows: c.batch, z0, exact, evaluations: c.reference_nfe, field: engineField(golden, c, gradient, jacobian) },
      reference: rms(rowDistances(own, exact, golden.weights.zDim)),
      close: async () => {
        await gradient.dispose();
        await jacobian.executable?.dispose();
      },
    });
  }
  return problems;
}

async function editCases(golden: GoldenLace, on: Engine): Promise<readonly Problem[]> {
  const edit = goldenEdit(golden);
  const { weights, attributes } = golden;
  const { truncation, logic } = edit;
  const problems: Problem[] = [];
  for (let at = 0; at < EDIT_STEPS; at++) {
    const [z0, exact] = [editStart(golden, at), editStart(golden, at + 1)];
    const gradient = await on.compile(editGradient(golden, edit, at, EDIT_ROWS));
    const goal = { energy: goalOf(edit, at, attributes), keep: keepOf(edit, at) };
    const jacobian = await openJacobian(
      jacobianOf({ ...goal, logic, weights, attributes, truncation, rows: EDIT_ROWS }),
      on,
    );
    const lanes = Array.from({ length: EDIT_ROWS }, (_, i) => i);
    const anchors = Object.fromEntries(
      Object.entries(editAnchors(golden, edit, at, z0))
        .filter(([, values]) => values.length > 0)
        .map(([name, values]) => [name, Float32Array.from(values)]),
    );
    const field = tiledField({ gradient, jacobian, rows: EDIT_ROWS, zDim: weights.zDim, lanes, anchors });
    const batch = await followFlow({ field, z0, sampler: { ...odeAt(1e-3), control: "batch" } });
    problems.push({
      ...{ rows: EDIT_ROWS, z0, exact, field },
      reference: rms(rowDistances(batch.z, exact, weights.zDim)),
      evaluations: batch.samples.reduce((sum, s) => sum + s.evaluations, 0) / EDIT_ROWS,
      close: async () => {
        await gradient.dispose();
        await jacobian.executable?.dispose();
      },
    });
  }
  return problems;
}

/** Log-log panels, one for each model; 1 is the reference on both axes. */
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
