// The picture that others are compared with (`like("ref.png" in "mask.png")`), as numbers.
// In: files of a picture and a mask, what reads them. Out: arrays of the size of a model's pictures, and features of the picture.
// Invariant: limits on the size of pictures are those of the codec; nothing is decoded that it refuses.
import type { LikenessHead, PictureInput } from "../../compiler/picture-head.js";
import type { LikenessSource } from "../../compiler/plan.js";
import { readOnnxModel } from "../../models/formats/onnx-model.js";
import { modelError } from "../../models/model-error.js";
import { readingOnnx } from "../../models/onnx-file.js";
import type { Host } from "../../ports/host.js";
import { fitted } from "../../runtime/image/fit.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import type { ImageCodec } from "../../runtime/services/codec.js";
import type { OnnxModel } from "../../runtime/services/onnx-model.js";
import { failure } from "../../source/diagnostic.js";
import { toBatch } from "./preprocess.js";

/** What reads pictures and runs networks. */
export interface PictureServices {
  readonly openCodec: () => Promise<ImageCodec>;
  readonly openOnnx: (bytes: Uint8Array) => Promise<OnnxModel>;
  /** A CLIP model in a folder of this machine, with embeddings of texts; absent where there are no folders. Errors: LaceError L5314, L5316, L5312. */
  readonly readClip?: (folder: string, prompts: readonly string[]) => Promise<ReadClip>;
}

/** The image tower of a CLIP model, and texts as its other tower embeds them. */
export interface ReadClip {
  readonly bytes: Uint8Array;
  /** Of all files of the model. */
  readonly sha256: string;
  readonly input: PictureInput;
  /** Of the image tower: the embedding. */
  readonly output: string;
  /** Of length 1. */
  readonly texts: readonly Float32Array[];
}

interface OtherPicture {
  readonly image: RgbImage;
  readonly mask?: Float32Array;
  /** Of both files. */
  readonly sha256: string;
}

/** The files of a picture and its mask. Errors: LaceError L5001, L50xx of the host, L5301 (no picture), L5324 (a mask that is black). */
export async function readOther(
  host: Host,
  { picture, mask }: LikenessSource,
  { width, height }: { readonly width: number; readonly height: number },
  { openCodec }: PictureServices,
): Promise<OtherPicture> {
  const codec = await openCodec();
  const read = async (file: string): Promise<{ readonly image: RgbImage; readonly sha256: string }> => {
    if (!(await host.exists(file))) throw failure("L5001", `there is no file ${file}`, ["check the path"]);
    const bytes = await host.readBytes(file);
    return { image: fitted(await codec.photograph(bytes), width, height), sha256: await host.sha256(bytes) };
  };
  const own = await read(picture);
  if (mask === undefined) return own;
  const { image, sha256 } = await read(mask);
  const shares = Float32Array.from({ length: width * height }, (_, p) => {
    const [red = 0, green = 0, blue = 0] = image.data.subarray(3 * p, 3 * p + 3);
    return (red + green + blue) / 765;
  });
  if (shares.every((share) => share === 0))
    throw failure("L5324", `the mask ${mask} is black: nothing would be compared`, [
      "what is white in a mask is compared; it is fitted to the pictures as the picture is",
    ]);
  const both = new TextEncoder().encode(`${own.sha256} ${sha256}`);
  return { image: own.image, mask: shares, sha256: await host.sha256(both) };
}

/** [3, height, width], in [-1, 1]. */
export function planesOf({ width, height, data }: RgbImage): Float32Array {
  const area = width * height;
  return Float32Array.from(
    { length: 3 * area },
    (_, i) => (data[(i % area) * 3 + Math.floor(i / area)] ?? 0) / 127.5 - 1,
  );
}

/** What a network shows of the picture. Errors: LaceError L5202, L5203, and L5110 for a network that has no such output. */
export async function featuresOfOther(
  image: RgbImage,
  {
    bytes,
    sha256,
    file,
    input,
    features,
  }: {
    readonly bytes: Uint8Array;
    readonly sha256: string;
    readonly file: string;
    readonly input: PictureInput;
    readonly features: string;
  },
  { openOnnx }: PictureServices,
): Promise<NonNullable<LikenessHead["features"]>> {
  const network = readingOnnx(() => readOnnxModel(bytes), file);
  const model = await openOnnx(bytes);
  try {
    const { size, layout, name } = input;
    // A network of a fixed batch gets the picture as often as it wants.
    const rows = model.inputs.find((i) => i.name === name)?.dims[0] ?? 1;
    const data = toBatch(
      Array.from({ length: rows }, () => image),
      input,
    );
    const dims = layout === "nchw" ? [rows, 3, size, size] : [rows, size, size, 3];
    const found = (await model.run({ [name]: { data, dims } }, [features]))[features];
    if (found === undefined) throw modelError("L5312", file, `it has no output '${features}'`);
    const of = found.data.slice(0, found.data.length / rows);
    return { look: { network, input, sha256 }, output: features, of };
  } finally {
    await model.dispose();
  }
}
