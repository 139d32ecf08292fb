// What a run tells while it goes: phases with their seconds, progress, files, diagnostics. The command line draws bars from it.
import type { Diagnostic } from "../source/diagnostic.js";

/** In the order a task goes through them; `save` closes the run; `label` and `train` are runs of their own; the last four but one are of models from outside, `measure` is of engines. */
export type PhaseName =
  | "check"
  | "load"
  | "tune"
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
  readonly seconds: Map<PhaseName, number>;
  /** Seconds so far that `aside` has counted elsewhere. */
  private apart = 0;

  constructor(
    protected readonly now: () => number,
    protected readonly onEvent: OnEvent,
    seconds = new Map<PhaseName, number>(),
  ) {
    this.seconds = seconds;
  }

  /**
   * A clock for work that is done a part at a time beside other work: each phase is told of once, over all of its parts, and its seconds are those of its
   * parts, into this clock's. `totals` by task: what there is in all.
   */
  inParts(totals: ReadonlyMap<string, number>): PartsClock {
    return new PartsClock(this.now, this.onEvent, this.seconds, totals);
  }

  /** Runs `work` as a phase. `note` of the result goes into the end event ("104 evaluations"). */
  async run<T>(
    phase: PhaseName,
    about: { readonly task?: string; readonly total?: number },
    work: () => Promise<T>,
    note?: (result: T) => string,
  ): Promise<T> {
    this.onEvent({ kind: "start", phase, ...about });
    const { result, seconds } = await this.timed(work);
    this.add(phase, seconds);
    const task = about.task === undefined ? {} : { task: about.task };
    this.onEvent({ kind: "end", phase, ...task, seconds, ...(note !== undefined && { note: note(result) }) });
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

  /** Does some work, and says how long it took but for what `aside` has counted. */
  protected async timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
    const start = this.now();
    const apart = this.apart;
    const result = await work();
    return { result, seconds: (this.now() - start) / 1000 - (this.apart - apart) };
  }

  protected add(phase: PhaseName, seconds: number): void {
    this.seconds.set(phase, (this.seconds.get(phase) ?? 0) + seconds);
  }

  /** Passes a progress report on. */
  progress(phase: PhaseName, task: string | undefined, done: number, total: number, note?: string): void {
    const about = { ...(task !== undefined && { task }), ...(note !== undefined && { note }) };
    this.onEvent({ kind: "progress", phase, done, total, ...about });
  }
}

/** A phase of which some parts are done. */
interface Begun {
  readonly phase: PhaseName;
  readonly task: string | undefined;
  done: number;
  seconds: number;
  note: string | undefined;
}

/** A clock of phases that come in parts, one part after the other: they begin with their first, and end with `finish`. */
export class PartsClock extends PhaseClock {
  private readonly begun = new Map<string, Begun>();

  constructor(
    now: () => number,
    onEvent: OnEvent,
    seconds: Map<PhaseName, number>,
    private readonly totals: ReadonlyMap<string, number>,
  ) {
    super(now, onEvent, seconds);
  }

  override async run<T>(
    phase: PhaseName,
    about: { readonly task?: string; readonly total?: number },
    work: () => Promise<T>,
    note?: (result: T) => string,
  ): Promise<T> {
    const own = this.entry(phase, about.task, about.total);
    const { result, seconds } = await this.timed(work);
    this.add(phase, seconds);
    own.seconds += seconds;
    own.done += about.total ?? 0;
    if (note !== undefined) own.note = note(result);
    return result;
  }

  override progress(phase: PhaseName, task: string | undefined, done: number, total: number, note?: string): void {
    const before = this.entry(phase, task, total).done;
    super.progress(phase, task, before + done, this.totalOf(task, before + total), note);
  }

  /** Tells that all phases have ended. */
  finish(): void {
    for (const { phase, task, seconds, note } of this.begun.values())
      this.onEvent({
        kind: "end",
        phase,
        ...(task !== undefined && { task }),
        seconds,
        ...(note !== undefined && { note }),
      });
    this.begun.clear();
  }

  private entry(phase: PhaseName, task: string | undefined, total: number | undefined): Begun {
    const key = `${phase} ${task ?? ""}`;
    const known = this.begun.get(key);
    if (known !== undefined) return known;
    const made: Begun = { phase, task, done: 0, seconds: 0, note: undefined };
    this.begun.set(key, made);
    const all = total === undefined ? undefined : this.totalOf(task, total);
    this.onEvent({
      kind: "start",
      phase,
      ...(task !== undefined && { task }),
      ...(all !== undefined && { total: all }),
    });
    return made;
  }

  /** What there is in all; where nobody said, what has come so far. */
  private totalOf(task: string | undefined, soFar: number): number {
    return Math.max(soFar, this.totals.get(task ?? "") ?? 0);
  }
}
