// An .onnx file as one whole: weights that lie in files beside it are read here and taken in, so that nothing else has to follow a path.
// In: a Host, a path, its bytes. Out: bytes that name no file, and the files that they were made from.
// Invariants: a file is read only if it lies in the model's own folder, links followed; its tensors lie inside it, one behind another.
import { baseName } from "../source/public-name.js";
import { failure, type LaceError } from "../source/diagnostic.js";
import type { Host } from "../ports/host.js";
import { modelError } from "./model-error.js";
import {
  externalTensors,
  LARGEST_MODEL,
  OnnxDamage,
  withDataInside,
  type ExternalTensor,
} from "./formats/onnx-weights.js";

export interface WholeOnnx {
  /** The model, with all its weights. */
  readonly bytes: Uint8Array;
  /** The files beside it that held weights, as the model names them. */
  readonly parts: readonly { readonly file: string; readonly sha256: string }[];
}

/**
 * Makes a model whole.
 *
 *   const { bytes } = await wholeOnnx(host, "generator.onnx", await host.readBytes("generator.onnx"));
 *
 * Errors   LaceError L5202 if the bytes are no ONNX model; L5112 if it names a file that is missing, outside its folder or too short;
 *          those of the host.
 */
export async function wholeOnnx(host: Host, file: string, bytes: Uint8Array): Promise<WholeOnnx> {
  const tensors = external(bytes, file);
  if (tensors.length === 0) return { bytes, parts: [] };
  const contents = new Map<string, Uint8Array>();
  for (const location of new Set(tensors.map((t) => t.location)))
    contents.set(location, await readBeside(host, file, location));
  checkFit(tensors, contents, bytes.byteLength, file);
  const data = tensors.map(({ location, offset, size }) => {
    return (contents.get(location) ?? new Uint8Array(0)).subarray(offset, offset + size);
  });
  const parts = await Promise.all(
    [...contents].map(async ([name, content]) => ({ file: name, sha256: await host.sha256(content) })),
  );
  return { bytes: withDataInside(bytes, data), parts };
}

/** Refuses a model that names other files. Errors LaceError L5202. */
export function checkWhole(bytes: Uint8Array, file = "the ONNX model"): void {
  const [first] = external(bytes, file);
  if (first === undefined) return;
  throw failure(
    "L5202",
    `${file} cannot be opened: its tensor '${first.name}' lies in another file, '${first.location}'`,
    ["lacec opens no file that a model names: `lacec import FILE.onnx` takes the weights in that lie beside it"],
  );
}

function external(bytes: Uint8Array, file: string): readonly ExternalTensor[] {
  return readingOnnx(() => externalTensors(bytes), file);
}

/** What `read` gives; damage that it finds is LaceError L5202. */
export function readingOnnx<T>(read: () => T, file = "the ONNX model"): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OnnxDamage) throw failure("L5202", `${file} cannot be opened: ${error.message}`);
    throw error;
  }
}

async function readBeside(host: Host, file: string, location: string): Promise<Uint8Array> {
  if (!isPlainPath(location)) throw outside(file, location);
  const path = host.resolve(file, location);
  if (!(await host.exists(path)))
    throw modelError("L5112", file, `its weights lie in '${location}', which is not beside it`, [
      "download that file too, and put it into the same folder",
    ]);
  if (!(await liesBeside(host, file, path))) throw outside(file, location);
  return host.readBytes(path);
}

/** Whether a file lies in the folder of the model: in the one that it is named in, or in the one that a link to it leads to. */
async function liesBeside(host: Host, file: string, path: string): Promise<boolean> {
  if (host.realPath === undefined) return true;
  const own = host.resolve(file, baseName(file));
  const real = await host.realPath(path);
  const folders = [await host.realPath(folderOf(own)), folderOf(await host.realPath(own))];
  return folders.some((folder) => real.startsWith(folder.endsWith("/") ? folder : `${folder}${separatorOf(real)}`));
}

/** Names of folders and a file, with no way up and nothing that a host might take for more. */
function isPlainPath(location: string): boolean {
  if (location.length > 1024 || /[\p{Cc}\\:]/u.test(location)) return false;
  return location.split("/").every((part, i) => part !== ".." && part !== "" && (part !== "." || i === 0));
}

function outside(file: string, location: string): LaceError {
  return modelError("L5112", file, `it asks for the file '${location}', which is not in its folder`, [
    "a model may name files in its own folder only; this one may be made to read others of yours",
  ]);
}

function checkFit(
  tensors: readonly ExternalTensor[],
  contents: ReadonlyMap<string, Uint8Array>,
  rest: number,
  file: string,
): void {
  const used = new Map<string, number>();
  for (const { name, location, offset, size, length } of tensors) {
    const there = contents.get(location)?.byteLength ?? 0;
    if (length !== undefined && length !== size)
      throw modelError("L5112", file, `the tensor '${name}' needs ${size} bytes, the model says ${length}`);
    if (offset + size > there)
      throw modelError(
        "L5112",
        file,
        `the tensor '${name}' ends at byte ${offset + size} of '${location}', which has ${there}`,
        ["the two files do not belong together, or one is cut off"],
      );
    const sum = (used.get(location) ?? 0) + size;
    if (sum > there)
      throw modelError("L5112", file, `its tensors use more bytes of '${location}' than there are: ${there}`);
    used.set(location, sum);
  }
  const total = [...used.values()].reduce((a, b) => a + b, rest);
  if (total > LARGEST_MODEL)
    throw modelError(
      "L5112",
      file,
      `with its weights it has ${total} bytes; ${LARGEST_MODEL} are the most of one ONNX file`,
    );
}

function folderOf(path: string): string {
  return path.replace(/[/\\][^/\\]*$/, "") || "/";
}

function separatorOf(path: string): string {
  return path.includes("\\") && !path.includes("/") ? "\\" : "/";
}
