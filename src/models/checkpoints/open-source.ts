// A model file of any kind, opened. What it is is found by looking inside, never by its name.
// In: the bytes. Out: a Source, sound as far as its kind can be checked without running anything.
import type { CheckpointOptions } from "./checkpoint-model.js";
import { modelError } from "../model-error.js";
import { findInTensors } from "./find-generator.js";
import { boundaryHead, denseHead } from "./head-forms.js";
import { isPickled, readGenerator, readPickledFile, type Checkpoint } from "./import-checkpoint.js";
import { nameOther, OTHER_GENERATORS, weightsAre } from "./name-others.js";
import { METADATA_KEY } from "../pack/pack.js";
import { isNpy, readNpy } from "../formats/npy.js";
import { stateDictOf } from "../formats/state-dict.js";
import { LENGTH_BYTES, readSafetensors, type Safetensors } from "../formats/safetensors.js";

export type Source =
  | Checkpoint
  /** A pack of ours, or a file of heads. `metadata` is its JSON, not checked. */
  | ({ readonly kind: "pack" } & StoredSource)
  | ({ readonly kind: "heads" } & StoredSource)
  /** As it lies there: its weights may be in other files. */
  | { readonly kind: "onnx"; readonly bytes: Uint8Array };

interface StoredSource {
  readonly stored: Safetensors;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Opens a file.
 * Errors   LaceError L5102 to L5106 for damage, limits and names that are not allowed; L5107 if lacec knows no such file; L5109.
 */
export async function openSource(bytes: Uint8Array, file: string, options: CheckpointOptions): Promise<Source> {
  // Safetensors first: the length of its header can begin as a pickle does, a pickle cannot begin as all of this.
  if (isSafetensorsFile(bytes)) return openSafetensors(bytes, file, options);
  if (isNpy(bytes)) return boundaryHead(readNpy(bytes, file), file);
  if (isPickled(bytes)) return readPickledFile(bytes, file, options);
  if (isOnnx(bytes)) return { kind: "onnx", bytes };
  throw modelError("L5107", file, "it is no file of a model that lacec knows", [whatElse(bytes)]);
}

/** Whether the bytes begin as a safetensors file does: a length, then a JSON object. */
export function isSafetensorsFile(bytes: Uint8Array): boolean {
  if (bytes.byteLength <= LENGTH_BYTES || bytes[LENGTH_BYTES] !== 0x7b) return false;
  // A header of 4 GiB or more is none: text would have letters here.
  return bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0;
}

function openSafetensors(bytes: Uint8Array, file: string, options: CheckpointOptions): Source {
  const stored = readSafetensors(bytes, file);
  const text = stored.metadata.get(METADATA_KEY);
  const tensors = text === undefined ? stateDictOf(stored) : new Map<string, never>();
  const found = findInTensors(tensors);
  if (found !== undefined) return readGenerator(found, file, options);
  const head = denseHead(tensors, file);
  if (head !== undefined) return head;
  const other = nameOther(tensors.keys());
  if (other !== undefined) throw modelError("L5107", file, other.what, [other.hint]);
  if (text === undefined)
    throw modelError(
      "L5107",
      file,
      "the safetensors file is no pack of lacec (it has no metadata key 'lace') and no generator that lacec knows",
      [weightsAre(stored.tensors.keys()), OTHER_GENERATORS],
    );
  const metadata = parseObject(text);
  if (metadata === undefined) throw modelError("L5108", file, "the metadata key 'lace' is no JSON object");
  return { kind: "architecture" in metadata ? "pack" : "heads", stored, metadata };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the bytes are fields of a protobuf message, among them the version (1, a number) and the graph (7) of an ONNX model. */
function isOnnx(bytes: Uint8Array): boolean {
  let at = 0;
  let [version, graph] = [false, false];
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return NaN;
  };
  for (let fields = 0; at < bytes.byteLength && fields < 4096; fields++) {
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) {
      if (Number.isNaN(varint())) return false;
      version ||= field === 1;
    } else if (wire === 2) {
      const length = varint();
      at += length;
      graph ||= field === 7;
    } else return false;
  }
  return at === bytes.byteLength && version && graph;
}

/** Second bytes of zlib. */
const COMPRESSED: ReadonlySet<number> = new Set([0x01, 0x5e, 0x9c, 0xda]);

/** What a file that is no model often is. */
function whatElse(bytes: Uint8Array): string {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64)).trimStart().toLowerCase();
  if (start.startsWith("<")) return "it is a page of a web site: download the file itself";
  if (start.startsWith("version https://git-lfs"))
    return "it is a pointer of git-lfs: run `git lfs pull` where it came from";
  if (/^(c[\w.]+\n\w+\n|\(([idl]|lp)|[id]p?\d*\n)/.test(start))
    return "it is a pickle of protocol 0 or 1, as Python 2 wrote them: write it again with protocol 2 or later";
  if (bytes[0] === 0x78 && COMPRESSED.has(bytes[1] ?? 0))
    return "it is compressed, as joblib does it: pickle.dump(joblib.load(FILE), open('head.pkl', 'wb')) writes it plain";
  if (bytes.byteLength < 1024) return "it is very small: compare its size with the original";
  return "lacec reads StyleGAN2 checkpoints (.pkl, .pt), decoders (.onnx), attribute heads (.pt) and its own packs (.safetensors)";
}
