// Sampling on an engine's device: the start and the step of a sampler are graphs, whose outputs stay there and are the inputs of the next step.
// In: the compiled sampler, starts, noise. Out: a SamplingResult, as the samplers of the host give it.
// Invariants: the host sees nothing but `look`, as seldom as it may: of n steps at most n / 8 + 2 reads; a sample of lane i sits in row i mod rows, and
// its bits depend on nothing but its row: what is queued beyond its end, or for others, leaves its state as it is; no kept value is left, whatever happens.
import { noiseParts, noiseWidth, scheduleOf } from "../../compiler/build/step-stochastic.js";
import { STATE } from "../../compiler/build/step-state.js";
import type { StepGraphs } from "../../compiler/build/step-graphs.js";
import type { Executable, QueueInputs, Resident } from "../../compiler/graph/graph.js";
import type { Sampler } from "../../compiler/plan.js";
import { SAMPLE_STATUSES, type SampleStatus } from "../../compiler/sampling/status.js";
import { InternalError } from "../../source/internal-error.js";
import type { SolveProgress } from "../ode/solution.js";
import { summarizeChain } from "./chains.js";
import { seatsOf } from "./field.js";
import type { NoiseSource } from "./noise-source.js";
import type { SampledStats, SamplingResult } from "./result.js";

/** A sampler's start and step, compiled by an engine that keeps their outputs. */
export interface DeviceSampler extends Omit<StepGraphs, "start" | "step"> {
  readonly start: Executable;
  readonly step: Executable;
  /** Rows of the compiled tile. */
  readonly rows: number;
}

export interface DeviceOptions {
  readonly device: DeviceSampler;
  readonly sampler: Sampler;
  readonly zDim: number;
  /** Where in the tiles each sample sits, counted through all tiles. Distinct. */
  readonly lanes: readonly number[];
  /** [B, zDim]; not changed. */
  readonly z0: Float64Array;
  /** Further inputs of the gradient, [B, width] each. */
  readonly anchors?: Readonly<Record<string, Float32Array>>;
  /** Of samplers that draw noise: asked for one sample after the other. */
  readonly noise: NoiseSource;
  readonly onProgress?: (progress: SolveProgress) => void;
  readonly signal?: AbortSignal;
}

/** Steps before the first look: most samples take more. */
const FIRST_STEPS = 8;
/** Steps for each read, beyond the first two: at least. */
const STEPS_A_READ = 8;
/** Steps queued at a time: at most, so that one who waits can stop it. */
const MOST_STEPS = 64;
/** A tile is packed anew when this part of its rows can begin another sample, or none is under way. */
const PACKED_SHARE = 1 / 4;

/** Draws all samples. Numerical failure is a status of a sample. */
export async function sampleOnDevice(options: DeviceOptions): Promise<SamplingResult> {
  const drawing = new DeviceDrawing(options);
  try {
    return await drawing.run();
  } finally {
    drawing.dispose();
  }
}

/** Of a row of the tile: who sits there, and how many steps the sample has taken. */
interface Seat {
  readonly position: number;
  taken: number;
  /** Of its way, in [0, 1], when it was last looked at. */
  share: number;
  isUnderWay: boolean;
}

class DeviceDrawing {
  private readonly waiting: number[][];
  private readonly seats: (Seat | undefined)[];
  /** What is kept: the state, and what the gradient takes beside it. */
  private kept: Record<string, Resident> = {};
  private look: Resident | undefined;
  private readonly z: Float64Array;
  private readonly logp: Float64Array;
  private readonly stats: (SampledStats | undefined)[];
  private readonly width: number;
  private evaluations = 0;
  private queued = 0;
  private reads = 0;

  constructor(private readonly o: DeviceOptions) {
    const { lanes, z0, device, zDim } = o;
    this.waiting = seatsOf(lanes, device.rows).map((members) => [...members]);
    this.seats = this.waiting.map(() => undefined);
    this.z = z0.slice();
    this.logp = new Float64Array(lanes.length).fill(NaN);
    this.stats = lanes.map(() => undefined);
    this.width = device.columns.length + device.trace + zDim;
  }

  async run(): Promise<SamplingResult> {
    const { lanes, signal } = this.o;
    if (lanes.length > 0) await this.seatNext();
    let ahead = FIRST_STEPS;
    while (this.underWay().length > 0) {
      if (signal?.aborted === true) break;
      await this.step(ahead);
      const steps = await this.lookAround();
      this.tell();
      const free = this.seats.filter((seat, row) => seat?.isUnderWay !== true && this.waitingAt(row)).length;
      if (free > 0 && (free >= PACKED_SHARE * this.o.device.rows || steps.length === 0)) {
        await this.seatNext();
        steps.push(...Array.from({ length: free }, () => FIRST_STEPS));
      }
      ahead = this.stepsAhead(steps);
    }
    return {
      ...{ z: this.z, logp: this.logp, evaluations: this.evaluations },
      samples: this.stats.map((stats) => stats ?? stopped()),
    };
  }

  dispose(): void {
    for (const value of Object.values(this.kept)) value.dispose();
    this.look?.dispose();
    this.kept = {};
    this.look = undefined;
  }

  private waitingAt(row: number): boolean {
    return (this.waiting[row]?.length ?? 0) > 0;
  }

  private underWay(): readonly Seat[] {
    return this.seats.filter((seat): seat is Seat => seat?.isUnderWay === true);
  }

  /**
   * How many steps to queue: what is expected still, until a part of the rows is free where samples wait, else until all are; no more than half of
   * what was taken, so that an expectation that is wrong costs little; and so many that one read more is allowed.
   */
  private stepsAhead(steps: readonly number[]): number {
    const sorted = [...steps].sort((a, b) => a - b);
    const isFull = this.waiting.some((members) => members.length > 0);
    const target = sorted[isFull ? Math.floor(sorted.length * PACKED_SHARE) : sorted.length - 1] ?? 1;
    const allowed = STEPS_A_READ * (this.reads + 1 - 2) - this.queued;
    const taken = Math.max(...this.underWay().map((seat) => seat.taken));
    return Math.max(1, allowed, Math.min(MOST_STEPS, target, Math.max(FIRST_STEPS, Math.ceil(taken / 2))));
  }

  /** Starts the next sample of every row that has none under way. */
  private async seatNext(): Promise<void> {
    const { zDim, z0, lanes, anchors = {}, device } = this.o;
    const { rows } = device;
    const fresh = new Float32Array(rows);
    for (let row = 0; row < rows; row++) {
      if (this.seats[row]?.isUnderWay === true) continue;
      const position = this.waiting[row]?.shift();
      if (position === undefined) continue;
      this.seats[row] = { position, taken: 0, share: 0, isUnderWay: true };
      fresh[row] = 1;
    }
    const isFirst = Object.keys(this.kept).length === 0;
    // Rows without a sample begin with the first one's numbers, a sigma among which must not be 0; what becomes of them is not looked at.
    if (isFirst) fresh.fill(1);
    const gather = (values: ArrayLike<number>, width: number): Float32Array => {
      const tile = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++) {
        const position = this.seats[row]?.position ?? 0;
        for (let c = 0; c < width; c++) tile[row * width + c] = values[position * width + c] ?? 0;
      }
      return tile;
    };
    const held = Object.entries(anchors).map(([name, values]) => [name, gather(values, values.length / lanes.length)]);
    const zeros = new Float32Array(rows * zDim);
    const book = new Float32Array(rows * (this.width - zDim));
    await this.replace(device.start, {
      ...(isFirst ? { z: zeros, slope: zeros, book } : this.kept),
      ...(Object.fromEntries(held) as Record<string, Float32Array>),
      start: gather(z0, zDim),
      fresh,
    });
    this.evaluations += device.evaluations.start;
  }

  /** Queues steps. */
  private async step(count: number): Promise<void> {
    const { device } = this.o;
    for (let k = 0; k < count; k++) {
      await this.replace(device.step, { ...this.kept, ...this.drawn() });
      this.evaluations += device.evaluations.step;
      this.queued += 1;
      for (const seat of this.underWay()) seat.taken += 1;
    }
  }

  /** Runs a graph from state to state, and lets the state before go. What it does not give stays. */
  private async replace({ queue }: Executable, inputs: QueueInputs): Promise<void> {
    if (queue === undefined) throw new InternalError("an executable that keeps no values");
    const { look, ...after } = await queue(inputs);
    if (look === undefined || STATE.some((name) => after[name] === undefined))
      throw new InternalError("a step without its state");
    this.look?.dispose();
    for (const name of Object.keys(after)) this.kept[name]?.dispose();
    this.look = look;
    this.kept = { ...this.kept, ...after };
  }

  /** The noise of each row's next step, and what depends on its number. */
  private drawn(): Record<string, Float32Array> {
    const { sampler, device, zDim, noise, z0 } = this.o;
    if (sampler.kind === "ode") return {};
    const { rows } = device;
    const width = noiseWidth(sampler, zDim);
    const all = new Float32Array(rows * width);
    const scheduled = scheduleOf(sampler, 0).length;
    const schedule = new Float32Array(rows * scheduled);
    const parts = noiseParts(sampler);
    // All rows that began together are at one step: the noise of all samples is drawn once for each step that some are at.
    const steps = new Map<number, number[]>();
    this.seats.forEach((seat, row) => {
      if (seat?.isUnderWay !== true || seat.taken >= sampler.steps) return;
      steps.set(seat.taken, [...(steps.get(seat.taken) ?? []), row]);
      schedule.set(scheduleOf(sampler, seat.taken), row * scheduled);
    });
    const xi = new Float64Array(z0.length);
    for (const [k, at] of steps) {
      let from = 0;
      for (const { purpose, slot, isWhole } of parts) {
        noise(k, purpose, slot, xi);
        const size = isWhole ? zDim : 1;
        for (const row of at) {
          const o = (this.seats[row]?.position ?? 0) * zDim;
          all.set(xi.subarray(o, o + size), row * width + from);
        }
        from += size;
      }
    }
    return { noise: all, ...(scheduled > 0 && { schedule }) };
  }

  /** Reads what became of the rows; takes those that have ended. Out: of the others, the steps that they will take yet. */
  private async lookAround(): Promise<number[]> {
    const { device } = this.o;
    const { rows } = device;
    const seen = await this.look?.read();
    if (seen?.length !== rows * this.width) throw new InternalError("the state does not fit its tile");
    this.reads += 1;
    const steps: number[] = [];
    this.seats.forEach((seat, row) => {
      if (seat?.isUnderWay !== true) return;
      const own = seen.subarray(row * this.width, (row + 1) * this.width);
      const column = (name: string): number => own[device.columns.indexOf(name)] ?? NaN;
      const status = column("status");
      const outlook = device.outlook(column);
      seat.isUnderWay = status === 0;
      seat.share = seat.isUnderWay ? outlook.share : 1;
      if (seat.isUnderWay) steps.push(outlook.steps);
      this.take(seat, own, SAMPLE_STATUSES[status - 1] ?? "stopped");
    });
    return steps;
  }

  /** Takes what was seen of a sample: its end, or where it is if nobody looks again. */
  private take({ position, taken }: Seat, own: Float32Array, status: SampleStatus): void {
    const { device, sampler, zDim } = this.o;
    const { columns, trace } = device;
    const column = (name: string): number => own[columns.indexOf(name)] ?? NaN;
    this.z.set(own.subarray(columns.length + trace), position * zDim);
    this.logp[position] = column("logp");
    const [accepted, rejected] = [column("accepted"), column("rejected")];
    const counts = { steps: accepted + rejected, accepted, rejected, evaluations: column("evaluations") };
    const kept = sampler.kind === "hmc" ? Math.max(0, Math.min(taken, sampler.steps) - (sampler.steps - trace)) : 0;
    const chain = summarizeChain([...own.subarray(columns.length, columns.length + kept)]);
    this.stats[position] = { status, ...counts, ...(chain !== undefined && { chain }) };
  }

  private tell(): void {
    const total = this.stats.length;
    const underWay = this.underWay();
    const left = this.waiting.reduce((n, members) => n + members.length, 0);
    const finished = total - left - underWay.length;
    const covered = finished + underWay.reduce((sum, { share }) => sum + share, 0);
    const { evaluations } = this;
    this.o.onProgress?.({ finished, total, fraction: covered / Math.max(1, total), evaluations });
  }
}

/** A sample whose turn did not come. */
function stopped(): SampledStats {
  return { status: "stopped", steps: 0, accepted: 0, rejected: 0, evaluations: 0 };
}
