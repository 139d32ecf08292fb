// What a decoder takes besides z: a class, a truncation, constants.
// In: the inputs of a file and what the user says of them. Out: the roles of all of them, and the arrays that fill them.
// Invariants: every input has a role, or the file is refused; nothing is guessed of an input that the user does not speak of, but which one is z.
import type { DecoderInputHint } from "../../models/decoder-facts.js";
import { modelError } from "../../models/model-error.js";
import type { Decoder, DecoderInput } from "../../compiler/decoder.js";
import { InternalError } from "../../source/internal-error.js";
import type { OnnxValue } from "./onnx-model.js";

/** Numbers of one input: noise images of 1024 pixels have a sixteenth of it. */
const MOST_NUMBERS = 2 ** 24;
/** Classes that an index may name, as in the metadata of packs. */
const MOST_CLASSES = 100_000;

export interface DecoderInputs {
  readonly latent: OnnxValue;
  readonly others: readonly DecoderInput[];
}

/**
 * Gives each input of a file its role.
 * Errors   LaceError L5107 if a hint names no input or does not fit it, or inputs are left over.
 */
export function assignInputs(
  inputs: readonly OnnxValue[],
  hints: Readonly<Record<string, DecoderInputHint>>,
  file: string,
): DecoderInputs {
  const unknown = Object.keys(hints).find((name) => inputs.every((input) => input.name !== name));
  if (unknown !== undefined)
    throw modelError("L5107", file, `it has no input \`${unknown}\``, [`its inputs are ${listed(inputs)}`]);
  const roleOf = (input: OnnxValue): DecoderInputHint | undefined =>
    Object.hasOwn(hints, input.name) ? hints[input.name] : undefined;
  const named = inputs.filter((input) => roleOf(input)?.role === "latent");
  const free = inputs.filter((input) => roleOf(input) === undefined);
  const [latent, another] = named.length > 0 ? named : free;
  if (latent === undefined) throw modelError("L5107", file, `none of its inputs is left for z: ${listed(inputs)}`);
  if (another !== undefined || (named.length > 0 && free.length > 0)) throw leftOver(inputs, free, file);
  const batch = latent.dims[0] ?? undefined;
  const others = inputs.filter((input) => input !== latent).map((input) => inRole(input, roleOf(input), batch, file));
  const twice = (["class", "truncation"] as const).find((r) => others.filter(({ role }) => role === r).length > 1);
  if (twice !== undefined) throw modelError("L5107", file, `two of its inputs are given the ${twice}: it has one`);
  return { latent, others };
}

function leftOver(inputs: readonly OnnxValue[], free: readonly OnnxValue[], file: string): Error {
  const z = free.find(({ name }) => /^(z|latents?|x|input)$/i.test(name)) ?? free[0];
  const others = free.filter((input) => input !== z).map(({ name }) => `--input ${name}=${guess(name)}`);
  return modelError("L5107", file, `a decoder takes z; this one has the inputs ${listed(inputs)}`, [
    `say what the others are, such as ${others.join(" ")}: class, class:N, truncation, or numbers that are always given`,
    "which one is z can be said too: --input NAME=latent",
  ]);
}

/** What an input of this name often is, to show how it is said. */
function guess(name: string): string {
  if (/psi|trunc/i.test(name)) return "truncation";
  return /^(c|y)$|class|label|cond/i.test(name) ? "class" : "0";
}

function listed(inputs: readonly OnnxValue[]): string {
  const shape = ({ dims }: OnnxValue): string => `[${dims.map((n) => n ?? "n").join(", ")}]`;
  return inputs.map((input) => `\`${input.name}\` ${shape(input)}`).join(", ") || "none";
}

function inRole(
  { name, dims, type }: OnnxValue,
  hint: DecoderInputHint | undefined,
  batch: number | undefined,
  file: string,
): DecoderInput {
  const refuse = (why: string): Error => modelError("L5107", file, `its input \`${name}\` ${why}`);
  const shown = `of shape [${dims.map((n) => n ?? "n").join(", ")}]`;
  if (type === "string" || type === "no tensor") throw refuse("takes no numbers");
  if (dims.slice(1).includes(null)) throw refuse(`${shown} does not say how large it is`);
  const size = dims.reduce<number>((n, d) => n * (d ?? 1), 1);
  if (size < 1 || size > MOST_NUMBERS) throw refuse(`${shown} is of a size that makes no sense`);
  switch (hint?.role) {
    case "truncation":
      return { name, dims, role: "truncation" };
    case "class":
      return { name, dims, ...classOf(dims, hint.classes, batch, refuse) };
    case "constant": {
      const { values } = hint;
      if (values.length !== 1 && values.length !== size)
        throw refuse(`${shown} takes ${size} numbers or one for all, not ${values.length}`);
      return { name, dims, role: "constant", values };
    }
    default:
      throw new InternalError(`the input ${name} has no role`);
  }
}

/** One-hot where the last dimension behind the batch is of several, else the number of the class. */
function classOf(
  dims: DecoderInput["dims"],
  classes: number | undefined,
  batch: number | undefined,
  refuse: (why: string) => Error,
): Pick<Extract<DecoderInput, { role: "class" }>, "role" | "classes" | "form"> {
  const last = dims.at(-1) ?? 1;
  const isOneHot = last > 1 && (dims.length > 1 || last !== batch);
  if (!isOneHot) {
    if (classes === undefined) throw refuse("takes the number of a class; how many are there? write class:N");
    if (classes < 1 || classes > MOST_CLASSES) throw refuse(`cannot be one of ${classes} classes`);
    return { role: "class", classes, form: "index" };
  }
  if (classes !== undefined && classes !== last)
    throw refuse(`has a place for each of ${last} classes, not ${classes}`);
  if (last > MOST_CLASSES) throw refuse(`has more than ${MOST_CLASSES} places`);
  return { role: "class", classes: last, form: "one-hot" };
}

/** Whether a decoder truncates by itself. */
export function takesTruncation({ inputs = [] }: Pick<Decoder, "inputs">): boolean {
  return inputs.some(({ role }) => role === "truncation");
}

/** z kept within bounds. */
export function clipped(z: Float32Array, clip: readonly [number, number] | undefined): Float32Array {
  return clip === undefined ? z : z.map((v) => Math.min(clip[1], Math.max(clip[0], v)));
}
