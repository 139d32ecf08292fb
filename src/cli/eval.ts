// lacec eval: what a script's sets and edits are worth, in numbers.
// Invariants: the script's own outputs are not written; a wrong script, baseline or folder is told before anything is computed.
import type { Plan } from "../compiler/plan.js";
import { compileScript, type Compilation } from "../app/compile-script.js";
import { evaluate } from "../learn/evaluate/evaluate.js";
import type { Evaluated } from "../learn/evaluate/evaluation.js";
import { readRealImages } from "../node/real-images.js";
import { paperSuite } from "../learn/evaluate/suite.js";
import type { ScriptIdentity } from "../runtime/record/record.js";
import { nodeHost, type NodeHost } from "../node/host.js";
import type { Host } from "../ports/host.js";
import type { LabellerChoice } from "../app/platform.js";
import { openLabeller } from "../node/labellers/open-labeller.js";
import { loadModelInfo } from "../models/pack/pack.js";
import { identifyScript, nodeServices } from "../node/services.js";
import { LaceError, type Diagnostic } from "../source/diagnostic.js";
import { engineName } from "./engine-name.js";
import { readBaseline, type Baseline } from "./eval-baseline.js";
import { evaluationHtml } from "./eval-html.js";
import { evaluationLines } from "./eval-table.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import { onInterrupt } from "./interrupt.js";
import type { Io } from "./io.js";
import { labellerMistake } from "./labeller-options.js";
import { terminalProgress } from "./progress.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";

export interface EvalOptions extends LabellerChoice {
  readonly suite?: string;
  readonly set?: Readonly<Record<string, number>>;
  readonly count?: number;
  readonly seed?: number;
  readonly reference: number;
  readonly real?: string;
  readonly baseline?: string;
  readonly html?: string;
  readonly engine: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Images of each set of a suite. */
const SUITE_COUNT = 64;

export async function evalVerb(io: Io, target: string | undefined, options: EvalOptions): Promise<ExitCode> {
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  const mistake = usageMistake(target, options);
  if (mistake !== undefined) {
    io.err(`error: ${mistake}\n`);
    return EXIT.script;
  }
  const host = nodeHost();
  const progress = terminalProgress(io, () => host.now());
  const interrupt = onInterrupt(async () => {
    await host.close();
    progress.clear();
    io.err("interrupted; an evaluation leaves nothing behind\n");
  });
  let compilation: Compilation | undefined;
  const end = (diagnostics: readonly Diagnostic[], evaluated?: Evaluated, baseline?: Baseline): ExitCode => {
    progress.clear();
    const sources = compilation?.sources ?? new Map<string, string>();
    const exitCode = exitCodeOf(diagnostics);
    if (options.json === true) {
      const found = jsonDiagnostics(diagnostics, sources);
      const document = { ok: exitCode === 0, exitCode, diagnostics: found, evaluation: evaluated?.evaluation ?? null };
      io.out(`${JSON.stringify(document, null, 2)}\n`);
      return exitCode;
    }
    printDiagnostics(
      options.quiet === true ? diagnostics.filter((d) => d.severity === "error") : diagnostics,
      sources,
      io,
    );
    if (evaluated !== undefined) {
      io.out(`${evaluationLines(evaluated.evaluation, baseline, io).join("\n")}\n`);
      if (options.html !== undefined) io.out(`wrote ${options.html}\n`);
    }
    return exitCode;
  };
  try {
    const baseline =
      options.baseline === undefined
        ? undefined
        : readBaseline(await host.readText(options.baseline), options.baseline);
    const services = nodeServices(host, engine);
    const codec = await services.openCodec();
    const real = options.real === undefined ? undefined : await readRealImages(options.real, host, codec);
    const { compiled, file } = await compileTarget(target, options, host);
    compilation = compiled;
    const { plan, program, diagnostics } = compiled;
    if (plan === undefined || program === undefined) return end(diagnostics);
    const script: ScriptIdentity = await identifyScript(host, program);
    const evaluated = await evaluate(judged(plan), {
      ...{ services, script, sources: compiled.sources, reference: options.reference },
      openLabeller: (model) => openLabeller(services, model, options),
      ...(real === undefined ? {} : { real }),
      ...(options.quiet === true || options.json === true ? {} : { onEvent: progress.onEvent }),
      signal: interrupt.signal,
    });
    if (options.html !== undefined)
      await host.writeAtomic(options.html, await evaluationHtml(evaluated, `Evaluation of ${file}`, baseline, codec));
    return end(
      diagnostics.filter((d) => d.code !== "L2024"), // a set without `save` is what is measured
      evaluated,
      baseline,
    );
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return end([...(compilation?.diagnostics ?? []), ...error.diagnostics]);
  } finally {
    progress.clear();
    interrupt.stop();
    await host.close();
  }
}

/** The tasks alone: an evaluation judges every set itself. */
function judged(plan: Plan): Plan {
  return { ...plan, saves: [], expects: [] };
}

/** A script, or the script of a suite, compiled. `file` is its name for people. */
async function compileTarget(
  target: string | undefined,
  options: EvalOptions,
  host: NodeHost,
): Promise<{ readonly compiled: Compilation; readonly file: string }> {
  const { count, seed } = options;
  const overrides = {
    inputs: new Map(Object.entries(options.set ?? {})),
    ...(count === undefined ? {} : { count }),
    ...(seed === undefined ? {} : { seed }),
  };
  if (options.suite === undefined) {
    const file = target ?? "";
    return { compiled: await compileScript(file, host, overrides), file };
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
  return { compiled: await compileScript(file, virtual, overrides), file: `the paper's suite on ${model}` };
}

function usageMistake(target: string | undefined, options: EvalOptions): string | undefined {
  if (options.suite !== undefined && options.suite !== "paper")
    return `there is no suite ${options.suite}; there is paper`;
  if (options.suite === undefined && target === undefined)
    return "name a script, or a suite: lacec eval --suite paper builtin:avatar";
  return labellerMistake(options);
}
