// Figures of an evaluation as text: the same in tables and on pages.
import type { Estimate } from "./bootstrap.js";
import type { ClauseMeasure } from "./evaluation.js";

/** `0.94 [0.81, 1.00]` */
export function estimateText(e: Estimate | null, digits = 2): string {
  if (e === null) return "-";
  return `${e.mean.toFixed(digits)} [${e.low.toFixed(digits)}, ${e.high.toFixed(digits)}]`;
}

/** `, 0.12 unclear`; nothing where nothing is. */
export function unclearText({ unclear }: Pick<ClauseMeasure, "unclear">): string {
  return unclear === null || unclear === 0 ? "" : `, ${unclear.toFixed(2)} unclear`;
}
