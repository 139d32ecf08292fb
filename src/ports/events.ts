// What a run tells while it goes: phases with their seconds, progress, files, diagnostics. The command line draws bars from it.
import type { Diagnostic } from "../source/diagnostic.js";

/** In the order a task goes through them; `save` closes the run; `label` and `train` are runs of their own; the last four but one are of models from outside, `measure` is of engines. */
export type PhaseName =
  | "check"
  | "load"
  | "compile"
  | "sample"
  | "synthesise"
  | "label"
  | "compare"
  | "train"
  | "save"
  | "read"
  | "convert"
  | "write"
  | "download"
  | "measure";

export type RunEvent =
  | { readonly kind: "start"; readonly phase: PhaseName; readonly task?: string; readonly total?: number }
  /** `done` of `total` samples or images; comes often, draw it rarely. */
  | {
      readonly kind: "progress";
      readonly phase: PhaseName;
      readonly task?: string;
      readonly done: number;
      readonly total: number;
      readonly note?: string;
    }
  | {
      readonly kind: "end";
      readonly phase: PhaseName;
      readonly task?: string;
      readonly seconds: number;
      readonly note?: string;
    }
  /** Something that is worth a line while the work goes on. */
  | { readonly kind: "note"; readonly text: string }
  /** A whole file is at its place. `path` is relative to the output folder. */
  | { readonly kind: "wrote"; readonly path: string; readonly bytes: number }
  | { readonly kind: "diagnostic"; readonly diagnostic: Diagnostic };

export type OnEvent = (event: RunEvent) => void;

/** Times phases on one clock and reports them; the seconds of each go into run.json. */
export class PhaseClock {
  readonly seconds = new Map<PhaseName, number>();
  /** Seconds so far that `aside` has counted elsewhere. */
  private apart = 0;

  constructor(
    private readonly now: () => number,
    private readonly onEvent: OnEvent,
  ) {}

  /** Runs `work` as a phase. `note` of the result goes into the end event ("104 evaluations"). */
  async run<T>(
    phase: PhaseName,
    about: { readonly task?: string; readonly total?: number },
    work: () => Promise<T>,
    note?: (result: T) => string,
  ): Promise<T> {
    const start = this.now();
    const apart = this.apart;
    this.onEvent({ kind: "start", phase, ...about });
    const result = await work();
    const seconds = (this.now() - start) / 1000 - (this.apart - apart);
    this.add(phase, seconds);
    const task = about.task === undefined ? {} : { task: about.task };
    this.onEvent({ kind: "end", phase, ...task, seconds, ...(note === undefined ? {} : { note: note(result) }) });
    return result;
  }

  /** Work of another phase within one that runs: its seconds count there alone. No events. */
  async aside<T>(phase: PhaseName, work: () => Promise<T>): Promise<T> {
    const start = this.now();
    const result = await work();
    const seconds = (this.now() - start) / 1000;
    this.apart += seconds;
    this.add(phase, seconds);
    return result;
  }

  private add(phase: PhaseName, seconds: number): void {
    this.seconds.set(phase, (this.seconds.get(phase) ?? 0) + seconds);
  }

  /** Passes a progress report on. */
  progress(phase: PhaseName, task: string | undefined, done: number, total: number, note?: string): void {
    const about = { ...(task === undefined ? {} : { task }), ...(note === undefined ? {} : { note }) };
    this.onEvent({ kind: "progress", phase, done, total, ...about });
  }
}
