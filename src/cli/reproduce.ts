// lacec reproduce: an image made again from the recipe inside it, and compared.
// Exit: 0 the same bytes, or on another engine or version a picture that is close; 1 otherwise.
import { reproduceImage, type PixelDifference } from "../app/reproduce-image.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

interface ReproduceFlags extends Flags {
  readonly output?: string;
  readonly model?: Readonly<Record<string, string>>;
  readonly engine?: string;
}

/** `lacec reproduce IMAGE` */
export const reproduceCommand = command({}, async ({ io, platform, watch }, image: string, options: ReproduceFlags) => {
  const { output, model: models = {}, engine, json } = options;
  const { ok, identical, differences, pixels } = await reproduceImage(platform, image, {
    ...watch,
    models,
    ...(output !== undefined && { output }),
    ...(engine !== undefined && { engine: engineChoice(engine) }),
  });
  if (json === true) {
    const { psnr = NaN, largest, pixels: differing } = pixels ?? {};
    const measured = pixels && { psnr: Number.isFinite(psnr) ? psnr : null, largest, pixels: differing };
    io.out(`${JSON.stringify({ ok, identical, differences, pixels: measured ?? null }, null, 2)}\n`);
  } else {
    for (const sentence of differences) io.err(`note: ${sentence}\n`);
    io.out(`${verdict(identical, pixels)}\n`);
    if (output !== undefined) io.out(`wrote ${output}\n`);
  }
  return ok ? EXIT.done : EXIT.missed;
});

function verdict(identical: boolean, difference: PixelDifference | undefined): string {
  if (identical) return "identical: the same bytes";
  if (difference === undefined) return "different: the pictures differ in size";
  const { psnr, largest, pixels } = difference;
  if (pixels === 0) return "the same pixels, in other bytes";
  return `PSNR ${psnr.toFixed(1)} dB: ${pixels} pixels differ, by ${largest} of 255 at most`;
}
