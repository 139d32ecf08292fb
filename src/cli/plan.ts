// lacec plan: what a run of a script would take, and how rare what it asks for is.
import { plan, rateText, type ConditionRate, type PlannedRun, type PlannedTask } from "../app/plan.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { bytesText } from "./describe.js";
import { EXIT } from "./exit.js";
import type { Io } from "./io.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { expandScripts } from "./scripts.js";

interface PlanFlags extends Flags {
  readonly set?: Readonly<Record<string, number | string>>;
  readonly count?: number;
  readonly seed?: number;
  readonly engine: string;
}

/** Cells of a sweep whose rates are printed: the rarest. */
const CELLS_SHOWN = 4;

/** `lacec plan SCRIPT...` */
export const planCommand = command(
  {},
  async ({ io, platform, watch }, words: readonly string[], options: PlanFlags) => {
    const { set: inputs = {}, count, seed, json } = options;
    const scripts = await expandScripts(words);
    const cache = platform.openCache();
    const documents: object[] = [];
    try {
      for (const script of scripts) {
        const engine = engineChoice(options.engine);
        const planned = await plan(platform, script, { ...watch, inputs, count, seed, engine, cache });
        const { diagnostics, sources, ...rest } = planned;
        documents.push({ script, ...rest, diagnostics: jsonDiagnostics(diagnostics, sources) });
        if (json === true) continue;
        printDiagnostics(diagnostics, sources, io);
        if (scripts.length > 1) io.out(`${io.outColors.bold(script)}\n`);
        io.out(describe(planned, io));
      }
    } finally {
      await cache.close();
    }
    const [only, ...more] = documents;
    if (json === true) io.out(`${JSON.stringify(more.length === 0 ? only : { scripts: documents }, null, 2)}\n`);
    return EXIT.done;
  },
);

function describe(planned: PlannedRun, io: Io): string {
  const { tasks, files, engine } = planned;
  const c = io.outColors;
  const lines = tasks.flatMap((task) => [
    `${c.bold(task.name)}  ${taskText(task)}`,
    ...rateLines(task).map((line) => `  ${line}`),
  ]);
  const saved = files.map(({ path, files: n, width, height, bytes }) => {
    return `${path}  ${n === 1 ? "" : `${n} files of `}${width} x ${height}, about ${bytesText(bytes)}`;
  });
  const { seconds, evaluations, most } = planned;
  const whole = `about ${span(secondsText, seconds, most?.seconds)} on ${engine.name}, ${span(count, evaluations, most?.evaluations)} evaluations`;
  return `${[...lines, ...saved, files.length === 0 ? whole : `${whole}, ${bytesText(planned.bytes)}`].join("\n")}\n`;
}

function taskText({ kind, rows, parts, resolution, tries, most, ...least }: PlannedTask): string {
  const part = { sample: "", sweep: " cells", traverse: " frames", edit: " steps" }[kind];
  const size = parts === 1 && kind === "sample" ? count(rows) : `${count(rows)} x ${count(parts)}${part}`;
  const again = tries === null ? "" : `, up to ${tries} tries of each`;
  const evaluations = `${span(count, least.evaluations, most?.evaluations)} evaluations`;
  const drawing = span(secondsText, drawSeconds(least.seconds), most === null ? undefined : drawSeconds(most.seconds));
  const pictures =
    least.pictures === 0
      ? "no pictures"
      : `${span(count, least.pictures, most?.pictures)} pictures of ${resolution} px`;
  const painting = span(secondsText, least.seconds.synthesise, most?.seconds.synthesise);
  return `${kind} of ${size}${again}: ${evaluations}, ${drawing}; ${pictures}, ${painting}`;
}

function drawSeconds({ compile, sample }: PlannedTask["seconds"]): number {
  return compile + sample;
}

/** A number, or the least and the most of one that is not known. */
function span(text: (n: number) => string, least: number, most = least): string {
  const [low, high] = [text(least), text(most)];
  return low === high ? low : `${low} to ${high}`;
}

function rateLines({ kind, conditions }: PlannedTask): string[] {
  const sorted = [...conditions].sort((a, b) => a.satisfied - b.satisfied);
  const shown = sorted.slice(0, CELLS_SHOWN).filter((rate) => rate.counted > 0 && rate.text !== "always");
  const line = (rate: ConditionRate): string =>
    `${rateText(rate)} unconditional samples satisfy ${kind === "sweep" ? `cell ${rate.part}, ` : ""}${rate.text}`;
  return shown.flatMap((rate) => [line(rate), ...(rate.advice === undefined ? [] : [`  ${rate.advice}`])]);
}

function count(n: number): string {
  return n.toLocaleString("en-US");
}

function secondsText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
