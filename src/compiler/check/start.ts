// What a task starts from in place of noise: `start from "latents.npz" as z`, and a photograph.
// In: the task's Settings, what is known of the file. Out: a LatentStart. Reports L2010 (an unknown word), L50xx, L51xx and L5323 of the file at its path,
// L2031 for latents that the model does not take, L2013 for settings that mean noise.
import { LATENT_WORDS, latentForm, type LatentForm, type LatentWord } from "../latent-table.js";
import type * as ast from "../../parser/ast.js";
import type { LatentStart, PhotoLandmarks, PhotoSpace, PhotoStart } from "../plan.js";
import type { Env } from "./context.js";
import { boundedNumber, chooseWord, NOT_NEGATIVE, type Key, type Settings } from "./settings.js";
import { LANDMARKS, SPACES } from "./vocabulary.js";

/** What a file that nobody has looked into is taken for: one picture's w. */
const BELIEVED: LatentForm = { array: "w", space: "w", rows: 1, layered: false, hasZ: false };

/** The start of a task; undefined if it starts from noise. After a mistake a stand-in. */
export function readStart(read: Settings, env: Env): LatentStart | undefined {
  const setting = read.get("start", "StartSetting");
  if (setting === undefined) return undefined;
  const { path } = setting;
  const file = env.scope.file.references.get(path.value) ?? path.value;
  const word = setting.as && chooseWord(setting.as, "`as`", LATENT_WORDS, env);
  for (const key of ["accept", "cutoff"] as const) refuse(key, read, env);
  return { kind: "latents", file, form: formOf(file, word, setting, env), span: setting.span };
}

function formOf(
  file: string,
  word: LatentWord | undefined,
  { path }: NonNullable<ReturnType<Settings["get"]>> & { readonly path: { readonly span: LatentStart["span"] } },
  env: Env,
): LatentForm {
  const look = env.cx.latents.get(file);
  const { info } = env.model;
  if (look === undefined || info === undefined) return BELIEVED;
  if ("trouble" in look) {
    const at = { span: path.span, text: "these latents are needed" };
    for (const trouble of look.trouble) env.report.add({ ...trouble, at });
    return BELIEVED;
  }
  const form = latentForm(look, word, info);
  if (typeof form !== "string") return form;
  env.report.error("L2031", path.span, `the model \`${env.model.alias ?? ""}\` cannot start from this file: ${form}`, {
    text: "does not fit",
    hints: ["`as z`, `as w` or `as wplus` behind the path says what its numbers are"],
  });
  return BELIEVED;
}

/** Settings that say how noise becomes pictures, where there is none. */
function refuse(key: Key, read: Settings, env: Env): void {
  const setting = read.get(key, "AcceptSetting") ?? read.get(key, "NumberSetting");
  if (setting === undefined) return;
  env.report.error("L2013", setting.span, `\`${key}\` does not go with \`start from\``, {
    text: "not here",
    hints: [
      key === "accept"
        ? "a slot tries again from other noise, and these pictures start from a file"
        : "the styles of these pictures are in the file, as they are",
    ],
  });
}

/** How hard the model's own styles are held to, and where the search begins, if nothing is said. */
const PRIOR = 0.1;
const PHOTO_TRIES = { min: 1, max: 16, integer: true };
const TRIES = 12;
const TUNE_STEPS = { min: 0, max: 2000, integer: true };

/** Eyes, nose, corners of the mouth, each x and y. */
const LANDMARK_NUMBERS = 10;
const ANYWHERE = { min: -100_000, max: 100_000 };

/**
 * A photograph and how it is looked for. Reports L5001 of its files, L2004 and L2010 of its settings, L2032 for what a model without styles cannot do, L2034
 * for landmarks that are not five points.
 */
export function readPhoto(decl: ast.PhotoDecl, read: Settings, env: Env): PhotoStart {
  const { path } = decl;
  const file = env.scope.file.references.get(path.value) ?? path.value;
  sayMissing(path, "this photograph is needed", env);
  const encoder = read.get("encoder", "EncoderSetting")?.path;
  if (encoder !== undefined) sayMissing(encoder, "this encoder is needed", env);
  const landmarks = readLandmarks(read, env);
  return {
    kind: "photo",
    file,
    space: readSpace(read, env),
    prior: read.number("prior", NOT_NEGATIVE, PRIOR),
    tries: read.number("tries", PHOTO_TRIES, TRIES),
    tune: readTune(read, env),
    ...readCompare(decl, read, env),
    ...(encoder !== undefined && { encoder: env.scope.file.references.get(encoder.value) ?? encoder.value }),
    ...(landmarks && { landmarks }),
    span: path.span,
  };
}

/** The network that tells how like the photograph what was found is; the model's table learns of it. */
function readCompare({ name }: ast.PhotoDecl, read: Settings, env: Env): Pick<PhotoStart, "compare"> {
  const by = read.get("compare", "CompareSetting")?.by;
  if (by === undefined) return {};
  const file = env.scope.file.references.get(by.value) ?? by.value;
  env.model.watch({ attribute: `${name.text}.identity`, on: "image", features: true, file, span: by.span });
  return { compare: file };
}

/** How far a model is tuned. Reports L2004, and L2032 of a decoder, whose weights are not lacec's to move. */
function readTune(read: Settings, env: Env): number {
  const setting = read.get("tune", "NumberSetting");
  const steps = read.number("tune", TUNE_STEPS, 0);
  if (setting === undefined || steps === 0 || env.model.info?.numWs !== 1) return steps;
  env.report.error("L2032", setting.span, `\`${env.model.alias ?? ""}\` is a decoder, which cannot be tuned`, {
    text: "needs the weights of a generator",
    hints: ["leave this out, or look in a StyleGAN2 or StyleGAN3"],
  });
  return 0;
}

/** Reports that a file is not there, at its path. */
function sayMissing({ value, span }: ast.StringLit, text: string, env: Env): void {
  const look = env.cx.latents.get(env.scope.file.references.get(value) ?? value);
  for (const trouble of look !== undefined && "trouble" in look ? look.trouble : [])
    env.report.add({ ...trouble, at: { span, text } });
}

/** Where it is looked for: `p+` without a word, z of a model that has no styles. Reports L2010, and L2032 for what needs styles. */
function readSpace(read: Settings, env: Env): PhotoSpace {
  const setting = read.get("space", "SpaceSetting");
  const word = setting && chooseWord(setting.space, "`space`", SPACES, env);
  const space: PhotoSpace = word === undefined ? "p+" : setting?.each === true ? `${word}+` : word;
  if (env.model.info?.numWs !== 1) return space;
  const needs = [setting, read.get("encoder", "EncoderSetting")];
  for (const { span } of needs.filter((s) => s !== undefined))
    env.report.error(
      "L2032",
      span,
      `\`${env.model.alias ?? ""}\` has no styles: a photograph is looked for among its z`,
      {
        text: "needs styles",
        hints: ["leave this out, or look in a StyleGAN2 or StyleGAN3"],
      },
    );
  return "z";
}

/** Where the face is. Reports L2010, L2004, L2034. */
function readLandmarks(read: Settings, env: Env): PhotoLandmarks | undefined {
  const setting = read.get("landmarks", "LandmarksSetting");
  if (setting === undefined) return undefined;
  const { path, word, points } = setting;
  if (path !== undefined) {
    sayMissing(path, "these landmarks are needed", env);
    return { kind: "file", file: env.scope.file.references.get(path.value) ?? path.value };
  }
  if (word !== undefined) {
    chooseWord(word, "`landmarks`", LANDMARKS, env);
    return { kind: "find" };
  }
  const numbers = (points?.values ?? []).map((e) => boundedNumber(e, "a landmark", ANYWHERE, env) ?? 0);
  if (numbers.length !== LANDMARK_NUMBERS)
    env.report.error("L2034", setting.span, `landmarks are five points, ten numbers, and these are ${numbers.length}`, {
      text: "not five points",
      hints: [
        "x and y of the left eye, the right eye, the nose, the left and the right corner of the mouth, as one sees them, in pixels",
      ],
    });
  return { kind: "points", points: numbers };
}
