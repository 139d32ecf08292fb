// One run of a project for the studio's page: compile, execute, and tell of pictures and files as they come.
// In: a job, the world that it runs in. Out: messages. Invariants: the script is run as it stands; a picture's recipe is that of a `save` of single pictures: where the
// script has none of its task, of the script with such a line at its end.
import { compileScript, wholeOf, type Compiled } from "../compile-script.js";
import { identifyScript } from "../identify-script.js";
import type { Overrides } from "../../compiler/check/context.js";
import { axisTexts } from "../../compiler/axes.js";
import type { Task } from "../../compiler/plan.js";
import type { Cache } from "../../ports/cache.js";
import type { RunEvent } from "../../ports/events.js";
import type { Host } from "../../ports/host.js";
import { execute } from "../../runtime/execute.js";
import { askedOf, imageNumber, isPart, partsOf, rowsOf } from "../../runtime/plan/places.js";
import { attemptsOf, Recipes } from "../../runtime/record/recipes.js";
import type { ExpectationResult } from "../../runtime/record/results.js";
import { makeLock } from "../../runtime/recipe/lock.js";
import type { ImageCodec } from "../../runtime/services/codec.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { World } from "../../runtime/services/world.js";
import type { RecipeText, Sink } from "../../runtime/show/saves.js";
import type { SampleResult } from "../../runtime/draw/results.js";
import { LaceError, type Diagnostic } from "../../source/diagnostic.js";
import { render } from "../../source/render.js";
import { SourceText } from "../../source/text.js";
import { explain } from "./explain.js";
import type { Expectation, FromEngine, Picture, RunJob } from "./messages.js";
import { countingCache, type Paces } from "./paces.js";

/** An engine that stays open, and the world around it. */
export interface OpenedWorld {
  readonly engine: Pick<Engine, "name">;
  /** A world whose writes go to the host that it is given, and that closes nothing which the next run needs. */
  readonly world: (host: Host, cache?: Cache) => World;
}

export interface RunSurroundings {
  /** Version of this lacec. */
  readonly version: string;
  /** The engine may still be opening: a script is compiled meanwhile. */
  readonly opening: Promise<OpenedWorld>;
  /** Reads the project. */
  readonly host: Host;
  /** The name in the project of a path of the host. Errors: LaceError L5004 for one that leads out of it. */
  readonly nameOf: (path: string) => string;
  readonly cache: Cache;
  /** What runs of this engine take. */
  readonly paces: Paces;
  readonly signal: AbortSignal;
  readonly tell: (message: FromEngine) => void;
}

/** What a job changes of its script. */
export function overridesOfJob({ inputs, count, seed }: RunJob): Overrides {
  return {
    inputs: new Map(Object.entries(inputs)),
    ...(count !== undefined && { count }),
    ...(seed !== undefined && { seed }),
  };
}

/** Runs a job. Never throws what is the script's fault or the environment's: the last message says it. */
export async function runJob(job: RunJob, around: RunSurroundings): Promise<void> {
  const { id, entry } = job;
  const { tell, signal, version, cache, nameOf, opening, paces } = around;
  opening.catch(() => undefined); // told when it is waited for
  const start = performance.now();
  const host: Host = {
    ...around.host,
    writeAtomic: (path, bytes) => {
      const copy = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes.slice();
      tell({ kind: "file", id, path: nameOf(path), bytes: copy });
      return Promise.resolve();
    },
  };
  const overrides = overridesOfJob(job);
  const end = (
    outcome: "done" | "cancelled" | "failed",
    diagnostics: readonly Diagnostic[],
    sources: ReadonlyMap<string, string>,
    expectations: readonly ExpectationResult[] = [],
  ): void =>
    tell({
      ...{ kind: "end", id, outcome, seconds: (performance.now() - start) / 1000 },
      said: diagnostics.map((d) => ({ severity: d.severity, text: shown(d, sources) })),
      expectations: expectations.map(plainExpectation),
    });

  let sources: ReadonlyMap<string, string> = new Map();
  try {
    const compilation = await compileScript(entry, host, overrides);
    ({ sources } = compilation);
    if (compilation.diagnostics.some((d) => d.severity === "error")) {
      end("failed", compilation.diagnostics, sources);
      return;
    }
    const compiled = wholeOf(compilation);
    const { plan, program, diagnostics } = compiled;
    tell({
      ...{ kind: "plan", id },
      tasks: plan.tasks.map((t) => ({ name: t.name, kind: t.kind, rows: rowsOf(t), parts: partsOf(t) })),
    });
    const opened = await opening;
    const { cache: counted, count } = countingCache(cache);
    const world = opened.world(host, counted);
    const codec = await world.openCodec();
    const recipes = pictureRecipes(job, { host, overrides, version }, compiled, opened);
    const results = await execute(plan, world, {
      out: ".",
      script: await identifyScript({ host, version }, program),
      source: {
        program,
        overrides: {
          ...(job.count !== undefined && { count: job.count }),
          ...(job.seed !== undefined && { seed: job.seed }),
        },
      },
      signal,
      watch: (task, samples) => watcher(task, samples, { id, tell, recipes, sources, codec }),
      onExpect: (expectations) => tell({ kind: "expect", id, expectations: expectations.map(plainExpectation) }),
      onEvent: (event) => {
        const said = progressOf(event);
        if (said !== undefined) tell({ kind: "progress", id, ...said });
      },
    });
    if (count.hits === 0) paces.learn(plan, results.tasks);
    end("done", [...diagnostics, ...results.diagnostics], sources, results.expectations);
  } catch (error) {
    if (signal.aborted) end("cancelled", [], sources);
    else if (error instanceof LaceError) end("failed", error.diagnostics, sources);
    else throw error;
  }
}

/** The recipes of single pictures, task by task. */
type PictureRecipes = (task: Task, samples: readonly SampleResult[]) => Promise<RecipeText>;

function pictureRecipes(
  { entry, ...job }: RunJob,
  { host, overrides, version }: { readonly host: Host; readonly overrides: Overrides; readonly version: string },
  compiled: Compiled,
  { world, engine }: OpenedWorld,
): PictureRecipes {
  /** The samples of each task, as far as they are drawn. */
  const own = new Map<string, readonly SampleResult[]>();
  const made = (async () => {
    const { plan } = compiled;
    const lacking = plan.tasks.filter((t, k) => !plan.saves.some((s) => s.tasks.includes(k) && s.form.kind === "each"));
    const lines = lacking.map(
      (t) => `save ${t.name} to "${t.name}-{index}${t.kind === "edit" ? "-{step}" : ""}.png"\n`,
    );
    const longer = {
      ...host,
      readText: async (path: string) => {
        const text = await host.readText(path);
        return path === entry ? `${text.trimEnd()}\n\n${lines.join("")}` : text;
      },
    };
    const whole = lacking.length === 0 ? compiled : wholeOf(await compileScript(entry, longer, overrides));
    const models = await Promise.all(whole.plan.models.map((m) => world(host).loadModel(m)));
    const lock = await makeLock(host, whole.program, whole.plan, models, version);
    const changed = {
      ...(job.count !== undefined && { count: job.count }),
      ...(job.seed !== undefined && { seed: job.seed }),
    };
    const source = { program: whole.program, overrides: changed };
    return { plan: whole.plan, recipes: new Recipes(host, whole.plan, source, lock, engine.name) };
  })();
  made.catch(() => undefined); // said where it is used
  return async (task, samples) => {
    own.set(task.name, samples);
    const { plan, recipes } = await made;
    const at = plan.tasks.findIndex((t) => t.name === task.name);
    const save = plan.saves.find((s) => s.tasks.includes(at) && s.form.kind === "each");
    const [known] = [plan.tasks[at]];
    if (save === undefined || known === undefined) return () => undefined;
    return recipes.textsOf(save, (name: string) => attemptsOf(own.get(name) ?? []));
  };
}

interface Watching {
  readonly id: number;
  readonly tell: (message: FromEngine) => void;
  readonly recipes: PictureRecipes;
  readonly sources: ReadonlyMap<string, string>;
  readonly codec: ImageCodec;
}

/** Tells of each picture of a task, a PNG with its recipe inside. */
function watcher(task: Task, samples: readonly SampleResult[], { id, tell, recipes, sources, codec }: Watching): Sink {
  const texts = recipes(task, samples);
  texts.catch(() => undefined);
  return {
    wants: (picture) => isPart(picture) || picture.part === BEFORE,
    accept: async (image, picture) => {
      if (image === undefined) return;
      const { index, part } = picture;
      const place = { index: imageNumber(task, picture), ...(task.kind === "edit" && { step: part }) };
      const text = isPart(picture) ? (await texts)(place) : undefined;
      const terms = isPart(picture) ? explain(askedOf(task, picture), task.logic, picture.heads, sources) : undefined;
      const told: Picture = {
        ...{ task: task.name, index, part, label: labelOf(task, part), status: picture.status, logp: picture.logp },
        ...{ evaluations: picture.evaluations, steps: picture.steps },
        ...{ accepted: picture.accepted, rejected: picture.rejected },
        ...(picture.attempt !== undefined && { attempt: picture.attempt }),
        ...{ width: image.width, height: image.height },
        png: await codec.encode(image, "png", text),
        ...(terms !== undefined && { terms }),
      };
      tell({ kind: "picture", id, picture: told });
    },
    preview: async (small, { index, part }) => {
      const about = {
        task: task.name,
        index,
        part,
        label: labelOf(task, part),
        width: small.width,
        height: small.height,
      };
      tell({ kind: "preview", id, picture: { ...about, png: await codec.encode(small, "png") } });
    },
    finish: () => Promise.resolve([]),
  };
}

/** The part that is what was before an edit. */
const BEFORE = -1;

function labelOf(task: Task, part: number): string {
  if (task.kind === "edit") return part === BEFORE ? "before" : (task.steps[part]?.text ?? "");
  if (task.kind === "sweep") return axisTexts(task.axes, part).join(", ");
  return task.kind === "traverse" ? `frame ${part}` : "";
}

function progressOf(event: RunEvent): { readonly text: string; readonly part?: number } | undefined {
  const about = (phase: string, task: string | undefined): string =>
    [phase, task].filter((x) => x !== undefined).join(" ");
  if (event.kind === "start") return { text: about(event.phase, event.task) };
  if (event.kind !== "progress") return undefined;
  const { phase, task, done, total } = event;
  const text = `${about(phase, task)} ${Math.floor(done)}/${total}`;
  return { text, ...(total > 0 && { part: Math.min(1, done / total) }) };
}

function shown(diagnostic: Diagnostic, sources: ReadonlyMap<string, string>): string {
  return render(diagnostic, (file) => {
    const text = sources.get(file);
    return text === undefined ? undefined : new SourceText(file, text);
  });
}

function plainExpectation({ task, text, fraction, heads, labeller, passed }: ExpectationResult): Expectation {
  const { satisfied, counted } = labeller ?? heads;
  return { task, text, fraction, satisfied, counted, passed, by: labeller === undefined ? "heads" : "labeller" };
}
