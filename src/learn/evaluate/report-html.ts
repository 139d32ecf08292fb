// An evaluation as one HTML file: tables and pictures, nothing outside of it.
// Invariant: every text of the user is escaped.
import type { ImageCodec } from "../../runtime/services/codec.js";
import { layoutGrid } from "../../runtime/image/grid.js";
import type { Evaluated, SetMeasure, Sheet } from "./evaluation.js";
import type { Baseline, BaselineSet } from "./baseline.js";
import { escapeHtml, htmlPage, htmlTable } from "../html-page.js";
import { estimateText, handText, judgesOf, judgeText, methodRows, unclearText } from "./texts.js";

const STYLE = `
td, th { white-space: nowrap; text-align: left } td:first-child { white-space: normal; min-width: 9em }
.bar { display: inline-block; height: .7em; width: min(9em, 20vw); background: var(--track); margin-right: .6em; position: relative }
.bar i { position: absolute; left: 0; top: 0; bottom: 0; background: var(--blue) } .bar b { position: absolute; top: 30%; bottom: 30%; background: var(--mark) }
img { max-width: 100%; display: block; margin: .6em 0 }
`;

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
    parts.push(setHtml(set, baseline?.get(set.name), sheet === undefined ? "" : await picture(sheet, set, codec)));
  }
  const { hand } = evaluation;
  const named = [...(hand === null ? [] : [`hand (${hand})`]), ...evaluation.labellers.map(longJudgeText)];
  const judges = named.join(", ") || "the heads that were followed alone";
  const { reference, real, engine } = evaluation;
  const about = `${engine}; judged by ${judges}; ${reference} unconditional and ${real} real images; the thin bars are 95% intervals.`;
  return htmlPage(title, STYLE, `<p class="dim">${escapeHtml(about)}</p>\n${parts.join("\n")}`);
}

function longJudgeText(judge: Evaluated["evaluation"]["labellers"][number]): string {
  const { sha256, prompts } = judge;
  const hash = sha256 === null ? "" : ` (SHA-256 ${sha256.slice(0, 12)})`;
  return `${judgeText(judge)}${hash}${prompts === undefined ? "" : ` by the prompts ${prompts.join(", ")}`}`;
}

function setHtml(set: SetMeasure, before: BaselineSet | undefined, image: string): string {
  const was = (value: number | null | undefined, digits = 2): string =>
    value === null || value === undefined ? "" : ` <span class="dim">was ${value.toFixed(digits)}</span>`;
  const judges = judgesOf(set);
  const clauses = set.clauses.map((c) => {
    const old = before?.clauses.find((x) => x.text === c.text)?.labeller?.mean;
    return [
      escapeHtml(c.text),
      ...(judges.hand ? [`${bar(c.hand)}${handText(c)}`] : []),
      `${bar(c.labeller)}${estimateText(c.labeller)}${unclearText(c)}${was(old)}`,
      c.heads === null ? "-" : c.heads.mean.toFixed(2),
      c.prior === null ? "-" : c.prior.toFixed(2),
    ];
  });
  const { frechet, edit, secondsPerImage, accepted } = set;
  const methods = methodRows(set).map((row) => row.map(escapeHtml));
  const [head = [], ...others] = methods;
  const steps = edit?.steps.map((s) => [
    escapeHtml(s.text),
    ...[s.before, s.after].map((e) => (e === null ? "-" : e.mean.toFixed(2))),
    s.drift === null ? "-" : `${escapeHtml(s.drift.attribute)} ${s.drift.share.toFixed(2)}`,
    s.score === null ? "-" : s.score.toFixed(2),
    estimateText(s.identity, 3),
  ]);
  const facts = [
    [
      "Frechet distance to unconditional images",
      `${numberText(frechet.unconditional)}${was(before?.frechet.unconditional)}`,
    ],
    ["between two halves of those", numberText(frechet.floor)],
    ...(accepted === null
      ? []
      : [
          [`to the ${accepted.count} of those that are accepted`, numberText(accepted.distance)],
          ["between as many of these as the set has, and the others", numberText(accepted.floor)],
        ]),
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
  return `<h2>${escapeHtml(set.name)}</h2>
<p class="dim">${set.kind} of ${escapeHtml(set.model)}, ${escapeHtml(set.sampler)}, truncation ${set.truncation}, ${set.images} images${set.failed > 0 ? `, ${set.failed} not finished` : ""}</p>
${htmlTable(["condition", ...(judges.hand ? ["by hand"] : []), "by the labeller", judges.heads, "unconditional"], clauses)}
${steps === undefined ? "" : htmlTable(["step", "before", "after", "most drift", "score", "ID"], steps)}
${methods.length === 0 ? "" : htmlTable(head, others)}
${htmlTable(["", ""], facts)}
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

async function picture({ images, columns }: Sheet, { name, edit }: SetMeasure, codec: ImageCodec): Promise<string> {
  if (images.every((i) => i === undefined)) return "";
  const image = layoutGrid(images, { columns });
  const bytes = await codec.encode(image, "webp");
  const steps = edit?.steps.map((s) => `after: ${s.text}`).join("; ");
  const caption = steps === undefined ? "" : `<figcaption>a row: before; ${escapeHtml(steps)}</figcaption>`;
  return `<figure><img alt="pictures of ${escapeHtml(name)}" width="${image.width}" src="data:image/webp;base64,${base64(bytes)}">${caption}</figure>`;
}

/** Bytes as base64, in pieces that fit on the stack. */
function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return btoa(pieces.join(""));
}
