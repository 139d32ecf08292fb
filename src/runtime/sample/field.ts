// The gradient field that samplers follow: log p(c|z) and its gradient in z, for a batch of samples, through fixed tiles.
// In: a compiled gradient (inputs z; outputs logp, grad) for a tile of `rows` rows. Out: a Field over float64 states.
// Invariants: lane i is row i mod rows of tile floor(i / rows); a sample's lane does not depend on what else is drawn, so its
// bits depend neither on the count nor on the shard; a tile without active samples is not run.
import type { Executable } from "../../compiler/graph/graph.js";
import { InternalError } from "../../source/internal-error.js";

/** log p(c|z) and its gradient. Row i of the answers depends on row i of z alone. */
export interface Field {
  readonly dim: number;
  /**
   * Shapes  z [B, dim], active [B] (1 or 0) -> gradient [B, dim], logp [B]; rows of inactive samples are left as they are.
   * Errors  where log p or a component is not finite, the whole row of the gradient is NaN.
   */
  evaluate(z: Float64Array, active: Uint8Array, gradient: Float64Array, logp: Float64Array): Promise<void>;
}

export interface TileOptions {
  readonly gradient: Executable;
  /** Rows of the compiled tile. */
  readonly rows: number;
  readonly zDim: number;
  /** Where in the tiles each sample of the batch sits, counted through all tiles. Distinct. */
  readonly lanes: readonly number[];
  /** Further inputs of the gradient, [B, width] each, which stay as they are: the anchors of an edit. */
  readonly anchors?: Readonly<Record<string, Float32Array>>;
}

interface Tile {
  readonly input: Float32Array;
  readonly anchors: Readonly<Record<string, Float32Array>>;
  /** Position in the batch and row in the tile of each sample that lives here. */
  readonly members: { readonly position: number; readonly row: number }[];
}

/** A Field that runs a compiled gradient, padded to whole tiles. The engine sees float32. */
export function tiledField({ gradient, rows, zDim, lanes, anchors = {} }: TileOptions): Field {
  const tiles = new Map<number, Tile>();
  const widths = Object.entries(anchors).map(([name, values]) => ({
    name,
    values,
    width: values.length / lanes.length,
  }));
  // Rows without a sample repeat the tile's first: a number such as a sigma must not be 0.
  const anchorsLike = (position: number): Tile["anchors"] =>
    Object.fromEntries(
      widths.map(({ name, values, width }) => {
        const first = values.subarray(position * width, (position + 1) * width);
        return [name, Float32Array.from({ length: rows * width }, (_, c) => first[c % width] ?? 0)];
      }),
    );
  lanes.forEach((lane, position) => {
    const number = Math.floor(lane / rows);
    const tile = tiles.get(number) ?? {
      input: new Float32Array(rows * zDim),
      anchors: anchorsLike(position),
      members: [],
    };
    tiles.set(number, tile);
    const row = lane % rows;
    if (tile.members.some((m) => m.row === row)) throw new InternalError(`lane ${lane} is taken twice`);
    tile.members.push({ position, row });
    for (const { name, values, width } of widths)
      tile.anchors[name]?.set(values.subarray(position * width, (position + 1) * width), row * width);
  });
  return {
    dim: zDim,
    async evaluate(z, active, gradientOut, logpOut) {
      for (const { input, anchors: held, members } of tiles.values()) {
        const awake = members.filter(({ position }) => active[position] === 1);
        if (awake.length === 0) continue;
        // Sleeping rows keep their last values: finite, and without effect on the others.
        for (const { position, row } of awake) {
          const o = position * zDim;
          input.set(z.subarray(o, o + zDim), row * zDim);
        }
        const outputs = await gradient.run({ ...held, z: input });
        const logp = outputs["logp"];
        const grad = outputs["grad"];
        if (logp?.length !== rows || grad?.length !== rows * zDim)
          throw new InternalError("the gradient's outputs do not fit its tile");
        for (const { position, row } of awake) {
          const value = logp[row] ?? NaN;
          const o = position * zDim;
          logpOut[position] = value;
          gradientOut.set(grad.subarray(row * zDim, (row + 1) * zDim), o);
          if (!Number.isFinite(value)) gradientOut.fill(NaN, o, o + zDim);
        }
      }
    },
  };
}
