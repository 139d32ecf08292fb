// The report of a training as one HTML page that needs nothing else: tables, and plots as inline SVG.
// In: a Report. Out: text. Invariants: every name is escaped; no script, no network, readable without colours.
import type { AttributeReport, ClassReport, Correlations, TrainingReport, ScalarReport } from "./evaluate.js";
import type { ReliabilityBin } from "./calibrate.js";
import { COLOUR, escapeHtml, htmlPage, htmlRow, htmlTable } from "../html-page.js";

export interface ReportAbout {
  readonly title: string;
  /** Lines of "what: which". */
  readonly facts: readonly (readonly [string, string])[];
}

/** The page. */
export function reportHtml(report: TrainingReport, { title, facts }: ReportAbout): string {
  return htmlPage(
    title,
    STYLE,
    `<dl>${facts.map(([what, which]) => `<dt>${escapeHtml(what)}</dt><dd>${escapeHtml(which)}</dd>`).join("")}</dl>
${summaryTable(report)}
${report.attributes.map(attributeSection).join("\n")}
${correlationSection(report.correlations)}`,
  );
}

const STYLE = `
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem } dt { color: var(--dim) } dd { margin: 0 }
th, td { text-align: right } th:first-child, td:first-child { text-align: left }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start } .plots figure { width: min-content }
svg { display: block } svg text { font: 11px system-ui, sans-serif; fill: var(--dim) }
.matrix td { min-width: 2.4rem; border: 1px solid var(--paper) } .matrix th { font-size: .85rem; white-space: nowrap } figcaption { min-width: 12em }
.up { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; max-height: 16em; overflow: hidden; text-overflow: ellipsis }
`;

function summaryTable({ attributes, rows, epochs }: TrainingReport): string {
  const head = [
    "attribute",
    "kind",
    "accuracy or MAE",
    "95% interval, R²",
    "majority",
    "head kept",
    "calibration error before",
    "after",
    "temperature or sigma",
    "best epoch",
  ];
  const body = attributes.map((a) =>
    a.type === "scalar"
      ? [
          escapeHtml(a.name),
          "scalar",
          a.mae.toFixed(4),
          `R² ${a.r2Interval.map((x) => x.toFixed(3)).join(" to ")}`,
          "",
          a.head,
          "",
          "",
          `σ ${a.sigma}`,
          `${a.bestEpoch}`,
        ]
      : [
          escapeHtml(a.name),
          a.type,
          a.accuracy.toFixed(4),
          a.interval.map((x) => x.toFixed(3)).join(" to "),
          a.majority.toFixed(4),
          a.head,
          a.ece.before.toFixed(4),
          a.ece.after.toFixed(4),
          `T ${a.temperature}`,
          `${a.bestEpoch}`,
        ],
  );
  return `<p>${rows.train} rows trained on for ${epochs} epochs, ${rows.validation} for the choice of epoch and the calibration, ${rows.test} for the
figures below.</p>
${htmlTable(head, body)}`;
}

function attributeSection(a: AttributeReport): string {
  const plots = a.type === "scalar" ? [scatter(a)] : [reliabilityPlot(a), confusionTable(a)];
  const figures =
    a.type === "scalar"
      ? `MAE ${a.mae.toFixed(4)}, RMSE ${a.rmse.toFixed(4)}, R² ${a.r2.toFixed(3)}; residual of validation ${a.residual.toFixed(4)}, sigma ${a.sigma}`
      : a.classes.map((c, k) => `${escapeHtml(c)} ${a.recall[k]?.toFixed(3) ?? "no rows"}`).join(", ") +
        ` recognised; log loss ${a.logLoss.before.toFixed(4)}, calibrated ${a.logLoss.after.toFixed(4)}`;
  return `<h2>${escapeHtml(a.name)}</h2><p>${a.tested} labelled rows tested. ${figures}.</p>
<div class="plots">${[lossPlot(a), ...plots].join("")}</div>`;
}

const [WIDTH, HEIGHT, MARGIN] = [320, 200, 46];

/** A frame with axes from `x` to `y` ranges, and what `draw` puts in with coordinates mapped. */
function plot(
  caption: string,
  x: readonly [number, number],
  y: readonly [number, number],
  draw: (px: (v: number) => string, py: (v: number) => string) => string,
): string {
  const span = ([low, high]: readonly [number, number]): number => (high > low ? high - low : 1);
  const px = (v: number): string => (MARGIN + ((v - x[0]) / span(x)) * (WIDTH - MARGIN - 8)).toFixed(1);
  const py = (v: number): string => (HEIGHT - 22 - ((v - y[0]) / span(y)) * (HEIGHT - 32)).toFixed(1);
  const label = (v: number): string => String(Number(v.toPrecision(3)));
  return `<figure><svg width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escapeHtml(caption)}">
<path d="M${px(x[0])} ${py(y[1])}V${py(y[0])}H${px(x[1])}" fill="none" stroke="${COLOUR.axis}"/>
<text x="${px(x[0])}" y="${HEIGHT - 6}">${label(x[0])}</text><text x="${px(x[1])}" y="${HEIGHT - 6}" text-anchor="end">${label(x[1])}</text>
<text x="${MARGIN - 4}" y="${py(y[0])}" text-anchor="end">${label(y[0])}</text><text x="${MARGIN - 4}" y="${Number(py(y[1])) + 8}" text-anchor="end">${label(y[1])}</text>
${draw(px, py)}</svg><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function line(points: readonly (readonly [string, string])[], colour: string, dash = ""): string {
  if (points.length === 0) return "";
  const path = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("");
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`;
}

function lossPlot({ losses, bestEpoch }: AttributeReport): string {
  const all = [...losses.train, ...losses.validation].filter((v) => Number.isFinite(v));
  const range = [Math.min(...all), Math.max(...all)] as const;
  return plot("loss by epoch: trained on (dashed), validation (solid)", [1, losses.train.length], range, (px, py) => {
    const curve = (values: readonly number[]): [string, string][] => values.map((v, i) => [px(i + 1), py(v)]);
    const best = `<circle cx="${px(bestEpoch)}" cy="${py(losses.validation[bestEpoch - 1] ?? range[0])}" r="3" fill="${COLOUR.red}"/>`;
    return line(curve(losses.train), COLOUR.blue, "4 3") + line(curve(losses.validation), COLOUR.red) + best;
  });
}

function reliabilityPlot({ reliability }: ClassReport): string {
  return plot("how often right by confidence: as trained (dashed), calibrated (solid)", [0, 1], [0, 1], (px, py) => {
    const curve = (bins: readonly ReliabilityBin[]): [string, string][] =>
      bins.filter((b) => b.count > 0).map((b) => [px(b.confidence), py(b.accuracy)]);
    const ideal = line(
      [
        [px(0), py(0)],
        [px(1), py(1)],
      ],
      COLOUR.guide,
    );
    const dots = curve(reliability.after).map(
      ([x, y]) => `<circle cx="${x}" cy="${y}" r="2.5" fill="${COLOUR.green}"/>`,
    );
    return (
      ideal +
      line(curve(reliability.before), COLOUR.ochre, "4 3") +
      line(curve(reliability.after), COLOUR.green) +
      dots.join("")
    );
  });
}

function scatter({ points, min, max }: ScalarReport): string {
  const values = points.flat();
  const range = [Math.min(min, ...values), Math.max(max, ...values)] as const;
  return plot("found by the head against the label", range, range, (px, py) => {
    const dots = points.map(
      ([x, y]) => `<circle cx="${px(x)}" cy="${py(y)}" r="2" fill="${COLOUR.blue}" fill-opacity=".45"/>`,
    );
    return (
      line(
        [
          [px(range[0]), py(range[0])],
          [px(range[1]), py(range[1])],
        ],
        COLOUR.guide,
      ) + dots.join("")
    );
  });
}

function confusionTable({ classes, confusion }: ClassReport): string {
  const head = htmlRow(["label \\ head", ...classes.map(escapeHtml)], "th");
  const body = confusion.map((counts, k) => {
    const total = counts.reduce((a, b) => a + b, 0);
    const cells = counts.map((n) => `<td style="background:${shade(total === 0 ? 0 : n / total)}">${n}</td>`).join("");
    return `<tr><th>${escapeHtml(classes[k] ?? "")}</th>${cells}</tr>`;
  });
  return matrixFigure(head, body, "confusion, rows of the data");
}

function matrixFigure(head: string, body: readonly string[], caption: string): string {
  return `<figure><div class="scroll"><table class="matrix"><thead>${head}</thead><tbody>${body.join("")}</tbody></table></div><figcaption>${caption}</figcaption></figure>`;
}

/** White to blue for 0 to 1, to red for 0 to -1. */
function shade(value: number): string {
  const rgb = value >= 0 ? "9,105,218" : "207,34,46";
  return `rgba(${rgb},${(0.75 * Math.min(1, Math.abs(value))).toFixed(2)})`;
}

function correlationSection({ names, labels, heads }: Correlations): string {
  const table = (matrix: Correlations["labels"], caption: string): string => {
    const head = `<tr><th></th>${names.map((n) => `<th><span class="up">${escapeHtml(n)}</span></th>`).join("")}</tr>`;
    const body = names.map((name, i) => {
      const cells = names.map((_, j) => {
        const r = matrix[i]?.[j] ?? null;
        return r === null
          ? "<td></td>"
          : `<td style="background:${shade(i === j ? 0 : r)}">${i === j ? "" : r.toFixed(2)}</td>`;
      });
      return `<tr><th>${escapeHtml(name)}</th>${cells.join("")}</tr>`;
    });
    return matrixFigure(head, body, caption);
  };
  return `<h2>Which attributes hang together</h2><p>Correlations: what asking for one attribute may bring along of another.</p>
<div class="plots">${table(labels, "of the labels, all rows")}${table(heads, "of what the heads say, rows tested")}</div>`;
}
