// Compiling in memory: files by path, models of test/bad/models.json.
import { readFileSync } from "node:fs";
import { analyse, type Analysis } from "../../src/compiler/analyse.js";
import type { Overrides } from "../../src/compiler/check/check.js";
import type { ModelInfo } from "../../src/compiler/attribute.js";
import type { LatentTable } from "../../src/compiler/latent-table.js";
import { link, modelsOf } from "../../src/compiler/link.js";
import type { Plan } from "../../src/compiler/plan.js";
import type { Diagnostic } from "../../src/source/diagnostic.js";

/** The shapes of files of latents, by path. */
export const testLatents = new Map(
  Object.entries(JSON.parse(readFileSync("test/bad/latents.json", "utf8")) as Record<string, LatentTable>),
);

export const testModels = JSON.parse(readFileSync("test/bad/models.json", "utf8")) as Record<string, ModelInfo>;

export interface Compiled extends Partial<Analysis> {
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, string>;
}

/** Compiles "main.lace" of `files`. A reference resolves beside the file that names it; builtin models keep their name. */
export async function compile(files: Readonly<Record<string, string>>, overrides: Overrides = {}): Promise<Compiled> {
  const linked = await link("main.lace", {
    readText: (path) => Promise.resolve(files[path] ?? ""),
    exists: (path) => Promise.resolve(Object.hasOwn(files, path)),
    resolve: (from, reference) => {
      if (reference.startsWith("builtin:")) return reference;
      const folder = from.includes("/") ? from.slice(0, from.lastIndexOf("/") + 1) : "";
      return new URL(folder + reference, "file:///").pathname.slice(1);
    },
  });
  const { sources, diagnostics } = linked;
  if (linked.value === undefined) return { diagnostics, sources };
  const models = new Map<string, ModelInfo>();
  for (const { alias, reference } of modelsOf(linked.value)) {
    const info = testModels[reference];
    if (info !== undefined) models.set(alias, info);
  }
  const { diagnostics: found, ...analysis } = analyse(linked.value, models, overrides, new Map(), testLatents);
  return { ...analysis, diagnostics: [...diagnostics, ...found], sources };
}

/** A script around `body`: edition, model, nothing else. */
export function script(body: string): Record<string, string> {
  return { "main.lace": `lace 1\nmodel avatar from "builtin:avatar"\n${body}\n` };
}

/** The plan of a script that must compile without any diagnostic. */
export async function planOf(body: string, overrides: Overrides = {}): Promise<Plan> {
  const { plan, diagnostics } = await compile(script(body), overrides);
  if (plan === undefined || diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics, null, 1));
  return plan;
}

/** Codes and messages of a script's diagnostics. */
export async function mistakesOf(body: string, overrides: Overrides = {}): Promise<string[]> {
  return (await compile(script(body), overrides)).diagnostics.map((d) => `${d.code} ${d.message}`);
}
