// The labeller that `--labeller` names: the model's own, `faces`, or a classifier in an .onnx file
// with its JSON beside it.
// In: a name and a host. Out: a Labeller, or a LaceError that says what is missing.
import { basename } from "node:path";
import { failure } from "../../source/diagnostic.js";
import type { Labeller, Services } from "../execute/services.js";
import type { Model } from "../model/model.js";
import { parseLabellerSpec } from "./labeller-spec.js";
import { openOnnxLabeller } from "./onnx-labeller-node.js";

/**
 * Opens a labeller. `name` undefined: the model's own.
 *
 * Errors   LaceError L5312 (no labeller, or a wrong description), L50xx, L5110, L5202.
 */
export async function openLabeller(services: Services, model: Model, name: string | undefined): Promise<Labeller> {
  const { host } = services;
  if (name === undefined) {
    const own = await services.openLabeller(model);
    if (own !== undefined) return own;
    throw failure("L5312", `the model '${model.info.name}' has no labeller of its own`, [
      "bring a classifier with --labeller FILE.onnx, or labels with --labels FILE.csv (--export DIR writes the images for labelling)",
    ]);
  }
  if (name === "faces") return (await import("./faces-node.js")).openFaceLabeller();
  if (!name.endsWith(".onnx"))
    throw failure("L5312", `there is no labeller ${name}`, ["give the path of an .onnx file, or `faces`"]);
  const bytes = await host.readBytes(name);
  const description = name.replace(/\.onnx$/, ".json");
  if (!(await host.exists(description)))
    throw failure("L5312", `there is no ${description}, which says what the outputs of ${basename(name)} mean`, [
      "docs/labellers.md describes it",
    ]);
  const spec = parseLabellerSpec(await host.readText(description), description);
  return openOnnxLabeller(bytes, spec, { name: basename(name), sha256: await host.sha256(bytes) });
}
