// The matrix product of the interpreter: where nearly all of its time goes.
// In: shapes. Out: a kernel. Invariants: plain float64 sums over k in order of blocks of four; no transposes, no scratch.
import type { Kernel } from "./kernel.js";
import type { Shape } from "./graph.js";
import { InternalError } from "../../source/internal-error.js";
import { at, sizeOf, stridesOf } from "./shape.js";

/** [..., M, K] by [..., K, N], leading dimensions broadcast. */
export function matmulKernel(a: Shape, b: Shape, shape: Shape): Kernel {
  const [rows, inner, columns] = [at(shape, -2), at(a, -1), at(shape, -1)];
  const lead = shape.slice(0, -2);
  const [offsetsA, offsetsB] = [matrixOffsets(a, lead), matrixOffsets(b, lead)];
  const batch = sizeOf(lead);
  return ([x, y], out) => {
    if (x === undefined || y === undefined) throw new InternalError("matmul needs two operands");
    for (let m = 0; m < batch; m++) {
      product(
        x.subarray(offsetsA[m] ?? 0),
        y.subarray(offsetsB[m] ?? 0),
        out.subarray(m * rows * columns, (m + 1) * rows * columns),
        rows,
        inner,
        columns,
      );
    }
  };
}

/** Where each matrix of the broadcast batch starts in the operand. */
function matrixOffsets(x: Shape, lead: Shape): number[] {
  const own = x.slice(0, -2);
  const strides = stridesOf(x);
  let offsets = [0];
  lead.forEach((n, i) => {
    const k = i - (lead.length - own.length);
    const stride = k < 0 || at(own, k) === 1 ? 0 : at(strides, k);
    offsets = offsets.flatMap((o) => Array.from({ length: n }, (_, j) => o + j * stride));
  });
  return offsets;
}

/** Row by row, four rows of b at a time, so that b is read along its rows and each row of the result stays in cache. */
function product(
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): void {
  out.fill(0);
  const blocked = inner - (inner % 4);
  for (let k = 0; k < blocked; k += 4) {
    const b0 = b.subarray(k * columns, (k + 1) * columns);
    const b1 = b.subarray((k + 1) * columns, (k + 2) * columns);
    const b2 = b.subarray((k + 2) * columns, (k + 3) * columns);
    const b3 = b.subarray((k + 3) * columns, (k + 4) * columns);
    for (let i = 0; i < rows; i++) {
      const a0 = a[i * inner + k] ?? NaN;
      const a1 = a[i * inner + k + 1] ?? NaN;
      const a2 = a[i * inner + k + 2] ?? NaN;
      const a3 = a[i * inner + k + 3] ?? NaN;
      const row = i * columns;
      for (let j = 0; j < columns; j++) {
        out[row + j] =
          (out[row + j] ?? NaN) +
          (a0 * (b0[j] ?? NaN) + a1 * (b1[j] ?? NaN) + (a2 * (b2[j] ?? NaN) + a3 * (b3[j] ?? NaN)));
      }
    }
  }
  for (let k = blocked; k < inner; k++) {
    for (let i = 0; i < rows; i++) {
      const factor = a[i * inner + k] ?? NaN;
      const row = i * columns;
      for (let j = 0; j < columns; j++) {
        out[row + j] = (out[row + j] ?? NaN) + factor * (b[k * columns + j] ?? NaN);
      }
    }
  }
}
