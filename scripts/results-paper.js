// Writes the section of docs/results-paper.md that `lacec eval --suite paper` measures; the rest of the page is left alone.
//   node scripts/results-paper.js [--count 64]        runs the suite on the embedded model (dist/ must be built)
//   node scripts/results-paper.js --from suite.json   takes what an earlier `lacec eval --suite paper --json` printed
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";

const file = fileURLToPath(new URL("../docs/results-paper.md", import.meta.url));
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { values } = parseArgs({ options: { from: { type: "string" }, count: { type: "string", default: "64" } } });
const json =
  values.from === undefined
    ? execFileSync(
        process.execPath,
        [main, "eval", "--suite", "paper", "builtin:avatar", "--count", values.count, "--json"],
        {
          encoding: "utf8",
          maxBuffer: 1 << 28,
        },
      )
    : readFileSync(values.from, "utf8");
const { evaluation } = JSON.parse(json);
const { sets } = evaluation;

const number = (x, digits = 2) => (x === null || x === undefined ? "-" : x.toFixed(digits));
const estimate = (e) => (e === null ? "-" : `${number(e.mean)} [${number(e.low)}, ${number(e.high)}]`);
const cell = (text) => text.replaceAll("|", "\\|");
const row = (cells) => `| ${cells.map(cell).join(" | ")} |`;
const table = (header, rows) => [row(header), row(header.map(() => "---")), ...rows.map(row)].join("\n");
/** What is asked of a set: its clauses in one line, and how it is met as a whole. */
const asked = (s) => {
  const texts = s.clauses.filter((c) => c.text !== "all of it").map((c) => c.text);
  return texts.map((t) => (texts.length > 1 && t.includes(" or ") ? `(${t})` : t)).join(" and ");
};
const whole = (s) => s.clauses.at(-1);
const each = (s) =>
  s.clauses.length === 1
    ? ""
    : s.clauses
        .slice(0, -1)
        .map((c) => number(c.labeller?.mean ?? null))
        .join(", ");
const time = (s) => `${number(1000 * s.secondsPerImage.sample, 1)} ms`;

const samples = sets.filter((s) => s.kind === "sample");
const edit = sets.find((s) => s.kind === "edit");
const mean = (prefix) => {
  const rates = samples.filter((s) => s.name.startsWith(prefix)).map((s) => whole(s).labeller.mean);
  return number(rates.reduce((a, b) => a + b, 0) / rates.length, 3);
};
const section = [
  `Each set has ${samples[0].images} images at truncation ${samples[0].truncation}, drawn with ${evaluation.engine} and judged by \`${evaluation.labellers[0].name}\`, which the sampler never sees; [eval.md](eval.md) says what the columns are. Mean share that is met: one attribute ${mean("one_")}, three attributes ${mean("three_")}, four ${mean("four")}.`,
  table(
    [
      "set",
      "asked for",
      "met, by the labeller",
      "unclear to it",
      "its parts",
      "met, by the heads",
      "unconditional",
      "Fréchet",
      "evaluations",
      "sampling, an image",
    ],
    samples.map((s) => [
      `\`${s.name}\``,
      asked(s),
      estimate(whole(s).labeller),
      number(whole(s).unclear),
      each(s),
      number(whole(s).heads?.mean ?? null),
      number(whole(s).prior, 3),
      number(s.frechet.unconditional, 1),
      number(s.evaluations, 0),
      time(s),
    ]),
  ),
  `Two halves of the ${evaluation.reference} unconditional images are ${number(samples[0].frechet.floor, 1)} apart. \`_product\` and \`_lace\` are the two logics; \`by_ode\`, \`by_langevin\` and \`by_pc\` ask for the same with other samplers.`,
  `The edit of ${edit.edit.steps.length} steps, ${edit.images} images: DES ${number(edit.edit.des, 3)}, ID ${number(edit.edit.identity.mean, 3)} [${number(edit.edit.identity.low, 3)}, ${number(edit.edit.identity.high, 3)}] (of different rows ${number(edit.edit.strangers, 3)}), ${number(edit.evaluations, 0)} evaluations.`,
  table(
    ["step", "met before", "met after", "most drift", "score", "ID so far", "met at the end"],
    edit.edit.steps.map((s, k) => [
      s.text,
      number(s.before?.mean ?? null),
      number(s.after?.mean ?? null),
      s.drift === null ? "-" : `${s.drift.attribute} ${number(s.drift.share)}`,
      number(s.score),
      number(s.identity?.mean ?? null, 3),
      estimate(edit.clauses[k].labeller),
    ]),
  ),
].join("\n\n");

const before = readFileSync(file, "utf8");
const [start, end] = ["<!-- suite: written by scripts/results-paper.js -->", "<!-- end of suite -->"];
const [head, rest] = before.split(start);
const tail = rest?.split(end)[1];
if (tail === undefined) throw new Error(`${file} has lost the marks of its generated section`);
const options = { ...(await resolveConfig(file)), filepath: file };
writeFileSync(file, await format(`${head}${start}\n\n${section}\n\n${end}${tail}`, options));
