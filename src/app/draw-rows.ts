// Some rows of a recipe's task, for a thread or a machine that shares the work of many images.
// In: a job of plain data, services. Out: the images of its rows, byte for byte those of a run that draws them all.
// Invariants: a job is checked before anything is computed, for it may come from a stranger; engine and models are opened once.
import { failure, LaceError } from "../source/diagnostic.js";
import type { OnEvent } from "../ports/events.js";
import type { Host } from "../ports/host.js";
import { stopIfAborted } from "../ports/stop.js";
import type { Model } from "../models/model.js";
import type { PlanModel } from "../compiler/plan.js";
import { fileFormat } from "../runtime/plan/path-template.js";
import { type FileFormat } from "../runtime/services/codec.js";
import { parseRecipe, type Recipe } from "../runtime/recipe/recipe.js";
import type { Engine } from "../runtime/services/engine.js";
import type { Services } from "../runtime/services/services.js";
import { openRecipe, reproduce } from "./reproduce.js";

/** What travels to whoever draws: plain data that survives JSON and `postMessage`. */
export interface RowsJob {
  /** As an image of one sample carries it; `lacec show --json` prints it. */
  readonly recipe: Recipe;
  /** Indices of samples, whatever index the recipe has. */
  readonly rows: readonly number[];
}

export interface DrawnRow {
  readonly index: number;
  readonly format: FileFormat;
  /** The image file. */
  readonly bytes: Uint8Array;
  /** Sentences: what the recipe was made with that is not the same here. */
  readonly differences: readonly string[];
}

export interface DrawRowsOptions {
  readonly host: Host;
  /** Services of this machine that read and write through the host they are given. */
  readonly services: (host: Host) => Services;
  /** Version of the lacec that runs. */
  readonly lacec: string;
  /** Where the recipe's models lie, by the name that its script declares. */
  readonly models?: ReadonlyMap<string, string>;
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

/**
 * Draws the rows of a job, in their order.
 *
 * Errors   LaceError: L5303 for a recipe that cannot be read or is not that of one image a sample, the diagnostics of a script that
 *          does not compile (L5304: a model that is not given), L4106 if `signal` aborts, and what a run throws.
 */
export async function drawRows(job: RowsJob, options: DrawRowsOptions): Promise<readonly DrawnRow[]> {
  const recipe = parseRecipe(JSON.stringify(job.recipe), "the job");
  const rows = [...job.rows];
  const wrong = rows.find((row) => !Number.isSafeInteger(row) || row < 0);
  if (wrong !== undefined) throw failure("L5303", `a job's rows are whole numbers from 0, and ${wrong} is none`);
  if (rows.length === 0) return [];
  const last = rows.reduce((a, b) => Math.max(a, b));
  const opened = await openRecipe(options.host, { ...recipe, index: last }, options.models ?? new Map());
  const { plan, diagnostics } = opened.compilation;
  if (plan === undefined) throw new LaceError(diagnostics);
  const save = plan.saves[recipe.save];
  const format = save?.form.kind === "each" ? fileFormat(save.path, save.form) : undefined;
  if (format === undefined)
    throw failure("L5303", "the job's recipe is not that of an image of one sample", [
      "take it from a file of one image: one of a `save` without `as`",
    ]);
  const shared = shareOpened(options.services(opened.host));
  const { lacec, onEvent, signal } = options;
  const run = {
    world: () => shared.services,
    lacec,
    rejudge: true,
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  };
  try {
    const drawn: DrawnRow[] = [];
    for (const index of rows) {
      stopIfAborted(signal);
      const { bytes, differences } = await reproduce({ ...opened, recipe: { ...recipe, index } }, format, run);
      drawn.push({ index, format, bytes, differences });
    }
    return drawn;
  } finally {
    await shared.close();
  }
}

/** Services whose engine and models are opened once and stay until `close`. */
function shareOpened(services: Services): { readonly services: Services; readonly close: () => Promise<void> } {
  let engine: Promise<Engine> | undefined;
  const models = new Map<string, Promise<Model>>();
  const loadModel = (asked: PlanModel): Promise<Model> => {
    const found = models.get(asked.alias) ?? services.loadModel(asked);
    models.set(asked.alias, found);
    return found;
  };
  const openEngine = async (): Promise<Engine> => {
    engine ??= services.openEngine();
    return { ...(await engine), dispose: () => Promise.resolve() };
  };
  return {
    services: { ...services, openEngine, loadModel },
    close: async () => {
      const opened = await engine?.catch(() => undefined);
      await opened?.dispose();
    },
  };
}
