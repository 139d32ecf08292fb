// Attributes described in words (docs/labellers.md): `glasses: a person wearing glasses | a person without glasses`.
// In: lines as `--prompts` takes them. Out: attributes, each with the prompts of its classes.
// Invariants: names can be written in a script and are unique; every class has a prompt; two classes without names are yes and no.
import * as v from "valibot";
import type { Attribute } from "../../compiler/attribute.js";
import { failure, type LaceError } from "../../source/diagnostic.js";
import { attributeRows, attributeTable } from "../../models/pack/pack-metadata.js";

export interface PromptedAttribute {
  readonly attribute: Extract<Attribute, { readonly type: "binary" | "category" }>;
  /** Of each class, in the attribute's order: one prompt or several that mean the same. */
  readonly prompts: readonly (readonly string[])[];
}

interface Choice {
  readonly name: string | undefined;
  readonly prompts: readonly string[];
}

const SHAPE = "write it as NAME: PROMPT | PROMPT, or NAME: CLASS = PROMPT | CLASS = PROMPT | ...";

/**
 * Reads prompts, one line for each attribute.
 *
 * Errors   LaceError L5312 that quotes the line.
 */
export function parsePrompts(lines: readonly string[]): PromptedAttribute[] {
  const parsed = lines.map(parseLine);
  const result = v.safeParse(
    attributeRows,
    parsed.map((p) => p.row),
  );
  if (!result.success) {
    const shown = result.issues.slice(0, 10).map((issue) => {
      const line = issue.path?.[0]?.key;
      return `${typeof line === "number" ? `\`${lines[line] ?? ""}\`: ` : ""}${issue.message}`;
    });
    throw failure("L5312", `prompts: ${shown.join("; ")}`, [SHAPE]);
  }
  return attributeTable(result.output).flatMap((attribute, i) =>
    attribute.type === "scalar" ? [] : [{ attribute, prompts: parsed[i]?.prompts ?? [] }],
  );
}

/** The lines of a file of prompts: empty ones and those that begin with # say nothing. */
export function promptLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The line that parses to this, classes named: for provenance. */
export function printPrompts({ attribute, prompts }: PromptedAttribute): string {
  return `${attribute.name}: ${prompts.map((p, k) => `${attribute.classes[k] ?? ""} = ${p.join("; ")}`).join(" | ")}`;
}

function parseLine(line: string): { readonly row: object; readonly prompts: readonly (readonly string[])[] } {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon)).trim();
  const choices = line
    .slice(colon + 1)
    .split("|")
    .map(parseChoice);
  if (colon < 0 || choices.length < 2) throw mistake(line, "at least two prompts are needed", [SHAPE]);
  if (choices.some((c) => c.prompts.includes("")))
    throw mistake(line, "a prompt is empty", ["no model sees nothing: say in words what is there instead"]);
  const names = choices.map((c) => c.name);
  if (names.some((n) => n === undefined) !== names.every((n) => n === undefined))
    throw mistake(line, "some classes have a name and some have none", ["name all: CLASS = PROMPT"]);
  const prompts = choices.map((c) => c.prompts);
  if (choices.length === 2) {
    if (names[0] === undefined || (names[0] === "yes" && names[1] === "no"))
      return { row: { name, type: "binary" }, prompts: prompts.toReversed() };
    if (names[0] === "no" && names[1] === "yes") return { row: { name, type: "binary" }, prompts };
  }
  const classes = names[0] === undefined ? deriveNames(line, choices) : names;
  return { row: { name, type: "category", classes }, prompts };
}

function parseChoice(text: string): Choice {
  const [, name, rest = text] = /^\s*([A-Za-z_]\w*)\s*=(.*)$/s.exec(text) ?? [];
  return { name, prompts: rest.split(";").map((p) => p.trim()) };
}

/** Names of classes: the words of each prompt that not all prompts have. */
function deriveNames(line: string, choices: readonly Choice[]): string[] {
  const words = choices.map((c): readonly string[] => (c.prompts[0] ?? "").toLowerCase().match(/[a-z0-9]+/g) ?? []);
  const names = words.map((own) => own.filter((w) => !words.every((of) => of.includes(w))).join("_"));
  if (names.some((n) => !/^[a-z]\w{0,63}$/.test(n)) || new Set(names).size < names.length)
    throw mistake(line, "its prompts give no names for the classes", ["name them: CLASS = PROMPT"]);
  return names;
}

function mistake(line: string, what: string, hints: readonly string[]): LaceError {
  return failure("L5312", `prompts \`${line}\`: ${what}`, hints);
}
