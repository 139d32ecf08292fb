// lacec reproduce: an image made again from the recipe inside it, and compared.
// Exit: 0 the same bytes, or on another engine or version a picture that is close (CLOSE_DB); 1 otherwise.
import { comparePixels, type PixelDifference } from "../runtime/recipe/compare.js";
import { openRecipe, reproduce } from "../app/reproduce.js";
import { nodeHost } from "../node/host.js";
import type { Host } from "../ports/host.js";
import { fileFormat } from "../runtime/plan/path-template.js";
import { lacecVersion, nodeServices } from "../node/services.js";
import { engineName, servicesAsRecorded } from "./engine-name.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
import { terminalProgress } from "./progress.js";
import { printDiagnostics } from "./report.js";
import { readRecipe } from "../app/show.js";

/** Pictures this near look the same. */
const CLOSE_DB = 40;

export interface ReproduceOptions {
  readonly output: string;
  readonly model?: Readonly<Record<string, string>>;
  readonly engine?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export async function reproduceVerb(io: Io, image: string, options: ReproduceOptions): Promise<ExitCode> {
  const host = nodeHost();
  const { sharpCodec } = await import("../node/codec.js");
  const codec = sharpCodec();
  const { bytes, format, recipe } = await readRecipe(host, codec, image);
  const engine = options.engine === undefined ? undefined : engineName(options.engine, io);
  if (engine === undefined && options.engine !== undefined) return EXIT.script;
  const progress = terminalProgress(io, () => host.now());
  const interrupt = onInterrupt(async () => {
    progress.clear();
    await host.close();
  });
  try {
    const opened = await openRecipe(host, recipe, new Map(Object.entries(options.model ?? {})));
    const { plan, diagnostics, sources } = opened.compilation;
    if (plan === undefined) {
      printDiagnostics(diagnostics, sources, io);
      return exitCodeOf(diagnostics);
    }
    const form = plan.saves[recipe.save]?.form;
    const wanted = form === undefined ? format : fileFormat(options.output, form);
    if (wanted === undefined) {
      const possible = form?.kind === "animation" ? ".webp, .gif" : ".png, .webp, .jpg, .avif";
      io.err(`error: ${options.output} has no extension that lacec writes it with: ${possible}\n`);
      return EXIT.script;
    }
    const run = {
      world: (confined: Host) =>
        engine === undefined ? servicesAsRecorded(confined, recipe.engine) : nodeServices(confined, engine),
      lacec: lacecVersion(),
      signal: interrupt.signal,
      ...(options.quiet === true || options.json === true ? {} : { onEvent: progress.onEvent }),
    };
    const made = await reproduce(opened, format, run);
    progress.clear();
    const output = wanted === format ? made.bytes : (await reproduce(opened, wanted, run)).bytes;
    await host.writeAtomic(options.output, output);
    const identical = Buffer.compare(made.bytes, bytes) === 0;
    const difference = identical ? undefined : comparePixels(await codec.decode(bytes), await codec.decode(made.bytes));
    const excused = made.differences.length > 0;
    const close = excused && difference !== undefined && difference.psnr >= CLOSE_DB;
    if (options.json === true) {
      const { psnr, largest, pixels } = difference ?? {};
      const measured = difference && { psnr: Number.isFinite(psnr) ? psnr : null, largest, pixels };
      const { differences } = made;
      io.out(
        `${JSON.stringify({ ok: identical || close, identical, differences, pixels: measured ?? null }, null, 2)}\n`,
      );
    } else {
      for (const sentence of made.differences) io.err(`note: ${sentence}\n`);
      io.out(`${verdict(identical, difference)}\nwrote ${options.output}\n`);
    }
    return identical || close ? EXIT.done : EXIT.missed;
  } finally {
    progress.clear();
    interrupt.stop();
    await host.close();
  }
}

function verdict(identical: boolean, difference: PixelDifference | undefined): string {
  if (identical) return "identical: the same bytes";
  if (difference === undefined) return "different: the pictures differ in size";
  const { psnr, largest, pixels } = difference;
  if (pixels === 0) return "the same pixels, in other bytes";
  return `PSNR ${psnr.toFixed(1)} dB: ${pixels} pixels differ, by ${largest} of 255 at most`;
}
