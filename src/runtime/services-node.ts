// The services of Node: engines by name, packs from disk, labellers on onnxruntime, sharp.
// Invariant: every library is imported when it is first asked for, so that a caller who only checks scripts loads none of them.
import type { ScriptIdentity } from "./execute/record.js";
import type { Labeller, Services } from "./execute/services.js";
import type { EngineName } from "./engine/engine.js";
import type { Host } from "./host.js";
import { checkWritable } from "./host-node.js";
import type { Program } from "../compiler/link.js";
import type { RgbImage } from "./image/rgb.js";
import { addHeads, loadLabeller, loadPack } from "./model/pack.js";
import { failure } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { readFileSync } from "node:fs";

/** Services on this machine with the engine that was asked for. */
export function nodeServices(host: Host, engine: EngineName | "auto"): Services {
  return {
    host,
    openEngine: async () => (await import("./engine/open-node.js")).openEngine(engine),
    loadModel: async ({ reference, heads }) => addHeads(host, await loadPack(host, reference), heads),
    openLabeller: async (model) => {
      const bytes = await loadLabeller(host, model);
      return bytes === undefined ? undefined : openOnnxLabeller(bytes, model.info.resolution);
    },
    prepareOutput: checkWritable,
    openCodec: async () => (await import("./image/codec-node.js")).sharpCodec(),
  };
}

/** Version of this lacec, from its package.json. */
export function lacecVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Names and hashes of a script and what it imports. */
export async function identifyScript(host: Host, program: Program): Promise<ScriptIdentity> {
  const hashed = async (path: string): Promise<{ file: string; sha256: string }> => {
    const text = program.sources.get(path);
    if (text === undefined) throw new InternalError(`no text of ${path}`);
    return { file: path, sha256: await host.sha256(new TextEncoder().encode(text)) };
  };
  const imports = program.files.filter((f) => f !== program.entry);
  return {
    lacec: lacecVersion(),
    script: await hashed(program.entry.path),
    imports: await Promise.all(imports.map((f) => hashed(f.path))),
  };
}

/** The labeller of docs/packs.md: input `image` [n, 3, R, R] in [-1, 1], output `logits` [n, K]. */
async function openOnnxLabeller(bytes: Uint8Array, resolution: number): Promise<Labeller> {
  const { openOnnxModel } = await import("./engine/onnx-model-node.js");
  const model = await openOnnxModel(bytes);
  return {
    label: async (images) => {
      const { logits } = await model.run({
        image: { data: toPlanes(images, resolution), dims: [images.length, 3, resolution, resolution] },
      });
      if (logits === undefined)
        throw failure("L5110", "the labeller has no output called `logits`", [
          "docs/packs.md says what a labeller looks like",
        ]);
      return logits.data;
    },
    dispose: () => model.dispose(),
  };
}

/** Bytes, pixel by pixel, to numbers in [-1, 1], plane by plane: [n, 3, R, R]. */
function toPlanes(images: readonly RgbImage[], resolution: number): Float32Array {
  const pixels = resolution * resolution;
  const planes = new Float32Array(images.length * 3 * pixels);
  images.forEach(({ data }, n) => {
    for (let p = 0; p < pixels; p++) {
      for (let c = 0; c < 3; c++) planes[(n * 3 + c) * pixels + p] = (data[p * 3 + c] ?? 0) / 127.5 - 1;
    }
  });
  return planes;
}
