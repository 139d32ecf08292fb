// The pictures of a script for an eye that is to label them: drawn as they are for an evaluation, numbered in an order by chance, without a recipe.
// In: a plan, a folder. Out: files there, and a table to fill in. Invariants: the table comes last and is never written over; one of other pictures is
// refused before anything is drawn anew.
import { untuned, type Plan } from "../../compiler/plan.js";
import { modelError } from "../../models/model-error.js";
import { PhaseClock, type OnEvent } from "../../ports/events.js";
import { stopIfAborted } from "../../ports/stop.js";
import { stylesOf } from "../../runtime/draw/styles.js";
import type { SampleResult, TaskResult } from "../../runtime/draw/results.js";
import { execute } from "../../runtime/execute.js";
import type { ScriptIdentity } from "../../runtime/record/record.js";
import type { Services } from "../../runtime/services/services.js";
import { dryWorld } from "../../runtime/services/world.js";
import { shortOfMemory } from "../../runtime/show/image-batches.js";
import { openPainter } from "../../runtime/show/painter.js";
import { modelForClass, rowOf } from "../../runtime/show/synthesis-inputs.js";
import { readLabelTable } from "../label/label-table.js";
import { emptyTable, namedBy, outcomesOf, PICTURE, pictureKeys } from "./by-hand.js";
import { LOOK } from "./seen.js";

export interface ExportedOutcomes {
  readonly folder: string;
  readonly count: number;
  /** The table that labels go into. */
  readonly table: string;
  /** Whether it was there already: it is then left as it is. */
  readonly kept: boolean;
}

export interface ExportOptions {
  readonly services: Services;
  readonly script: ScriptIdentity;
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

/** A picture that is to be written: its result, its sample, its number. */
interface Numbered {
  readonly result: TaskResult;
  readonly sample: SampleResult;
  readonly file: string;
}

/**
 * Draws the outcomes of a plan and writes them to a folder, with `labels.csv`.
 *
 * Errors   LaceError as execute's; L5313 if the folder has a table of other pictures.
 */
export async function exportOutcomes(asked: Plan, folder: string, options: ExportOptions): Promise<ExportedOutcomes> {
  const plan = untuned(asked);
  const { services, script, onEvent = (): void => undefined, signal } = options;
  const { host } = services;
  const clock = new PhaseClock(() => host.now(), onEvent);
  await services.prepareOutput(folder);
  const results = await execute({ ...plan, saves: [], expects: [] }, dryWorld(services), {
    ...{ out: ".", script, onEvent },
    ...(signal !== undefined && { signal }),
  });
  const keys = await pictureKeys(host, plan, results);
  const order = [...keys].sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
  const digits = Math.max(6, `${order.length - 1}`.length);
  const fileOf = new Map(order.map(([sample], n) => [sample, `${String(n).padStart(digits, "0")}.png`] as const));
  const table = `${folder}/labels.csv`;
  const kept = await host.exists(table);
  if (kept) {
    const there = readLabelTable(await host.readText(table), table).rows.map((r) => r.cells.get(PICTURE) ?? "");
    if (there.join() !== order.map(([, key]) => key).join())
      throw modelError("L5313", table, "it is of other pictures than this script draws", ["export to another folder"]);
  }
  const [engine, codec] = [await services.openEngine(), await services.openCodec()];
  try {
    await clock.run("synthesise", { total: order.length }, async () => {
      let done = 0;
      for (const result of results.tasks) {
        const { task } = result;
        const own = results.models[task.model];
        if (own === undefined) continue;
        const model = modelForClass(own, task.class);
        const painter = openPainter({
          ...{ model, engine, services, noise: task.noise, count: LOOK },
          onShort: (left) => onEvent({ kind: "note", text: shortOfMemory(left).message }),
        });
        const wanted = outcomesOf(result).flatMap((sample): Numbered[] => {
          const file = fileOf.get(sample);
          return file === undefined ? [] : [{ result, sample, file }];
        });
        try {
          for (let start = 0; start < wanted.length; start += LOOK) {
            stopIfAborted(signal);
            const batch = wanted.slice(start, start + LOOK);
            const images = await painter.paint(
              batch.map(({ sample }) => stylesOf(sample, model.info.numWs)),
              batch.map(({ sample }) => rowOf(task, sample)),
            );
            for (const [k, { file }] of batch.entries()) {
              const image = images[k];
              if (image !== undefined) await host.writeAtomic(`${folder}/${file}`, await codec.encode(image, "png"));
            }
            done += batch.length;
            clock.progress("synthesise", undefined, done, order.length);
          }
        } finally {
          await painter.dispose();
        }
      }
    });
  } finally {
    await engine.dispose();
  }
  const names = results.tasks.flatMap(({ task }) =>
    namedBy(task).map((a) => results.models[task.model]?.info.attributes[a]?.name ?? ""),
  );
  const columns = [...new Set(names)];
  const files = order.map(([sample]) => fileOf.get(sample) ?? "");
  if (!kept)
    await host.writeAtomic(
      table,
      emptyTable(
        files,
        order.map(([, key]) => key),
        columns,
      ),
    );
  return { folder, count: order.length, table, kept };
}
