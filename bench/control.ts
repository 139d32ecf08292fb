// What heads are worth to a sampler, by an exact judge: requests of one and of three attributes on a bed of test/bed.
// Run: node scripts/bench.js control FOLDER [--rows 2000] [--count 64] [--train "FLAGS"]... [--json]      after npm run build
//      with --generator FILE.onnx: a generator of photographs of 64 px in place of the bed, judged by rules on pixels (test/bed/photographs.ts)
// In: the number of rows to label, flags of `lacec train`, each a line of the table. Out: the share of pictures that satisfy, by the judge and by the heads.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bedFolder } from "./bed-folder.js";
import { PHOTOGRAPH_REQUESTS } from "../test/bed/photographs.js";
import { REQUESTS } from "../test/bed/requests.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "2000" },
    count: { type: "string", default: "64" },
    train: { type: "string", multiple: true, default: [""] },
    sampler: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    "z-dim": { type: "string", default: "32" },
    generator: { type: "string" },
    bend: { type: "string", default: "0.5" },
    json: { type: "boolean", default: false },
  },
});
const [folder = "bed"] = positionals;
const { data, lacec } = bedFolder(
  folder,
  values.generator !== undefined
    ? { generator: values.generator }
    : { seed: Number(values.seed), zDim: Number(values["z-dim"]), bend: Number(values.bend) },
  values.rows,
);

const GROUPS = values.generator === undefined ? REQUESTS : PHOTOGRAPH_REQUESTS;

interface Share {
  readonly mean: number;
}
interface Measured {
  readonly name: string;
  readonly clauses: readonly { readonly labeller: Share; readonly heads: Share; readonly prior: number }[];
}
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
values.train.forEach((flags, k) => {
  const pack = `own-${values.rows}-${k}.safetensors`;
  const began = Date.now();
  lacec("train", data, "--into", "bed.safetensors", "-o", pack, "-q", ...flags.split(" ").filter((f) => f !== ""));
  const seconds = (Date.now() - began) / 1000;
  const sets = Object.entries(GROUPS).flatMap(([group, wishes]) =>
    wishes.map(
      (wish, n) => `sample ${group}_${n} from own { where ${wish}  count ${values.count}  seed 5 ${values.sampler} }`,
    ),
  );
  writeFileSync(join(folder, "requests.lace"), `lace 1\nmodel own from "${pack}"\n${sets.join("\n")}\n`);
  const text = lacec("eval", "requests.lace", "--labeller", "judge.onnx", "--reference", "1000", "--json", "-q");
  const all = (JSON.parse(text) as { evaluation: { sets: Measured[] } }).evaluation.sets;
  for (const [group, wishes] of Object.entries(GROUPS)) {
    const own = wishes.map((wish, n) => {
      const clause = all.find((s) => s.name === `${group}_${n}`)!.clauses.at(-1)!;
      return { wish, exact: clause.labeller.mean, heads: clause.heads.mean, prior: clause.prior };
    });
    if (values.json) console.log(JSON.stringify({ flags, rows: values.rows, group, own }));
    else {
      const low = [...own].sort((a, b) => a.exact - b.exact).slice(0, 3);
      console.log(
        `${(flags === "" ? "default" : flags).padEnd(44)} ${group.padEnd(5)} exact ${mean(own.map((o) => o.exact)).toFixed(3)}  heads ${mean(own.map((o) => o.heads)).toFixed(3)}  prior ${mean(own.map((o) => o.prior)).toFixed(3)}  train ${seconds.toFixed(0)} s  least: ${low.map((o) => `${o.wish} ${o.exact.toFixed(2)}`).join("; ")}`,
      );
    }
  }
});
