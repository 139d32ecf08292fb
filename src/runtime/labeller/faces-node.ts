// `--labeller faces`: photographs of faces, by @vladmandic/face-api on TensorFlow.js (WebAssembly). Both are optional packages.
// In: images with a face each. Out: age, gender, smile and pose of the head; the descriptor of the face as features.
// The face is where the detector finds it; where it finds none (small or blurred images), where generators of aligned faces put it.
// Invariants: an even picture has no face and no labels; an image's labels do not depend on other images; tensors are disposed.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Attribute } from "../../compiler/attribute.js";
import { failure } from "../../source/diagnostic.js";
import type { Labeller, Sight } from "../execute/services.js";
import type { RgbImage } from "../image/rgb.js";
import { headPose, type Point } from "./head-pose.js";
import { resize } from "./preprocess.js";

/** The images' edge in pixels, for every network: they resample it themselves. */
const EDGE = 224;
/** Standard deviation of grey values (0 to 255) below which a picture shows nothing. */
const EVEN = 8;
const LEAST = 1e-6;
/** A box with a lower score is no face; images of a generator of faces deserve some trust. */
const TRUSTED = 0.2;
/** Where CelebA and FFHQ have the face, in parts of the image: left, top, edge. */
const USUAL = { x: 0.22, y: 0.3, size: 0.56 };

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

/** Opens the labeller of faces. Errors LaceError L5314 if its packages are not installed. */
export async function openFaceLabeller(): Promise<Labeller> {
  const { faceapi, version } = await loadFaceApi();
  const { tf, nets } = faceapi;
  const see = async (image: RgbImage, columns: Float32Array, features: Float32Array): Promise<void> => {
    columns.fill(NaN);
    if (isEven(image)) return;
    const whole = tf.tensor3d(resize(image, EDGE, EDGE), [EDGE, EDGE, 3]);
    const { x, y, size } = await findFace(faceapi, whole);
    const pixels = tf.slice3d(whole, [y, x, 0], [size, size, 3]);
    whole.dispose();
    try {
      const { age, gender, genderProbability } = await nets.ageGenderNet.predictAgeAndGender(pixels);
      const { happy } = await nets.faceExpressionNet.predictExpressions(pixels);
      const { positions } = await nets.faceLandmark68Net.detectLandmarks(pixels);
      features.set(await nets.faceRecognitionNet.computeFaceDescriptor(pixels));
      const male = gender === "male" ? genderProbability : 1 - genderProbability;
      const { yaw, pitch, roll } = headPose(positions) ?? { yaw: NaN, pitch: NaN, roll: NaN };
      columns.set([age, log(1 - male), log(male), log(1 - happy), log(happy), yaw, pitch, roll]);
    } finally {
      pixels.dispose();
    }
  };
  const look = async (images: readonly RgbImage[]): Promise<Sight> => {
    const columns = new Float32Array(images.length * COLUMNS);
    const features = new Float32Array(images.length * DESCRIPTOR);
    for (const [k, image] of images.entries())
      await see(
        image,
        columns.subarray(k * COLUMNS, (k + 1) * COLUMNS),
        features.subarray(k * DESCRIPTOR, (k + 1) * DESCRIPTOR),
      );
    return { columns, features };
  };
  return {
    attributes: ATTRIBUTES,
    name: `face-api ${version}`,
    sha256: null,
    look,
    label: async (images) => (await look(images)).columns,
    dispose: () => Promise.resolve(),
  };
}

/** The square of the likeliest face, in pixels of an image of EDGE; it lies inside. */
async function findFace(
  faceapi: FaceApi,
  image: Pixels,
): Promise<{ readonly x: number; readonly y: number; readonly size: number }> {
  const options = new faceapi.TinyFaceDetectorOptions({ inputSize: EDGE, scoreThreshold: TRUSTED });
  const found = [...(await faceapi.tinyFaceDetector(image, options))].sort((a, b) => b.score - a.score)[0]?.box;
  if (found === undefined)
    return { x: Math.round(USUAL.x * EDGE), y: Math.round(USUAL.y * EDGE), size: Math.round(USUAL.size * EDGE) };
  const size = Math.min(EDGE, Math.max(1, Math.round(Math.max(found.width, found.height))));
  const place = (start: number, length: number): number =>
    Math.min(EDGE - size, Math.max(0, Math.round(start + length / 2 - size / 2)));
  return { x: place(found.x, found.width), y: place(found.y, found.height), size };
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
    throw failure("L5314", "the labeller `faces` needs the packages @vladmandic/face-api and @tensorflow/tfjs", [
      "install them beside lacec: npm install @vladmandic/face-api @tensorflow/tfjs",
    ]);
  }
}
