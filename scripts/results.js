// npm run results: the composition examples under both logics, counted by the labeller that ships; writes docs/results.md.
// In: CASES and the built library. Out: a table. Each case has SAMPLES samples of each of SEEDS, the same noise under both logics.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../dist/lib/node.js";

const SAMPLES = 16;
const SEEDS = [1, 2];
const ENGINE = "onnx-cpu";
/** Conditions of the examples and docs/language.md that both logics can say. */
const CASES = [
  "glasses and smile",
  "glasses and not hat and smile and hair is brown",
  "glasses and beard and hat and hair is red",
  "hat or glasses",
  "hat or (glasses and not smile)",
  "not (glasses or hat)",
  "(hair is red or hair is blond) and not smile",
  "(hat or (glasses and not smile)) and not (beard and hair is black)",
];

const folder = mkdtempSync(join(tmpdir(), "lace-results-"));
const rows = [];
for (const energy of CASES) {
  const row = { energy, product: [0, 0, 0, 0], lace: [0, 0, 0, 0] };
  for (const logic of ["product", "lace"]) {
    for (const seed of SEEDS) {
      const script = join(folder, "case.lace");
      writeFileSync(
        script,
        `lace 1\nmodel avatar from "builtin:avatar"\nsample faces from avatar { where ${energy} count ${SAMPLES} seed ${seed} logic ${logic} }\nexpect faces: ${energy} >= 0\n`,
      );
      const { expectations, tasks } = await run(script, { out: folder, engine: ENGINE });
      const [{ heads, labeller }] = expectations;
      row[logic][0] += heads.satisfied;
      row[logic][1] += labeller.satisfied;
      row[logic][3] += labeller.unclear;
      row[logic][2] += tasks[0].samples.reduce((n, s) => n + s.evaluations, 0);
    }
  }
  rows.push(row);
}
rmSync(folder, { recursive: true });

const total = SAMPLES * SEEDS.length;
const percent = (n, of) => `${((100 * n) / of).toFixed(1)}%`;
const sum = (logic, k) => rows.reduce((n, r) => n + r[logic][k], 0);
const line = (name, get, of) =>
  `| ${name} | ${["product", "lace"].map((l) => `${percent(get(l, 1), of)} | ${percent(get(l, 3), of)} | ${percent(get(l, 0), of)} | ${Math.round(get(l, 2) / of)}`).join(" | ")} |`;
const better = sum("product", 1) >= sum("lace", 1) ? "product" : "lace";
const other = better === "product" ? "lace" : "product";
const exceptions = rows.filter((r) => r[other][1] > r[better][1]);
const difference = Math.abs(sum("product", 1) - sum("lace", 1));
writeFileSync(
  new URL("../docs/results.md", import.meta.url),
  `# Results

## \`logic product\` and \`logic lace\` side by side

${total} samples of each condition (seeds ${SEEDS.join(" and ")}, ${SAMPLES} each, the same noise under both logics), drawn with the defaults from \`builtin:avatar\` on \`${ENGINE}\`; the
share of images that satisfy the whole condition, by the independent labeller (and the share that is unclear to it, which does not count) and by the heads, and evaluations of the gradient a sample. \`npm run results\` makes this page.

| condition | product: labeller | unclear | heads | evaluations | lace: labeller | unclear | heads | evaluations |
|---|---|---|---|---|---|---|---|---|
${rows.map((r) => line(`\`${r.energy}\``, (l, k) => r[l][k], total)).join("\n")}
${line("**all**", sum, total * rows.length)}

By the labeller \`logic ${better}\` satisfies more: ${sum(better, 1)} images of ${total * rows.length} against ${sum(other, 1)} (${difference} apart). The default is \`logic product\`${better === "product" ? ", which measures better" : ""}.
${exceptions.length === 0 ? "" : `\nThe other logic satisfies more of ${exceptions.map((r) => `\`${r.energy}\``).join(", ")}.\n`}`,
);
