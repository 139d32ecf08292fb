// Measuring what a script's sets and edits are worth.
// In: a script, or a suite over a model. Out: an Evaluation, and a page of it where one is asked for.
// Invariants: the script's own outputs are not written; a wrong script, baseline or folder is told before anything is computed.
import { readBaseline, type Baseline } from "../learn/evaluate/baseline.js";
import { evaluate, type KeptEvaluation } from "../learn/evaluate/evaluate.js";
import type { Evaluation } from "../learn/evaluate/evaluation.js";
import { exportOutcomes, type ExportedOutcomes } from "../learn/evaluate/export-outcomes.js";
import { readLabelTable } from "../learn/label/label-table.js";
import { evaluationHtml } from "../learn/evaluate/report-html.js";
import { paperSuite } from "../learn/evaluate/suite.js";
import { loadModelInfo } from "../models/pack/pack.js";
import type { Host } from "../ports/host.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { compileWhole, type Compiled } from "./compile-script.js";
import { identifyScript } from "./identify-script.js";
import { checkLabellerChoice, judgedBy } from "./labeller-choice.js";
import type { LabellerChoice, Platform } from "./platform.js";
import { UsageError, type EngineChoice, type VerbOptions } from "./verb.js";

export type { Baseline, BaselineSet } from "../learn/evaluate/baseline.js";
export type { ExportedOutcomes } from "../learn/evaluate/export-outcomes.js";
export type { ClauseMeasure, Evaluation, SetMeasure } from "../learn/evaluate/evaluation.js";
export {
  acceptedText,
  estimateText,
  handText,
  judgesOf,
  judgeText,
  methodRows,
  unclearText,
} from "../learn/evaluate/texts.js";

/** Images of each set of a suite. */
const SUITE_COUNT = 64;
/** Unconditional images. */
export const REFERENCE = 1000;

export interface EvaluateOptions extends LabellerChoice, VerbOptions {
  /** paper: the shapes of the LACE paper's experiments, over the attributes of a model; the target is then a model. */
  readonly suite?: string;
  /** Values of the script's inputs. */
  readonly inputs?: Readonly<Record<string, number | string>>;
  /** Images of each set, whatever the script says. */
  readonly count?: number;
  /** Draw from this seed, whatever the script says. */
  readonly seed?: number;
  /** Unconditional images to compare with; default: 1000. */
  readonly reference?: number;
  /** Compare samples and edits with rejection and linear directions. */
  readonly compare?: boolean;
  /** A table of labels by hand, as `exportForLabels` writes it and a person fills it in. */
  readonly labels?: string;
  /** A folder of real images to compare with as well. */
  readonly real?: string;
  /** What an earlier evaluation gave as JSON, to be shown beside. */
  readonly baseline?: string;
  /** Write a page with tables and pictures. */
  readonly html?: string;
  readonly engine?: EngineChoice;
}

export interface EvaluatedScript {
  readonly evaluation: Evaluation;
  readonly baseline?: Baseline;
  /** Paths of what was written. */
  readonly files: readonly string[];
  readonly warnings: readonly Diagnostic[];
  /** Texts to show them with. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Evaluates a script. `target`: its path; with a suite a model, by default builtin:avatar.
 *
 * Errors   UsageError; ScriptError of a script that does not compile; LaceError L5315 (baseline), L4106 if `signal` aborts, and those of
 *          files, models, engines and labellers.
 */
export async function evaluateScript(
  platform: Platform,
  target: string | undefined,
  options: EvaluateOptions = {},
): Promise<EvaluatedScript> {
  return evaluateTarget(platform, target, options);
}

/** The same, with what is kept of it; `kept` is asked for when the script has been compiled. */
export async function evaluateTarget(
  platform: Platform,
  target: string | undefined,
  options: EvaluateOptions,
  kept?: (target: CompiledTarget) => Promise<KeptEvaluation>,
): Promise<EvaluatedScript> {
  checkEvaluation(target, options);
  const { host } = platform;
  const baseline =
    options.baseline === undefined ? undefined : readBaseline(await host.readText(options.baseline), options.baseline);
  const hand =
    options.labels === undefined ? undefined : readLabelTable(await host.readText(options.labels), options.labels);
  const services = judgedBy(platform.world(host, options.engine ?? "auto"), platform, options);
  const real = options.real === undefined ? undefined : await platform.readImages(options.real);
  const compiledTarget = await compileTarget(platform, target, options);
  const { compiled, file } = compiledTarget;
  const { plan, program, diagnostics, sources } = compiled;
  const there = await kept?.(compiledTarget);
  if (options.html !== undefined) await platform.prepareFile(options.html);
  const { onEvent, signal, html, compare, reference = REFERENCE } = options;
  const evaluated = await evaluate(plan, {
    ...{ services, script: await identifyScript(platform, program), sources, reference },
    openLabeller: (model) => services.openLabeller(model),
    ...(real !== undefined && { real }),
    ...(hand !== undefined && { hand }),
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
    ...(compare !== undefined && { compare }),
    ...(there !== undefined && { kept: there }),
  });
  if (html !== undefined) {
    const codec = await services.openCodec();
    await host.writeAtomic(html, await evaluationHtml(evaluated, `Evaluation of ${file}`, baseline, codec));
  }
  return {
    evaluation: evaluated.evaluation,
    ...(baseline !== undefined && { baseline }),
    files: html === undefined ? [] : [html],
    warnings: [
      ...diagnostics.filter((d) => d.code !== "L2024"), // a set without `save` is what is measured
      ...evaluated.warnings,
    ],
    sources,
  };
}

/**
 * Writes the pictures that an evaluation of the same script counts, in an order by chance, and a table for what an eye says of them.
 *
 * Errors   UsageError; ScriptError of a script that does not compile; LaceError L5313 if the folder has a table of other pictures, L4106 if
 *          `signal` aborts, and those of files, models and engines.
 */
export async function exportForLabels(
  platform: Platform,
  target: string | undefined,
  folder: string,
  options: Pick<EvaluateOptions, "suite" | "inputs" | "count" | "seed" | "engine"> & VerbOptions = {},
): Promise<ExportedOutcomes> {
  const mistake = usageMistake(target, options);
  if (mistake !== undefined) throw new UsageError(mistake);
  const { compiled } = await compileTarget(platform, target, options);
  const { onEvent, signal } = options;
  return exportOutcomes(compiled.plan, folder, {
    services: platform.world(platform.host, options.engine ?? "auto"),
    script: await identifyScript(platform, compiled.program),
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
}

/** `file` is its name for people. */
export interface CompiledTarget {
  readonly compiled: Compiled;
  readonly file: string;
}

/** A script, or the script of a suite, compiled. */
export async function compileTarget(
  { host }: Platform,
  target: string | undefined,
  { count, seed, inputs, suite }: EvaluateOptions,
): Promise<CompiledTarget> {
  const overrides = {
    inputs: new Map(Object.entries(inputs ?? {})),
    ...(count !== undefined && { count }),
    ...(seed !== undefined && { seed }),
  };
  if (suite === undefined) {
    const file = target ?? "";
    return { compiled: await compileWhole(file, host, overrides), file };
  }
  const model = target ?? "builtin:avatar";
  const reference = model.startsWith("builtin:") ? model : host.resolve("x", model);
  const info = await loadModelInfo(host, reference);
  const text = paperSuite(info, { reference, count: count ?? SUITE_COUNT, seed: seed ?? 1 });
  const file = "suite-paper.lace";
  const virtual: Host = {
    ...host,
    readText: (path) => (path === file ? Promise.resolve(text) : host.readText(path)),
    exists: (path) => (path === file ? Promise.resolve(true) : host.exists(path)),
  };
  return { compiled: await compileWhole(file, virtual, overrides), file: `the paper's suite on ${model}` };
}

/** Errors: UsageError for options that do not go together. */
export function checkEvaluation(target: string | undefined, options: EvaluateOptions): void {
  const mistake = usageMistake(target, options);
  if (mistake !== undefined) throw new UsageError(mistake);
}

function usageMistake(target: string | undefined, options: EvaluateOptions): string | undefined {
  if (options.suite !== undefined && options.suite !== "paper")
    return `there is no suite ${options.suite}; there is paper`;
  if (options.suite === undefined && target === undefined)
    return "name a script, or a suite: lacec eval --suite paper builtin:avatar";
  checkLabellerChoice(options);
  return undefined;
}
