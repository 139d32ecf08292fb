// What a task starts from in place of noise: `start from "latents.npz" as z`, and a photograph.
// In: the task's Settings, what is known of the file. Out: a LatentStart. Reports L2010 (an unknown word), L50xx, L51xx and L5323 of the file at its path,
// L2031 for latents that the model does not take, L2013 for settings that mean noise.
import { LATENT_WORDS, latentForm, type LatentForm, type LatentWord } from "../latent-table.js";
import type * as ast from "../../parser/ast.js";
import type { LatentStart, PhotoStart } from "../plan.js";
import type { Env } from "./context.js";
import { chooseWord, NOT_NEGATIVE, type Key, type Settings } from "./settings.js";
import { SPACES } from "./vocabulary.js";

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
const TRIES = 4;

/** A photograph and how it is looked for. Reports L5001 of its file, L2032 for a model without layers. */
export function readPhoto(decl: ast.PhotoDecl, read: Settings, env: Env): PhotoStart {
  const { path } = decl;
  const file = env.scope.file.references.get(path.value) ?? path.value;
  const look = env.cx.latents.get(file);
  for (const trouble of look !== undefined && "trouble" in look ? look.trouble : [])
    env.report.add({ ...trouble, at: { span: path.span, text: "this photograph is needed" } });
  if (env.model.info?.numWs === 1)
    env.report.error("L2032", decl.model.span, `no photograph can be looked for in \`${env.model.alias ?? ""}\``, {
      text: "it has no styles",
      hints: ["photographs are looked for in StyleGAN2 and StyleGAN3"],
    });
  const setting = read.get("space", "SpaceSetting");
  if (setting !== undefined) chooseWord(setting.space, "`space`", SPACES, env);
  return {
    kind: "photo",
    file,
    space: setting?.each === false ? "w" : "w+",
    prior: read.number("prior", NOT_NEGATIVE, PRIOR),
    tries: read.number("tries", PHOTO_TRIES, TRIES),
    span: path.span,
  };
}
