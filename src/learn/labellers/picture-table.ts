// What is in the files that a script's attributes are from, as far as checking goes: heads by their header, classifiers of pictures by the JSON beside them.
// In: a host, a path. Out: a HeadTable. Invariant: no network is read, so that editors and `check` load nothing that reads one.
import type { HeadTable } from "../../compiler/head-table.js";
import { descriptionBeside } from "../../models/pack/files-beside.js";
import { loadHeadTable } from "../../models/pack/pack.js";
import type { Host } from "../../ports/host.js";
import { failure } from "../../source/diagnostic.js";
import { baseName } from "../../source/public-name.js";
import { checkLabellerSpec, parseLabellerJson, type LabellerSpec } from "./labeller-spec.js";

/**
 * What a classifier of pictures knows, by the JSON beside it.
 * Errors   LaceError L5001 (no such file), L5312 (no JSON, or a wrong one); those of the host.
 */
export async function loadPictureTable(host: Host, file: string): Promise<HeadTable> {
  if (!(await host.exists(file)))
    throw failure("L5001", `there is no file ${file}`, [
      "check the path; paths in a script are relative to the file that names them",
    ]);
  const spec = await readSpec(host, file);
  return { attributes: spec.attributes.map((a) => a.attribute), spaces: [], wDim: 0, looksAt: "image" };
}

/** What is in a file that an attribute is from: a classifier of pictures by its name, else heads. Errors as loadPictureTable and loadHeadTable. */
export function loadScriptTable(host: Host, file: string): Promise<HeadTable> {
  return /\.onnx$/i.test(file) ? loadPictureTable(host, file) : loadHeadTable(host, file);
}

/** The description of a classifier. Errors LaceError L5312. */
export async function readSpec(host: Host, file: string): Promise<LabellerSpec> {
  const { json, path } = await readDescription(host, file);
  return checkLabellerSpec(json, path);
}

/** The JSON beside a network over pictures. Errors LaceError L5312. */
export async function readDescription(
  host: Host,
  file: string,
): Promise<{ readonly json: unknown; readonly path: string }> {
  await host.readRange?.(file, 0, 1); // a host of a recipe learns here where the files lie that are beside it
  const path = descriptionBeside(host, file);
  if (!(await host.exists(path)))
    throw failure("L5312", `there is no ${path}, which says what the outputs of ${baseName(file)} mean`, [
      "docs/labellers.md describes it",
    ]);
  const text = new TextDecoder().decode(await host.readBytes(path));
  return { json: parseLabellerJson(text, path), path };
}
