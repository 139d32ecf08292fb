// Writes a bed of test/bed: a decoder, and the judge of its pictures with its description.
// Run: node scripts/bench.js write-bed FOLDER [--seed 1] [--z-dim 32] [--bend 0.5]
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeBed } from "../test/bed/bed.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    "z-dim": { type: "string", default: "32" },
    bend: { type: "string", default: "0.5" },
  },
});
const [folder = "bed"] = positionals;
const bed = makeBed({ seed: Number(values.seed), zDim: Number(values["z-dim"]), bend: Number(values.bend) });
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "decoder.onnx"), bed.decoder);
writeFileSync(join(folder, "judge.onnx"), bed.judge);
writeFileSync(join(folder, "judge.json"), `${JSON.stringify(bed.description, null, 2)}\n`);
console.log(`wrote decoder.onnx, judge.onnx and judge.json in ${folder}`);
