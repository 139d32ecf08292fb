// Forecasts against the truth: what share the heads of a pack expect, second ones among them, to satisfy a request, and what share an exact judge finds (test/bed).
// Run: node scripts/bench.js forecast FOLDER [--rows 2000] [--bend 0.5] [--count 64] [--train FLAGS] [--json]      after npm run build; --generator FILE.onnx as in control.ts
//      node scripts/bench.js forecast --svg docs/images/forecast.svg FILE.json...      draws what was printed
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bedFolder } from "./bed-folder.js";
import { PHOTOGRAPH_REQUESTS } from "../test/bed/photographs.js";
import { REQUESTS } from "../test/bed/requests.js";
import { compileScript } from "../src/app/compile-script.js";
import { holds, verdict } from "../src/compiler/energy/interpret.js";
import { nodeHost } from "../src/node/host.js";
import { openLabeller } from "../src/node/labellers/open-labeller.js";
import { nodeServices } from "../src/node/services.js";
import { outputsOf } from "../src/runtime/draw/columns.js";
import { stylesOf } from "../src/runtime/draw/styles.js";
import { witnessOutputs } from "../src/runtime/draw/witness.js";
import { execute } from "../src/runtime/execute.js";
import { chanceOf } from "../src/runtime/record/forecast.js";
import { dryWorld } from "../src/runtime/services/world.js";
import { translate } from "../src/runtime/services/translation.js";
import { openPainter } from "../src/runtime/show/painter.js";

interface Point {
  readonly bed: string;
  readonly rows: number;
  readonly group: string;
  readonly wish: string;
  readonly exact: number;
  /** By the heads that were followed. */
  readonly heads: number;
  /** The forecast, and the share that the second heads alone would accept. */
  readonly forecast: number;
  readonly verdicts: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "2000" },
    count: { type: "string", default: "64" },
    bend: { type: "string", default: "0.5" },
    train: { type: "string", default: "" },
    sampler: { type: "string", default: "" },
    svg: { type: "string" },
    json: { type: "boolean", default: false },
    generator: { type: "string" },
  },
});

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);
if (values.svg !== undefined) {
  const points = positionals.flatMap((file) => JSON.parse(readFileSync(file, "utf8")) as Point[]);
  writeFileSync(values.svg, plot(points));
  console.log(`${points.length} requests: ${summary(points)}`);
} else {
  const points = await measure(positionals[0] ?? "bed");
  if (values.json) console.log(JSON.stringify(points));
  else {
    for (const p of points)
      console.log(
        `${p.wish.padEnd(48)} exact ${p.exact.toFixed(2)}  forecast ${p.forecast.toFixed(2)}  verdicts ${p.verdicts.toFixed(2)}  heads ${p.heads.toFixed(2)}`,
      );
    console.log(summary(points));
  }
}

function summary(points: readonly Point[]): string {
  const off = (of: (p: Point) => number): string =>
    `${(100 * mean(points.map((p) => Math.abs(of(p) - p.exact)))).toFixed(1)} (mean ${(100 * mean(points.map((p) => of(p) - p.exact))).toFixed(1)})`;
  return `exact ${mean(points.map((p) => p.exact)).toFixed(3)}; error in points: forecast ${off((p) => p.forecast)}, verdicts ${off((p) => p.verdicts)}, heads ${off((p) => p.heads)}`;
}

async function measure(folder: string): Promise<Point[]> {
  const { generator } = values;
  const bed = generator === undefined ? { bend: Number(values.bend) } : { generator };
  const { data, lacec } = bedFolder(folder, bed, values.rows);
  const flags = values.train.split(" ").filter((f) => f !== "");
  lacec("train", data, "--into", "bed.safetensors", "-o", "forecast.safetensors", "-q", ...flags);
  const wishes = Object.entries(generator === undefined ? REQUESTS : PHOTOGRAPH_REQUESTS).flatMap(([group, list]) =>
    list.map((wish) => ({ group, wish })),
  );
  const tasks = wishes.map(
    ({ wish }, n) => `sample r${n} from own { where ${wish}  count ${values.count}  seed 5 ${values.sampler} }`,
  );
  writeFileSync(join(folder, "forecast.lace"), `lace 1\nmodel own from "forecast.safetensors"\n${tasks.join("\n")}\n`);
  const host = nodeHost();
  const { plan, diagnostics } = await compileScript(join(folder, "forecast.lace"), host);
  if (plan === undefined) throw new Error(diagnostics.map((d) => d.message).join("; "));
  const services = nodeServices(host, "onnx-cpu");
  const results = await execute({ ...plan, saves: [], expects: [] }, dryWorld(services), {
    out: ".",
    script: { lacec: "", script: { file: "", sha256: "" }, imports: [] },
  });
  const [model] = results.models;
  if (model === undefined) throw new Error("no model");
  const judge = await openLabeller(services, model, { labeller: join(folder, "judge.onnx") });
  const engine = await services.openEngine();
  const painter = openPainter({ model, engine, services, count: 16 });
  const { attributes } = model.info;
  const translation = translate(judge.attributes, attributes);
  const points: Point[] = [];
  for (const [n, { task, samples }] of results.tasks.entries()) {
    if (task.kind !== "sample") continue;
    const { energy } = task;
    const images = await painter.paint(samples.map((s) => stylesOf(s, model.info.numWs)));
    const seen = outputsOf(await judge.label(images), images.length, judge.attributes).map((o) =>
      translation.outputs(o),
    );
    const second = samples.map((s) => witnessOutputs(model, s) ?? []);
    points.push({
      bed: generator === undefined ? `bend ${values.bend}` : "photographs",
      rows: Number(values.rows),
      ...wishes[n]!,
      exact: mean(seen.map((o) => Number(holds(energy, o)))),
      heads: mean(samples.map((s) => Number(holds(energy, s.heads)))),
      forecast: mean(samples.map((s, k) => chanceOf(energy, s.heads, second[k] ?? [], attributes))),
      verdicts: mean(second.map((o) => Number(verdict(energy, o) === "satisfied"))),
    });
  }
  await painter.dispose();
  await engine.dispose();
  await judge.dispose();
  return points;
}

/** Forecast over truth, a mark for each request. */
function plot(points: readonly Point[]): string {
  const [size, left, bottom] = [320, 52, 44];
  const x = (v: number): number => left + v * size;
  const y = (v: number): number => 16 + (1 - v) * size;
  const colours = ["#0b6e99", "#d9730d", "#448361", "#9065b0", "#c4314b", "#8a6d3b"];
  const kinds = [...new Set(points.map((p) => `${p.bed}, ${p.rows} rows`))];
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (v) =>
      `<text x="${x(v)}" y="${y(0) + 16}" text-anchor="middle">${v}</text><text x="${left - 8}" y="${y(v) + 4}" text-anchor="end">${v}</text><path d="M${x(v)} ${y(0)}V${y(1)}M${x(0)} ${y(v)}H${x(1)}" stroke="#ddd"/>`,
  );
  const marks = points.map((p) => {
    const colour = colours[kinds.indexOf(`${p.bed}, ${p.rows} rows`) % colours.length];
    return `<circle cx="${x(p.exact).toFixed(1)}" cy="${y(p.forecast).toFixed(1)}" r="4" fill="${colour}" fill-opacity="0.75"/><circle cx="${x(p.exact).toFixed(1)}" cy="${y(p.heads).toFixed(1)}" r="3" fill="none" stroke="#999"/>`;
  });
  const keys = [
    ...kinds.map((k, n) => [k, colours[n % colours.length], 0.75] as const),
    ["by the heads that were followed", "#999", 0] as const,
  ].map(
    ([text, colour, fill], n) =>
      `<circle cx="${x(1) + 24}" cy="${28 + 20 * n}" r="4" fill="${colour}" fill-opacity="${fill}" stroke="${colour}"/><text x="${x(1) + 36}" y="${32 + 20 * n}">${text}</text>`,
  );
  const [width, height] = [left + size + 230, 16 + size + bottom];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>${ticks.join("")}<path d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}" stroke="#666"/>${marks.join("")}${keys.join("")}<text x="${x(0.5)}" y="${y(0) + 36}" text-anchor="middle">share that satisfies, by the exact judge</text><text transform="translate(14 ${y(0.5)}) rotate(-90)" text-anchor="middle">forecast</text></svg>\n`;
}
