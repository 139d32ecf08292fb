// A model file of other tools is imported, in a worker: an ONNX decoder becomes a pack that scripts can name, as by `lacec import`.
// In: a file, the addresses of WebAssembly. Out: ImportedModel. Invariants: nothing is sent anywhere; the decoder is tried on WebAssembly, and what it is taken for is said.
import { browserHost } from "../../../src/browser/host.js";
import { openBrowserEngine } from "../../../src/browser/engines.js";
import { importModel } from "../../../src/models/import-model.js";
import { PhaseClock } from "../../../src/ports/events.js";
import { averageStyle } from "../../../src/runtime/draw/average-style.js";
import { examineDecoder } from "../../../src/runtime/services/examine-decoder.js";
import { openOnnxAsGraph } from "../../../src/runtime/services/onnx-graph-model.js";
import { LaceError } from "../../../src/source/diagnostic.js";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";

export interface ImportedModel {
  /** The pack first, then what belongs beside it. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** Sentences: what it was taken for. */
  readonly said: readonly string[];
  /** Why it cannot be imported. */
  readonly trouble?: string;
}

export interface ImportAsked {
  readonly name: string;
  readonly bytes: Uint8Array;
}

async function importFile({ name, bytes }: ImportAsked): Promise<ImportedModel> {
  const host = browserHost({
    read: (path) => Promise.resolve(path === name ? bytes : undefined),
    builtin: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
  });
  const opened = await openBrowserEngine({ engine: "tfjs-wasm", wasm: { simd, threaded } });
  const engine = { ...opened.engine, dispose: () => Promise.resolve() };
  const ranges: string[] = [];
  const { files, assumed } = await importModel(
    host,
    name,
    {
      out: name.replace(/\.[^.]*$/, ".safetensors"),
      ...{ heads: [], attributes: [], lacec: LACEC_VERSION },
      averageStyle: (mapping, zDim) => averageStyle(engine, mapping, zDim),
      examineDecoder: async (decoder, path) => {
        const { seen, ...facts } = await examineDecoder(await openOnnxAsGraph(decoder, engine), path, {});
        const range = seen.map((v) => v.toFixed(2)).join(" to ");
        ranges.push(`trial images hold ${range}: taken as ${facts.outputRange.join("..")}`);
        return facts;
      },
    },
    new PhaseClock(
      () => host.now(),
      () => undefined,
    ),
  );
  return { files, said: [...ranges, ...assumed] };
}

/** Imports. What goes wrong is said in the answer. */
export async function importDropped(asked: ImportAsked): Promise<ImportedModel> {
  try {
    return await importFile(asked);
  } catch (error) {
    const trouble =
      error instanceof LaceError
        ? error.diagnostics.map((d) => [d.message, ...d.hints].join("; ")).join("\n")
        : String(error);
    return { files: [], said: [], trouble };
  }
}
