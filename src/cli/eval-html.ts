// An evaluation as one HTML file: tables and pictures, nothing outside of it.
// Invariant: every text of the user is escaped.
import type { ImageCodec } from "../runtime/image/codec.js";
import { layoutGrid } from "../runtime/image/grid.js";
import type { Evaluated, SetMeasure, Sheet } from "../runtime/evaluate/evaluation.js";
import type { Baseline } from "./eval-baseline.js";
import { estimateText } from "./eval-table.js";

const STYLE = `body { font: 15px/1.45 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: .6em 0; } th, td { text-align: left; padding: .2em .9em .2em 0; border-bottom: 1px solid #e4e4e4; }
th { font-weight: 600; color: #666; } td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { display: inline-block; height: .7em; width: 9em; background: #eee; margin-right: .6em; position: relative; }
.bar i { position: absolute; left: 0; top: 0; bottom: 0; background: #4878b8; } .bar b { position: absolute; top: 30%; bottom: 30%; background: #1d3557; }
img { max-width: 100%; image-rendering: auto; display: block; margin: .6em 0; } .dim { color: #777; } h2 { margin-top: 2em; }`;

/** The page. */
export async function evaluationHtml(
  { evaluation, sheets }: Evaluated,
  title: string,
  baseline: Baseline | undefined,
  codec: ImageCodec,
): Promise<string> {
  const parts: string[] = [];
  for (const set of evaluation.sets) {
    const sheet = sheets.get(set.name);
    parts.push(setHtml(set, baseline?.get(set.name), sheet === undefined ? "" : await picture(sheet, codec)));
  }
  const judges = evaluation.labellers
    .map((l) => `${l.name} (SHA-256 ${(l.sha256 ?? "unknown").slice(0, 12)})`)
    .join(", ");
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escape(title)}</title><style>${STYLE}</style>
<h1>${escape(title)}</h1>
<p class="dim">${escape(evaluation.engine)}; judged by ${escape(judges)}; ${evaluation.reference} unconditional and ${evaluation.real} real images; the dark bars are 95% intervals.</p>
${parts.join("\n")}
</html>
`;
}

function setHtml(set: SetMeasure, before: SetMeasure | undefined, image: string): string {
  const was = (value: number | null | undefined, digits = 2): string =>
    value === null || value === undefined ? "" : ` <span class="dim">was ${value.toFixed(digits)}</span>`;
  const clauses = set.clauses.map((c) => {
    const old = before?.clauses.find((x) => x.text === c.text)?.labeller?.mean;
    return [
      escape(c.text),
      `${bar(c.labeller)}${estimateText(c.labeller)}${was(old)}`,
      c.heads === null ? "-" : c.heads.mean.toFixed(2),
      c.prior === null ? "-" : c.prior.toFixed(2),
    ];
  });
  const { frechet, edit, secondsPerImage } = set;
  const steps = edit?.steps.map((s) => [
    escape(s.text),
    ...[s.before, s.after].map((e) => (e === null ? "-" : e.mean.toFixed(2))),
    s.drift === null ? "-" : `${escape(s.drift.attribute)} ${s.drift.share.toFixed(2)}`,
    s.score === null ? "-" : s.score.toFixed(2),
    estimateText(s.identity, 3),
  ]);
  const facts = [
    [
      "Frechet distance to unconditional images",
      `${numberText(frechet.unconditional)}${was(before?.frechet.unconditional)}`,
    ],
    ["between two halves of those", numberText(frechet.floor)],
    ...(frechet.real === null ? [] : [["to real images", `${numberText(frechet.real)}${was(before?.frechet.real)}`]]),
    ...(edit === null
      ? []
      : [
          ["DES", `${numberText(edit.des, 3)}${was(before?.edit?.des, 3)}`],
          ["ID", `${estimateText(edit.identity, 3)}${was(before?.edit?.identity?.mean, 3)}`],
          ["ID of different rows", numberText(edit.strangers, 3)],
        ]),
    ["evaluations an image", `${set.evaluations.toFixed(1)}${was(before?.evaluations, 1)}`],
    ["seconds an image, sampling", `${secondsPerImage.sample.toFixed(4)}${was(before?.secondsPerImage.sample, 4)}`],
    [
      "seconds an image, synthesis",
      `${secondsPerImage.synthesis.toFixed(4)}${was(before?.secondsPerImage.synthesis, 4)}`,
    ],
  ];
  return `<h2>${escape(set.name)}</h2>
<p class="dim">${set.kind} of ${escape(set.model)}, ${escape(set.sampler)}, truncation ${set.truncation}, ${set.images} images${set.failed > 0 ? `, ${set.failed} not finished` : ""}</p>
${table(["condition", "by the labeller", "by the heads", "unconditional"], clauses)}
${steps === undefined ? "" : table(["step", "before", "after", "most drift", "score", "ID"], steps)}
${table(["", ""], facts)}
${image}`;
}

function numberText(value: number | null, digits = 2): string {
  return value === null ? "-" : value.toFixed(digits);
}

function bar(e: { readonly mean: number; readonly low: number; readonly high: number } | null): string {
  if (e === null) return "";
  const percent = (x: number): string => `${(100 * x).toFixed(1)}%`;
  return `<span class="bar"><i style="width:${percent(e.mean)}"></i><b style="left:${percent(e.low)};width:${percent(e.high - e.low)}"></b></span>`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.every((h) => h === "") ? "" : `<tr>${header.map((h) => `<th>${h}</th>`).join("")}</tr>`;
  return `<table>${head}${rows.map((r) => `<tr>${r.map((c) => `<td class="n">${c}</td>`).join("")}</tr>`).join("")}</table>`;
}

async function picture({ images, columns }: Sheet, codec: ImageCodec): Promise<string> {
  if (images.every((i) => i === undefined)) return "";
  const image = layoutGrid(images, { columns });
  const bytes = await codec.encode(image, "webp");
  return `<img alt="" width="${image.width}" src="data:image/webp;base64,${Buffer.from(bytes).toString("base64")}">`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
