// `--labeller faces`: photographs of faces, by @vladmandic/face-api on TensorFlow.js (WebAssembly). Both are optional packages.
// In: images with a face each. Out: age, gender, smile and pose of the head; the descriptor of the face as features.
// The face is where generators of aligned faces put it, or where the detector finds it. Landmarks of that part of the image say where exactly:
// the networks look at the square about them, as in face-api's own chain.
// Invariants: an even picture has no face and no labels, nor has one in which the detector finds none; an image's labels do not depend on other images; tensors are disposed.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Attribute } from "../../compiler/attribute.js";
import { fiveOf } from "../../models/landmarks.js";
import { failure } from "../../source/diagnostic.js";
import type { Labeller } from "../../runtime/services/services.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import {
  alignedSquare,
  descriptorSquare,
  squareAround,
  squareAt,
  type Square,
} from "../../learn/labellers/face-box.js";
import { headPose, type Point } from "../../learn/labellers/head-pose.js";
import { resize } from "../../runtime/image/resize.js";

/** The images' edge in pixels, for every network: they resample it themselves. */
const EDGE = 224;
/** Standard deviation of grey values (0 to 255) below which a picture shows nothing. */
const EVEN = 8;
const LEAST = 1e-6;
/** A box with a lower score is no face; images of a generator of faces deserve some trust. */
const TRUSTED = 0.2;

const ATTRIBUTES: readonly Attribute[] = [
  { name: "age", type: "scalar", min: 0, max: 100, sigma: 8 },
  { name: "gender", type: "category", classes: ["female", "male"], temperature: 1 },
  { name: "smile", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "yaw", type: "scalar", min: -60, max: 60, sigma: 8 },
  { name: "pitch", type: "scalar", min: -60, max: 60, sigma: 8 },
  { name: "roll", type: "scalar", min: -45, max: 45, sigma: 5 },
];
/** Of age, gender (2), smile (2), yaw, pitch, roll. */
const COLUMNS = 8;
const DESCRIPTOR = 128;

interface Pixels {
  dispose(): void;
}
interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
/** What is used of face-api and its TensorFlow.js. */
interface Net {
  loadFromDisk(folder: string): Promise<void>;
}
interface FaceApi {
  readonly tf: {
    setBackend(name: string): Promise<boolean>;
    ready(): Promise<void>;
    tensor3d(values: Float32Array, shape: readonly number[]): Pixels;
    slice3d(x: Pixels, begin: readonly number[], size: readonly number[]): Pixels;
  };
  readonly TinyFaceDetectorOptions: new (options: { inputSize: number; scoreThreshold: number }) => object;
  tinyFaceDetector(x: Pixels, options: object): Promise<readonly { readonly score: number; readonly box: Box }[]>;
  readonly nets: {
    readonly tinyFaceDetector: Net;
    readonly ageGenderNet: Net & {
      predictAgeAndGender(x: Pixels): Promise<{ age: number; gender: string; genderProbability: number }>;
    };
    readonly faceExpressionNet: Net & { predictExpressions(x: Pixels): Promise<{ happy: number }> };
    readonly faceLandmark68Net: Net & { detectLandmarks(x: Pixels): Promise<{ positions: readonly Point[] }> };
    readonly faceRecognitionNet: Net & { computeFaceDescriptor(x: Pixels): Promise<Float32Array> };
  };
}

/**
 * Opens the labeller of faces. `find`: the images' faces are not aligned, and are looked for.
 * Errors   LaceError L5314 if its packages are not installed.
 */
export async function openFaceLabeller(find = false): Promise<Labeller> {
  const { faceapi, version } = await loadFaceApi();
  const { tf, nets } = faceapi;
  /** What `work` gives for a part of an image. */
  const within = async <T>(whole: Pixels, { x, y, size }: Square, work: (part: Pixels) => Promise<T>): Promise<T> => {
    const part = tf.slice3d(whole, [y, x, 0], [size, size, 3]);
    try {
      return await work(part);
    } finally {
      part.dispose();
    }
  };
  const landmarks = (whole: Pixels, square: Square): Promise<readonly Point[]> =>
    within(whole, square, async (part) => {
      const { positions } = await nets.faceLandmark68Net.detectLandmarks(part);
      return positions.map((p) => ({ x: p.x + square.x, y: p.y + square.y }));
    });
  /** Labels of an image, and its descriptor if there is room for it. */
  const see = async (image: RgbImage, columns: Float32Array, features: Float32Array | undefined): Promise<void> => {
    columns.fill(NaN);
    if (isEven(image)) return;
    const whole = tf.tensor3d(resize(image, EDGE, EDGE), [EDGE, EDGE, 3]);
    try {
      const guess = find ? await findFace(faceapi, whole) : alignedSquare(EDGE);
      if (guess === undefined) return;
      const square = squareAround(await landmarks(whole, guess), EDGE);
      const points = await landmarks(whole, square);
      const [{ age, gender, genderProbability }, { happy }] = await within(whole, square, async (part) => [
        await nets.ageGenderNet.predictAgeAndGender(part),
        await nets.faceExpressionNet.predictExpressions(part),
      ]);
      features?.set(
        await within(whole, descriptorSquare(points, EDGE), (part) =>
          nets.faceRecognitionNet.computeFaceDescriptor(part),
        ),
      );
      const male = gender === "male" ? genderProbability : 1 - genderProbability;
      const { yaw, pitch, roll } = headPose(points) ?? { yaw: NaN, pitch: NaN, roll: NaN };
      columns.set([age, log(1 - male), log(male), log(1 - happy), log(happy), yaw, pitch, roll]);
    } finally {
      whole.dispose();
    }
  };
  const seeAll = async (images: readonly RgbImage[], features: Float32Array | undefined): Promise<Float32Array> => {
    const columns = new Float32Array(images.length * COLUMNS);
    for (const [k, image] of images.entries())
      await see(
        image,
        columns.subarray(k * COLUMNS, (k + 1) * COLUMNS),
        features?.subarray(k * DESCRIPTOR, (k + 1) * DESCRIPTOR),
      );
    return columns;
  };
  return {
    attributes: ATTRIBUTES,
    name: `face-api ${version}, ${find ? "faces found" : "aligned faces"}`,
    sha256: null,
    look: async (images) => {
      const features = new Float32Array(images.length * DESCRIPTOR);
      return { columns: await seeAll(images, features), features };
    },
    label: async (images) => ({ columns: await seeAll(images, undefined) }),
    dispose: () => Promise.resolve(),
  };
}

/**
 * Five landmarks (models/landmarks.ts) of the likeliest face in a picture of any shape, in its pixels; undefined: there is none.
 * Errors   LaceError L5314 if the packages are not installed.
 */
export async function findLandmarks(image: RgbImage): Promise<readonly (readonly [number, number])[] | undefined> {
  const { faceapi } = await loadFaceApi();
  const { tf, nets } = faceapi;
  const edge = Math.max(image.width, image.height);
  const whole = tf.tensor3d(resize(squared(image, edge), EDGE, EDGE), [EDGE, EDGE, 3]);
  try {
    const guess = await findFace(faceapi, whole);
    if (guess === undefined) return undefined;
    const { x, y, size } = guess;
    const part = tf.slice3d(whole, [y, x, 0], [size, size, 3]);
    try {
      const { positions } = await nets.faceLandmark68Net.detectLandmarks(part);
      const scale = edge / EDGE;
      return fiveOf(positions.map((p) => [(p.x + x) * scale, (p.y + y) * scale]));
    } finally {
      part.dispose();
    }
  } finally {
    whole.dispose();
  }
}

/** A picture in the upper left corner of a black square. */
function squared({ width, height, data }: RgbImage, edge: number): RgbImage {
  const out = new Uint8Array(edge * edge * 3);
  for (let y = 0; y < height; y++) out.set(data.subarray(y * width * 3, (y + 1) * width * 3), y * edge * 3);
  return { width: edge, height: edge, data: out };
}

/** The square of the likeliest face in an image of EDGE; undefined: there is none. */
async function findFace(faceapi: FaceApi, image: Pixels): Promise<Square | undefined> {
  const options = new faceapi.TinyFaceDetectorOptions({ inputSize: EDGE, scoreThreshold: TRUSTED });
  const found = [...(await faceapi.tinyFaceDetector(image, options))].sort((a, b) => b.score - a.score)[0]?.box;
  if (found === undefined) return undefined;
  const middle = { x: found.x + found.width / 2, y: found.y + found.height / 2 };
  return squareAt(middle, Math.max(found.width, found.height), EDGE);
}

function log(p: number): number {
  return Math.log(Math.max(p, LEAST));
}

/** Whether the picture is one grey, as some generators give where they fail. */
function isEven({ data }: RgbImage): boolean {
  let [sum, squares] = [0, 0];
  const pixels = data.length / 3;
  for (let p = 0; p < data.length; p += 3) {
    const grey = ((data[p] ?? 0) + (data[p + 1] ?? 0) + (data[p + 2] ?? 0)) / 3;
    sum += grey;
    squares += grey * grey;
  }
  return squares / pixels - (sum / pixels) ** 2 < EVEN * EVEN;
}

/** The packages, from where lacec is installed; the networks, from the package's own folder. */
async function loadFaceApi(): Promise<{ readonly faceapi: FaceApi; readonly version: string }> {
  const require = createRequire(import.meta.url);
  try {
    const folder = dirname(require.resolve("@vladmandic/face-api/package.json"));
    const { version } = require("@vladmandic/face-api/package.json") as { version: string };
    const wasm = require("@tensorflow/tfjs-backend-wasm") as { setWasmPaths(folder: string): void };
    wasm.setWasmPaths(`${join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "dist")}/`);
    const faceapi = require("@vladmandic/face-api/dist/face-api.node-wasm.js") as FaceApi;
    await faceapi.tf.setBackend("wasm");
    await faceapi.tf.ready();
    const { nets } = faceapi;
    for (const net of [
      nets.tinyFaceDetector,
      nets.ageGenderNet,
      nets.faceExpressionNet,
      nets.faceLandmark68Net,
      nets.faceRecognitionNet,
    ])
      await net.loadFromDisk(join(folder, "model"));
    return { faceapi, version };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error;
    throw failure("L5314", "what finds and labels faces needs the packages @vladmandic/face-api and @tensorflow/tfjs", [
      "install them beside lacec: npm install @vladmandic/face-api @tensorflow/tfjs",
    ]);
  }
}
