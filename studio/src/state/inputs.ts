// The inputs of the script: what it declares, what the person set, and how each is shown.
// In: the plan's inputs, by the language server, and the comment behind each declaration. Out: InputField. Invariant: a comment only says how an input is shown: what a
// value means is the script's.
//
//   input light: number = 0.5        // 0..1 by 0.05        a slider
//   input hats: number = 0           // switch              0 or 1
//   input mood: text = "happy"       // happy | sad         a menu

export interface InputField {
  readonly name: string;
  /** Of the script. */
  readonly value: number | string;
  readonly form:
    | { readonly kind: "slider"; readonly min: number; readonly max: number; readonly step: number }
    | { readonly kind: "switch" }
    | { readonly kind: "menu"; readonly choices: readonly string[] }
    | { readonly kind: "whole" }
    | { readonly kind: "number" }
    | { readonly kind: "text" };
}

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:e-?\d+)?`;
const RANGE = new RegExp(`(${NUMBER})\\s*\\.\\.\\s*(${NUMBER})(?:\\s+by\\s+(${NUMBER}))?`);

/** How an input is shown, by its value and the comment behind its declaration in the script's text. */
export function fieldOf(name: string, value: number | string, script: string): InputField {
  const line = script.split("\n").find((l) => new RegExp(`^\\s*input\\s+${name}\\b`).test(l)) ?? "";
  const comment = /\/\/(.*)$/.exec(line.replace(/"(?:[^"\\]|\\.)*"/g, '""'))?.[1]?.trim() ?? "";
  return { name, value, form: formOf(value, comment) };
}

function formOf(value: number | string, comment: string): InputField["form"] {
  if (comment.includes("|")) {
    const choices = comment.split("|").map((c) => c.trim());
    if (choices.every((c) => c !== "")) return { kind: "menu", choices };
  }
  if (typeof value === "string") return { kind: "text" };
  if (/^switch\b/.test(comment) && (value === 0 || value === 1)) return { kind: "switch" };
  const range = RANGE.exec(comment);
  if (range !== null) {
    const [min, max] = [Number(range[1]), Number(range[2])];
    const step = range[3] === undefined ? niceStep(max - min) : Number(range[3]);
    if (max > min && step > 0) return { kind: "slider", min, max, step };
  }
  if (Number.isInteger(value) && value >= 0) return { kind: "whole" };
  if (value > 0 && value < 1) return { kind: "slider", min: 0, max: 1, step: 0.01 };
  return { kind: "number" };
}

/** A hundredth of a range, as 1, 2 or 5 times a power of ten. */
function niceStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 100));
  const times = [1, 2, 5, 10].find((t) => t * power >= range / 100 - 1e-12) ?? 10;
  return times * power;
}
