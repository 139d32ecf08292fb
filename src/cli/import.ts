// lacec import: a checkpoint, a decoder or attribute heads -> a pack (or a file of heads) that scripts can name.
// Invariant: nothing is written before everything has been read and checked; the source is never written to.
import { resolve } from "node:path";
import type { Attribute } from "../compiler/attribute.js";
import { PhaseClock } from "../ports/events.js";
import { nodeHost } from "../node/host.js";
import { describeFile } from "../models/describe-model.js";
import { parseAttribute, type HeadRequest } from "../models/checkpoints/head-source.js";
import { importModel } from "../models/import-model.js";
import { lacecVersion } from "../node/services.js";
import { LaceError } from "../source/diagnostic.js";
import { printDescription } from "./describe.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
import { terminalProgress } from "./progress.js";
import { printDiagnostics } from "./report.js";

export interface ImportOptions {
  readonly output?: string;
  readonly name?: string;
  readonly licence?: string;
  readonly heads?: readonly string[];
  readonly attribute?: readonly string[];
  readonly float16?: boolean;
  readonly slope?: number;
  readonly latent?: number;
  readonly clip?: readonly [number, number];
  readonly range?: readonly [number, number];
  readonly layout?: "nchw" | "nhwc";
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export async function importVerb(io: Io, file: string, options: ImportOptions): Promise<ExitCode> {
  const out = options.output ?? `${file.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "")}.safetensors`;
  const mistake = usageMistake(file, out);
  if (mistake !== undefined) {
    io.err(`error: ${mistake}\n`);
    return EXIT.script;
  }
  const attributes = readAttributes(options.attribute ?? [], io);
  if (attributes === undefined) return EXIT.script;
  const host = nodeHost();
  const progress = terminalProgress(io, () => host.now());
  const interrupt = onInterrupt(async () => {
    await host.close();
    progress.clear();
    io.err("interrupted; nothing was written\n");
  });
  const silent = options.quiet === true || options.json === true;
  const clock = new PhaseClock(() => host.now(), silent ? () => undefined : progress.onEvent);
  const { name, licence, latent, clip, range, layout } = options;
  try {
    const { files, assumed } = await importModel(
      host,
      file,
      {
        out,
        ...(name !== undefined && { name }),
        ...(licence !== undefined && { licence }),
        heads: (options.heads ?? []).map(headRequest),
        attributes,
        ...(options.float16 === true && { dtype: "F16" }),
        averageStyle: async (...task) => (await import("../node/average-style.js")).averageStyleHere(...task),
        ...(options.slope !== undefined && { slope: options.slope }),
        examineDecoder: async (bytes, path) => {
          const { examineDecoder } = await import("../node/engines/decoder.js");
          const facts = await examineDecoder(bytes, path, { latent, clip, outputRange: range, layout });
          const { seen, ...rest } = facts;
          if (!silent && range === undefined)
            io.err(
              `  trial images hold ${seen.map((v) => v.toFixed(2)).join(" to ")}: taken as ${rest.outputRange.join("..")} (--range says otherwise)\n`,
            );
          return rest;
        },
        lacec: lacecVersion(),
      },
      clock,
    );
    await clock.run("write", {}, async () => {
      // The pack comes last: once it is there, what it names is there too.
      for (const { path, bytes } of [...files].reverse()) {
        if (resolve(path) !== resolve(file)) await host.writeAtomic(path, bytes);
      }
    });
    progress.clear();
    const description = await describeFile(host, out);
    if (options.json === true) {
      io.out(`${JSON.stringify({ wrote: files.map((f) => f.path), assumed, ...description }, null, 2)}\n`);
      return EXIT.done;
    }
    if (options.quiet !== true) {
      printDescription(description, io);
      io.out(assumed.map((what) => `\nassumed: ${what}`).join(""));
      io.out(`\n${files.map((f) => `wrote ${f.path}`).join("\n")}\n`);
    }
    return EXIT.done;
  } finally {
    progress.clear();
    interrupt.stop();
    await host.close();
  }
}

function usageMistake(file: string, out: string): string | undefined {
  if (!out.endsWith(".safetensors")) return `the output ${out} must end in .safetensors`;
  if (resolve(out) === resolve(file)) return `${out} is the file that is to be imported; name another with -o`;
  return undefined;
}

function readAttributes(texts: readonly string[], io: Io): readonly Attribute[] | undefined {
  try {
    return texts.map(parseAttribute);
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    printDiagnostics(error.diagnostics, new Map(), io);
    return undefined;
  }
}

/** `FILE` or `NAME=FILE`. */
function headRequest(text: string): HeadRequest {
  const [, name, file] = /^([A-Za-z_]\w*)=(.+)$/.exec(text) ?? [];
  return name === undefined || file === undefined ? { file: text } : { name, file };
}
