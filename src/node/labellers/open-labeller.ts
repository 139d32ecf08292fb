// The labeller that `--labeller` names: the model's own, `faces`, `clip` with its prompts, or a classifier in an .onnx file with its JSON
// beside it.
// In: a choice and a host. Out: a Labeller, or a LaceError that says what is missing.
import { basename } from "node:path";
import { failure } from "../../source/diagnostic.js";
import type { ExaminedLabeller, LabellerChoice } from "../../app/platform.js";
import type { Labeller, Services } from "../../runtime/services/services.js";
import type { Host } from "../../ports/host.js";
import type { Model } from "../../models/model.js";
import { wholeOnnx } from "../../models/onnx-file.js";
import { checkLabellerSpec, parseLabellerJson, type LabellerSpec } from "../../learn/labellers/labeller-spec.js";
import { openOnnxLabeller } from "../../learn/labellers/onnx-labeller.js";
import { openOnnxModel } from "../engines/open-onnx-model.js";
import { parsePrompts, promptLines } from "../../learn/labellers/prompts.js";

/**
 * Opens a labeller.
 *
 * Errors   LaceError L5312 (no labeller, or a wrong description), L5314, L5316, L50xx, L5110, L5202.
 */
export async function openLabeller(services: Services, model: Model, choice: LabellerChoice): Promise<Labeller> {
  const { host } = services;
  const { labeller: name, prompts = [], clipModel = "" } = choice;
  if (name === undefined) {
    const own = await services.openLabeller(model);
    if (own !== undefined) return own;
    throw failure("L5312", `the model '${model.info.name}' has no labeller of its own`, [
      "bring a classifier with --labeller FILE.onnx, or labels with --labels FILE.csv (--export DIR writes the images for labelling)",
    ]);
  }
  if (name === "faces") return (await import("./faces.js")).openFaceLabeller(choice.findFaces);
  if (name === "clip") {
    const attributes = parsePrompts(await allLines(host, prompts));
    return (await import("./clip.js")).openClipLabeller(clipModel, attributes);
  }
  const { spec, bytes, sha256 } = await readLabeller(host, name);
  return openOnnxLabeller(await openOnnxModel(bytes), spec, { name: basename(name), sha256 });
}

/**
 * Reads a classifier with the JSON beside it, and opens it to see that they belong together: what goes into a pack.
 *
 * Errors   LaceError L5312, L50xx, L5112, L5202.
 */
export async function examineLabeller(host: Host, file: string): Promise<ExaminedLabeller> {
  const { spec, json, bytes, sha256 } = await readLabeller(host, file);
  const labeller = await openOnnxLabeller(await openOnnxModel(bytes), spec, { name: basename(file), sha256 });
  await labeller.dispose();
  return { bytes, sha256, description: { ...(json as object) } };
}

/** A classifier in an .onnx file, whole, and what the JSON beside it says. */
async function readLabeller(
  host: Host,
  name: string,
): Promise<{
  readonly spec: LabellerSpec;
  readonly json: unknown;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}> {
  if (!name.endsWith(".onnx"))
    throw failure("L5312", `there is no labeller ${name}`, ["give the path of an .onnx file, `faces` or `clip`"]);
  const description = name.replace(/\.onnx$/, ".json");
  if (!(await host.exists(description)))
    throw failure("L5312", `there is no ${description}, which says what the outputs of ${basename(name)} mean`, [
      "docs/labellers.md describes it",
    ]);
  const json = parseLabellerJson(await host.readText(description), description);
  const spec = checkLabellerSpec(json, description);
  const { bytes } = await wholeOnnx(host, name, await host.readBytes(name));
  return { spec, json, bytes, sha256: await host.sha256(bytes) };
}

/** Lines as they are given; where a path is given, those of the file. */
async function allLines(host: Host, prompts: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const text of prompts)
    if (text.endsWith(".txt") && !text.includes("|")) lines.push(...promptLines(await host.readText(text)));
    else lines.push(text);
  if (lines.length === 0) throw failure("L5312", `there are no prompts in ${prompts.join(", ")}`);
  return lines;
}
