// An ONNX decoder z -> image, run as if it were a synthesis graph.
// In: the opened file and what its pack says of it. Out: an Executable with input `ws` and output `pixels`, as buildSynthesis gives.
// Invariants: z is clipped before it goes in; a file that fixes its batch is run in batches of that size, padded with zeros; the images of a run have one
// truncation.
import type { Executable } from "../../compiler/graph/graph.js";
import { failure } from "../../source/diagnostic.js";
import { PIXEL_UNITS } from "../../compiler/build/image-parts.js";
import { imageSizeOf, type ModelInfo } from "../../compiler/attribute.js";
import type { Decoder } from "../../compiler/decoder.js";
import { feedsOf } from "../../compiler/decoder.js";
import { clipped } from "./decoder-inputs.js";
import type { OnnxModel } from "./onnx-model.js";

/**
 * Opens a decoder.
 *
 * Shapes   input `ws` [rows, 1, zDim], any rows, and, where the decoder truncates, `truncation` [rows]; outputs `pixels` [rows, H, W], each by `PIXEL_UNITS`, and, of 4 channels, `alpha` [rows, H, W].
 * Errors   from run, LaceError L5203 if it does not do what its pack says.
 * Owns     the model, from now on; the caller disposes the executable.
 */
export function openDecoder(
  model: OnnxModel,
  decoder: Omit<Decoder, "sha256">,
  info: Pick<ModelInfo, "zDim" | "resolution" | "imageSize">,
): Executable {
  const { zDim } = info;
  const { width, height } = imageSizeOf(info);
  const area = width * height;
  const size = area * decoder.channels;
  return {
    async run({ ws = new Float32Array(0), truncation }) {
      const rows = ws.length / zDim;
      const pixels = new Float32Array(rows * area);
      const alpha = decoder.channels === 4 ? new Float32Array(rows * area) : undefined;
      const batch = decoder.batch ?? (truncation === undefined ? rows : 1);
      const step = truncation === undefined ? batch : 1;
      for (let start = 0; start < rows; start += step) {
        const used = Math.min(step, rows - start);
        const z = new Float32Array(batch * zDim);
        z.set(ws.subarray(start * zDim, (start + used) * zDim));
        const data = await runBatch(model, decoder, { z: clipped(z, decoder.clip), batch, psi: truncation?.[start] });
        if (data.length !== batch * size)
          throw failure(
            "L5203",
            `${decoder.file}: its output \`${decoder.output}\` has ${data.length} numbers, not ${batch * size}`,
          );
        const bytesOf = toBytes(data.subarray(0, used * size), decoder, area);
        for (let i = 0; i < used * area; i++) {
          pixels[start * area + i] = PIXEL_UNITS.reduce((sum, unit, colour) => sum + unit * bytesOf(i, colour), 0);
          if (alpha !== undefined) alpha[start * area + i] = bytesOf(i, 3);
        }
      }
      return alpha === undefined ? { pixels } : { pixels, alpha };
    },
    dispose: () => model.dispose(),
  };
}

async function runBatch(
  model: OnnxModel,
  decoder: Omit<Decoder, "sha256">,
  { z, batch, psi }: { readonly z: Float32Array; readonly batch: number; readonly psi: number | undefined },
): Promise<Float32Array> {
  const { file, input, output, inputShape } = decoder;
  const feeds = { [input]: { data: z, dims: [batch, ...inputShape] }, ...feedsOf(decoder, batch, psi) };
  const outputs = await model.run(feeds, [output]);
  const image = outputs[output];
  if (image === undefined) throw failure("L5203", `${file}: it has no output called \`${output}\``);
  return image.data;
}

/** The bytes of a batch: pixel i (of all images) and channel -> the value in `outputRange`, rounded to the nearest byte. Grey stands for all colours. */
function toBytes(
  data: Float32Array,
  { layout, channels, outputRange }: Pick<Decoder, "layout" | "channels" | "outputRange">,
  area: number,
): (i: number, channel: number) => number {
  const [black, white] = outputRange;
  const scale = 255 / (white - black);
  return (i, asked) => {
    const [image, pixel] = [Math.floor(i / area), i % area];
    const channel = channels === 1 ? 0 : asked;
    const at =
      layout === "nchw" ? (image * channels + channel) * area + pixel : (image * area + pixel) * channels + channel;
    const value = ((data[at] ?? 0) - black) * scale;
    return Math.round(Math.min(255, Math.max(0, value)));
  };
}
