// Values of options: text of the command line to numbers, ranges and names.
// Errors   InvalidArgumentError of commander, which says what the option looks like.
import { InvalidArgumentError } from "commander";

/** A whole number of at least `minimum`. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
      const range = maximum === Number.MAX_SAFE_INTEGER ? `at least ${minimum}` : `${minimum} to ${maximum}`;
      throw new InvalidArgumentError(`a whole number of ${range} is needed.`);
    }
    return value;
  };
}

/** `0.5..1`, or one number for both ends. */
export function range(text: string): readonly [number, number] {
  const [low = NaN, high = low] = text.split("..").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (!Number.isFinite(low) || !Number.isFinite(high) || low < 0 || high < low || text.split("..").length > 2) {
    throw new InvalidArgumentError("write it as 0.5..1, or as one number.");
  }
  return [low, high];
}

/** A number of at least 0. */
export function atLeastZero(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("a number of at least 0 is needed.");
  return value;
}

/** `name=value`, repeatable: a number, or the text as it is; the script says which of them its input takes. */
export function setting(
  text: string,
  before: Readonly<Record<string, number | string>> = {},
): Record<string, number | string> {
  const [, name, value] = /^([A-Za-z_$][\w$]*)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("write it as name=value, such as --set seed=7.");
  return { ...before, [name]: String(Number(value)) === value ? Number(value) : value };
}

/** Where the jobs of an array learn which of how many they are, and what the first is called: Kubernetes' indexed Job, Slurm's array. */
const ARRAYS = [
  { index: "JOB_COMPLETION_INDEX", count: "JOB_COMPLETION_COUNT", first: undefined },
  { index: "SLURM_ARRAY_TASK_ID", count: "SLURM_ARRAY_TASK_COUNT", first: "SLURM_ARRAY_TASK_MIN" },
];

/** `auto`: the part that a cluster's environment says. */
function shardOfArray(env: Readonly<Record<string, string | undefined>>): string {
  for (const { index, count, first } of ARRAYS) {
    const [k, n] = [env[index], env[count]];
    if (k === undefined || n === undefined) continue;
    return `${Number(k) - Number((first && env[first]) ?? 0) + 1}/${n}`;
  }
  const names = ARRAYS.map(({ index, count }) => `${index} and ${count}`).join(", or ");
  throw new InvalidArgumentError(`auto needs ${names} in the environment; Slurm's array must be without gaps.`);
}

/** `k/n`, counted from 1, or `auto`. */
export function shard(given: string): { readonly number: number; readonly of: number } {
  const text = given === "auto" ? shardOfArray(process.env) : given;
  const [, number = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (number < 1 || number > of || of > MOST_SHARDS) {
    throw new InvalidArgumentError("write it as k/n with k from 1 to n, such as --shard 2/8.");
  }
  return { number, of };
}

const MOST_SHARDS = 1_000_000;

/** `name=path`, repeatable; `makeover.identity=path` is the network that a task keeps identities by, `scholar.picture=path` one that an energy compares with. */
export function file(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const match = /^([A-Za-z_$][\w$]*(?:\.(?:identity|picture|mask|network|clip)\d*)?)=(.+)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new InvalidArgumentError("write it as name=path, such as --model ffhq=models/ffhq.safetensors.");
  }
  return { ...before, [match[1]]: match[2] };
}

/** An option that may be given again. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `-1..1`, in order. */
export function interval(text: string): readonly [number, number] {
  const [low = NaN, high = NaN, ...more] = text.split("..").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (!Number.isFinite(low) || !Number.isFinite(high) || low >= high || more.length > 0)
    throw new InvalidArgumentError("write it as low..high, such as -1..1.");
  return [low, high];
}

/** A number within bounds. */
export function numberIn(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < low || value > high)
      throw new InvalidArgumentError(`a number from ${low} to ${high} is needed.`);
    return value;
  };
}

/** `a,b,c`. */
export function names(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim());
}

/** `384,256,128`. */
export function widths(text: string): readonly number[] | "none" {
  if (text === "none") return text;
  return names(text).map((width) => {
    const value = wholeNumber(1)(width);
    if (value > 8192) throw new InvalidArgumentError("a layer is at most 8192 wide.");
    return value;
  });
}

/** A finite number other than 0. */
export function nonZero(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value === 0)
    throw new InvalidArgumentError("a number other than 0 is needed.");
  return value;
}

/** `leaky`, `leaky:0.01`, `relu` or `none`, as the slope below 0. */
export function activation(text: string): number {
  const [, slope] = /^leaky:(0?\.\d+|0|1)$/.exec(text) ?? [];
  if (slope !== undefined) return Number(slope);
  const known: Readonly<Record<string, number>> = { leaky: 0.2, relu: 0, none: 1 };
  const found = Object.hasOwn(known, text) ? known[text] : undefined;
  if (found === undefined) throw new InvalidArgumentError("write it as leaky, leaky:0.01, relu or none.");
  return found;
}
