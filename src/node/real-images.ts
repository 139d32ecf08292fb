// Real images to compare with: every picture in a folder, as square RGB.
// In: a folder. Out: images in the order of their names. Invariant: what is no picture by its name is passed over; a damaged one is an error.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { failure } from "../source/diagnostic.js";
import type { Host } from "../ports/host.js";
import type { ImageCodec } from "../runtime/services/codec.js";
import { imageFormat } from "../runtime/plan/path-template.js";
import { onWhite, type RgbImage } from "../runtime/image/rgb.js";

/** The largest edge that is kept: more than any labeller looks at. */
const LARGEST = 4096;

/** Errors LaceError L5001 or L5004 (the folder), L5301 (a picture that cannot be read). */
export async function readRealImages(folder: string, host: Host, codec: ImageCodec): Promise<RgbImage[]> {
  const names = await readdir(folder).catch(() => {
    throw failure("L5001", `there is no folder ${folder} of real images`);
  });
  const pictures = names.filter((n) => imageFormat(n) !== undefined).sort();
  if (pictures.length < 2)
    throw failure("L5004", `${folder} holds ${pictures.length} pictures; a distance needs two at least`);
  const images: RgbImage[] = [];
  for (const name of pictures) images.push(cropped(await codec.decode(await host.readBytes(join(folder, name)))));
  return images;
}

/** The square in the middle. */
export function cropped(picture: RgbImage): RgbImage {
  const image = onWhite(picture);
  const edge = Math.min(image.width, image.height, LARGEST);
  if (edge === image.width && edge === image.height) return image;
  const [x, y] = [Math.floor((image.width - edge) / 2), Math.floor((image.height - edge) / 2)];
  const data = new Uint8Array(edge * edge * 3);
  for (let row = 0; row < edge; row++) {
    const start = ((y + row) * image.width + x) * 3;
    data.set(image.data.subarray(start, start + edge * 3), row * edge * 3);
  }
  return { width: edge, height: edge, data };
}
