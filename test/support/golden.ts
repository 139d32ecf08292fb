// The golden numbers beside the repository (../shared/golden), as the tests take them.
// In: files of the reference implementation. Out: weights, attribute tables, cases and expected arrays.
// Invariants: nothing is read until a test asks; tests skip, visibly, where `GOLDEN_PRESENT` is false.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { EnergyWeights } from "../../src/compiler/weights.js";
import { readLaceHead, readLaceMapping } from "../../src/models/checkpoints/lace-heads.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { readTorchZip } from "../../src/models/formats/torch-zip.js";

const GOLDEN = fileURLToPath(new URL("../../../shared/golden/", import.meta.url));

/** False where only the repository is there, without the golden data beside it. Use with `describe.skipIf(!GOLDEN_PRESENT)`. */
export const GOLDEN_PRESENT = existsSync(GOLDEN);

/** The bytes of a golden file, such as "lace-tiny/mapping.pt". */
export function goldenBytes(name: string): Uint8Array {
  return readFileSync(GOLDEN + name);
}

export interface Expected {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Arrays of a golden .safetensors file by name, in float64. Fails on a name that is not there. */
export function goldenArrays(name: string): (key: string) => Expected {
  const stored = readSafetensors(goldenBytes(name), name);
  return (key) => {
    const found = stored.tensor64(key);
    if (found === undefined)
      throw new Error(`${name} has no '${key}'; it has ${[...stored.tensors.keys()].join(", ")}`);
    return found;
  };
}

/** One case of cases.json. `targets` and `expr` index into `attributes`, which may repeat; `indices` are their rows of the table. */
export interface GoldenCase {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly indices: readonly number[];
  readonly targets: readonly number[];
  readonly truncation: number;
  readonly batch: number;
  readonly reference_nfe: number;
  readonly expr?: string;
}
interface CasesFile {
  readonly latent_dim: number;
  readonly sigma: number;
  readonly classes: Readonly<Record<string, number>>;
  readonly cases: readonly Omit<GoldenCase, "indices">[];
  readonly langevin: { readonly case: string; readonly steps: number; readonly step: number; readonly noise: number };
  readonly pc: {
    readonly case: string;
    readonly steps: number;
    readonly corrector: number;
    readonly snr: number;
    readonly beta_min: number;
    readonly beta_max: number;
  };
  readonly edit?: Readonly<Record<string, unknown>>;
}
export interface GoldenLace {
  readonly attributes: readonly Attribute[];
  readonly weights: EnergyWeights;
  readonly cases: readonly GoldenCase[];
  readonly langevin: CasesFile["langevin"];
  readonly pc: CasesFile["pc"];
  /** Settings of the edit as cases.json has them. */
  readonly edit: CasesFile["edit"];
  readonly expected: (key: string) => Expected;
}

/**
 * The golden LACE models: `dir` is "lace-tiny" or "lace-ffhq-scale". Heads and attributes are in the order of `classes` in cases.json;
 * classes of a category are named "0", "1", ...; scalars are in 0..1.
 */
export async function loadGoldenLace(dir: "lace-tiny" | "lace-ffhq-scale"): Promise<GoldenLace> {
  const file = JSON.parse(new TextDecoder().decode(goldenBytes(`${dir}/cases.json`))) as CasesFile;
  const names = Object.keys(file.classes);
  const pickle = (name: string) => readTorchZip(goldenBytes(`${dir}/${name}`), name);
  return {
    attributes: names.map((name) => attributeOf(name, file.classes[name]!, file.sigma)),
    weights: {
      zDim: file.latent_dim,
      mapping: readLaceMapping(await pickle("mapping.pt"), "mapping.pt"),
      heads: await Promise.all(
        names.map(async (name) => readLaceHead(await pickle(`classifier_${name}.pt`), name, `classifier_${name}.pt`)),
      ),
    },
    cases: file.cases.map((c) => ({ ...c, indices: c.attributes.map((name) => names.indexOf(name)) })),
    langevin: file.langevin,
    pc: file.pc,
    edit: file.edit,
    expected: goldenArrays(`${dir}/expected.safetensors`),
  };
}

function attributeOf(name: string, logits: number, sigma: number): Attribute {
  if (logits === 1) return { name, type: "scalar", min: 0, max: 1, sigma };
  if (logits === 2) return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
  return { name, type: "category", classes: Array.from({ length: logits }, (_, i) => `${i}`), temperature: 1 };
}
