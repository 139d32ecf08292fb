// A photograph as a task takes it: opened, turned upright, cut to its middle or aligned by landmarks; with its encoder and the network of a decoder.
// In: a start, its model, the world. Out: the picture of the model's size, and where it lies in the photograph.
import { imageSizeOf } from "../../compiler/attribute.js";
import type { DecoderNetwork } from "../../compiler/build/decoded.js";
import type { PhotoStart } from "../../compiler/plan.js";
import { readOnnxModel } from "../../models/formats/onnx-model.js";
import { loadEncoder } from "../../models/encoder-file.js";
import { readLandmarks, type Landmarks } from "../../models/landmarks.js";
import type { DecoderModel, Model } from "../../models/model.js";
import { readingOnnx } from "../../models/onnx-file.js";
import { loadDecoder } from "../../models/pack/pack.js";
import type { Host } from "../../ports/host.js";
import { failure } from "../../source/diagnostic.js";
import type { Photograph } from "../draw/photograph.js";
import {
  alignedPicture,
  FFHQ_POINTS,
  middleOf,
  similarityOf,
  type ImagePoint,
  type Similarity,
} from "../image/alignment.js";
import { fitted } from "../image/fit.js";
import type { RgbImage } from "../image/rgb.js";
import { feedsOf } from "../../compiler/decoder.js";
import type { ImageCodec } from "../services/codec.js";
import type { World } from "../services/world.js";

/** A photograph, and where a model's picture lies in it. */
export interface FramedPhotograph {
  readonly whole: RgbImage;
  readonly frame: Similarity;
}

interface Opening {
  readonly model: Model;
  readonly world: Pick<World, "host" | "findFace">;
  readonly codec: ImageCodec;
}

/** Errors: LaceError L50xx, L5301 if it is no picture, L5325 and L5326 of the files beside it, L5314 and L5327 where a face is to be found. */
export async function openPhotograph(start: PhotoStart, opening: Opening): Promise<Photograph> {
  const { model, world } = opening;
  const { width, height } = imageSizeOf(model.info);
  const { whole, frame } = await framedPhotograph(start, opening);
  const encoder = start.encoder === undefined ? undefined : await loadEncoder(world.host, start.encoder, model.info);
  return {
    picture: start.landmarks === undefined ? fitted(whole, width, height) : alignedPicture(whole, frame, width, height),
    ...(encoder && { encoder }),
    ...(model.decoder !== undefined && { decoder: await decoderNetwork(world.host, model) }),
  };
}

/** The photograph as it is, upright. Errors as openPhotograph. */
export async function framedPhotograph(
  { file, landmarks }: PhotoStart,
  { model, world, codec }: Opening,
): Promise<FramedPhotograph> {
  const { host } = world;
  const { width, height } = imageSizeOf(model.info);
  const whole = await codec.photograph(await host.readBytes(file));
  if (landmarks === undefined) return { whole, frame: middleOf(whole, width, height) };
  const { points, template = FFHQ_POINTS } = await landmarksOf(landmarks, whole, world);
  const own = template.map(([x, y]): ImagePoint => [x * width, y * height]);
  const frame = similarityOf(own, points);
  if (frame === undefined)
    throw failure("L5326", `the landmarks of ${file} are all in one place`, ["five points of a face are wanted"]);
  return { whole, frame };
}

async function landmarksOf(
  landmarks: NonNullable<PhotoStart["landmarks"]>,
  whole: RgbImage,
  { host, findFace }: Opening["world"],
): Promise<Landmarks> {
  switch (landmarks.kind) {
    case "file":
      return readLandmarks(await host.readText(landmarks.file), landmarks.file);
    case "points":
      return { points: [0, 2, 4, 6, 8].map((k) => [landmarks.points[k] ?? 0, landmarks.points[k + 1] ?? 0] as const) };
    case "find": {
      if (findFace === undefined)
        throw failure("L5314", "nothing here finds faces", ["give five landmarks: `landmarks {x, y, ...}`"]);
      const points = await findFace(whole);
      if (points === undefined)
        throw failure("L5327", "no face is found in the photograph", [
          "give five landmarks: `landmarks {x, y, ...}`, or leave `landmarks` out to take its middle",
        ]);
      return { points };
    }
  }
}

async function decoderNetwork(host: Host, model: DecoderModel): Promise<DecoderNetwork> {
  const bytes = await loadDecoder(host, model);
  const { decoder } = model;
  return {
    ...decoder,
    network: readingOnnx(() => readOnnxModel(bytes)),
    feeds: (rows) => feedsOf(decoder, rows, 1),
  };
}
