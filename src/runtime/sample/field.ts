// The gradient field that samplers follow: log p(c|z) and its gradient in z, for a batch of samples, through fixed tiles.
// In: a compiled gradient (inputs z; outputs logp, grad) for a tile of `rows` rows. Out: a Field over float64 states.
// Invariants: a sample of lane i sits in row i mod rows of whatever run it takes part in; its lane does not depend on what else is drawn, so its
// bits depend neither on the count nor on the shard nor on who sits in the other rows; no more runs than the fullest row has active samples. Where a
// higher tile is given, bits do not depend on rows at all: active samples fill tiles without gaps.
import type { Executable } from "../../compiler/graph/graph.js";
import { InternalError } from "../../source/internal-error.js";
import { LowRank } from "../ode/low-rank.js";

/** log p(c|z) and its gradient. Row i of the answers depends on row i of z alone. */
export interface Field {
  readonly dim: number;
  /**
   * Shapes  z [B, dim], active [B] (1 or 0) -> gradient [B, dim], logp [B]; rows of inactive samples are left as they are.
   * Errors  where log p or a component is not finite, the whole row of the gradient is NaN.
   */
  evaluate(z: Float64Array, active: Uint8Array, gradient: Float64Array, logp: Float64Array): Promise<void>;
  /** The curvature of log p, where what makes it is compiled too. */
  readonly gaussNewton?: GaussNewton;
}

/**
 * The Gauss-Newton matrix G of each sample, positive semidefinite and near the negative second derivatives of log p: those of log p in its
 * arguments (energy/arguments.ts), without negative eigenvalues, between the arguments' gradients. How these turn is left out.
 */
export interface GaussNewton {
  /** As the field's evaluate, and takes G of the active samples at z, until the next time. */
  evaluate(z: Float64Array, active: Uint8Array, gradient: Float64Array, logp: Float64Array): Promise<void>;
  /** Evaluations of the field that this counts for, each a pass forward and a pass back. */
  readonly cost: number;
  /** x <- (1 + a G)^-1 x for one sample; x [dim], a >= 0. */
  solve(sample: number, a: number, x: Float64Array): void;
}

/** What the Gauss-Newton matrix J^T H J is made of: the Jacobian J of the numbers that log p is a function of, and the Hessian H of log p in these. */
export interface JacobianTerm {
  /** Outputs of buildJacobian: `arguments` [rows, count] and `jacobian` [count, rows, zDim] beside the gradient's own. None if count is 0. */
  readonly executable?: Executable;
  readonly count: number;
  /** Passes back through the mapping. */
  readonly passes: number;
  /** Second derivatives [count, count] of log p at the values [count] of its arguments, for the anchors' `numbers` [columns]: a new array. */
  readonly hessianAt: (values: Float32Array, numbers?: Float32Array) => Float64Array;
}

/** A tile of more rows, of which each has the bits that it has in any row of the other (draw/wide-tiles.ts). */
export interface WideTile {
  readonly gradient: Executable;
  readonly rows: number;
}

export interface TileOptions {
  readonly gradient: Executable;
  /** With it samples sit where there is room. */
  readonly wide?: WideTile;
  /** Rows of the compiled tile. */
  readonly rows: number;
  readonly zDim: number;
  /** Where in the tiles each sample of the batch sits, counted through all tiles. Distinct. */
  readonly lanes: readonly number[];
  /** Further inputs of the gradient, [B, width] each, which stay as they are: the anchors of an edit. */
  readonly anchors?: Readonly<Record<string, Float32Array>>;
  /** For solvers that ask for the Gauss-Newton matrix. */
  readonly jacobian?: JacobianTerm;
}

/** Position in the batch and row of a sample. */
interface Member {
  readonly position: number;
  readonly row: number;
}

/** A compiled gradient with its inputs. */
interface Tile {
  readonly rows: number;
  readonly executable: Executable;
  readonly z: Float32Array;
  readonly held: Readonly<Record<string, Float32Array>>;
}

/** One run of a tile, and who takes part. */
interface Run {
  readonly tile: Tile;
  readonly members: readonly Member[];
}

type Outputs = Readonly<Record<string, Float32Array>>;

/** By row of the tile: positions of those who sit there, in the order of their lanes. Errors: InternalError for a lane that is taken twice. */
export function seatsOf(lanes: readonly number[], rows: number): readonly (readonly number[])[] {
  const seats: number[][] = Array.from({ length: rows }, () => []);
  const inOrder = [...lanes.entries()].sort(([, a], [, b]) => a - b);
  inOrder.forEach(([position, lane], k) => {
    if (lane === inOrder[k - 1]?.[1]) throw new InternalError(`lane ${lane} is taken twice`);
    seats[lane % rows]?.push(position);
  });
  return seats;
}

/** A Field that runs a compiled gradient, padded to whole tiles. The engine sees float32. */
export function tiledField(options: TileOptions): Field {
  const { gradient, wide, rows, zDim, lanes, anchors = {}, jacobian: term } = options;
  const widths = Object.entries(anchors).map(([name, values]) => ({
    name,
    values,
    width: values.length / lanes.length,
  }));
  const seats = seatsOf(lanes, rows).map((members, row) => members.map((position): Member => ({ position, row })));
  const low = tileOf(rows, gradient);
  const high = wide && tileOf(wide.rows, wide.gradient);

  function tileOf(height: number, executable: Executable): Tile {
    return {
      ...{ rows: height, executable, z: new Float32Array(height * zDim) },
      // Rows without a sample repeat the first sample's: a number such as a sigma must not be 0.
      held: Object.fromEntries(
        widths.map(({ name, values, width }) => [
          name,
          Float32Array.from({ length: height * width }, (_, c) => values[c % width] ?? 0),
        ]),
      ),
    };
  }

  /** Each run takes one sample for each row: where those of one tile have ended, their rows go to samples of the next. */
  function seatedRuns(active: Uint8Array, tile: Tile): readonly Run[] {
    const awake = seats.map((members) => members.filter(({ position }) => active[position] === 1));
    const count = Math.max(0, ...awake.map((members) => members.length));
    return Array.from({ length: count }, (_, run) => ({ tile, members: awake.flatMap((row) => row[run] ?? []) }));
  }

  /** Runs of the higher tile while it is more than half full, then of the low one. */
  function packedRuns(active: Uint8Array, highTile: Tile): readonly Run[] {
    const awake: number[] = [];
    for (let position = 0; position < active.length; position++) if (active[position] === 1) awake.push(position);
    const runs: Run[] = [];
    for (let start = 0; start < awake.length;) {
      const tile = (awake.length - start) * 2 > highTile.rows ? highTile : low;
      const positions = awake.slice(start, start + tile.rows);
      runs.push({ tile, members: positions.map((position, row) => ({ position, row })) });
      start += positions.length;
    }
    return runs;
  }

  const evaluateWith =
    (
      runsOf: (active: Uint8Array) => readonly Run[],
      take: (outputs: Outputs, member: Member) => void,
    ): Field["evaluate"] =>
    async (z, active, gradientOut, logpOut) => {
      for (const { tile, members } of runsOf(active)) {
        // Rows that nobody takes keep their last values: without effect on the others.
        for (const { position, row } of members) {
          const o = position * zDim;
          tile.z.set(z.subarray(o, o + zDim), row * zDim);
          for (const { name, values, width } of widths)
            tile.held[name]?.set(values.subarray(position * width, (position + 1) * width), row * width);
        }
        const outputs = await tile.executable.run({ ...tile.held, z: tile.z });
        const logp = outputs["logp"];
        const grad = outputs["grad"];
        if (logp?.length !== tile.rows || grad?.length !== tile.rows * zDim)
          throw new InternalError("the gradient's outputs do not fit its tile");
        for (const member of members) {
          const { position, row } = member;
          const value = logp[row] ?? NaN;
          const o = position * zDim;
          logpOut[position] = value;
          gradientOut.set(grad.subarray(row * zDim, (row + 1) * zDim), o);
          if (!Number.isFinite(value)) gradientOut.fill(NaN, o, o + zDim);
          take(outputs, member);
        }
      }
    };

  const runsOf = (active: Uint8Array): readonly Run[] =>
    high === undefined ? seatedRuns(active, low) : packedRuns(active, high);
  const field = { dim: zDim, evaluate: evaluateWith(runsOf, () => undefined) };
  if (term === undefined) return field;
  const { executable = gradient, count, passes, hessianAt } = term;
  const whole = tileOf(rows, executable);
  const matrices = new LowRank(lanes.length, count, zDim);
  const numbers = anchors["numbers"];
  const columns = (numbers?.length ?? 0) / lanes.length;
  const takeMatrix = (outputs: Outputs, { position, row }: Member): void => {
    const { arguments: values, jacobian } = outputs;
    if (values?.length !== rows * count || jacobian?.length !== count * rows * zDim)
      throw new InternalError("the Jacobian does not fit its tile");
    const vectors = matrices.vectors(position);
    for (let k = 0; k < count; k++) {
      const o = (k * rows + row) * zDim;
      vectors.set(jacobian.subarray(o, o + zDim), k * zDim);
    }
    const own = numbers?.subarray(position * columns, (position + 1) * columns);
    const hessian = hessianAt(values.subarray(row * count, (row + 1) * count), own);
    matrices.set(
      position,
      hessian.map((x) => -x),
    );
  };
  return {
    ...field,
    gaussNewton: {
      evaluate: evaluateWith((active) => seatedRuns(active, whole), count === 0 ? () => undefined : takeMatrix),
      cost: (1 + passes) / 2,
      solve: (sample, a, x) => matrices.solve(sample, a, x),
    },
  };
}
