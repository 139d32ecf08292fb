// `at 64 px from tau 3`: how a network looks at pictures while a task is solved.
// In: the words, the model's sizes. Out: Looking. Reports L2004 for a width that its blocks do not have, and for a tau that no flow comes to.
import type { Expr, LookingClause } from "../../parser/ast.js";
import { imageSizeOf, type ModelInfo } from "../attribute.js";
import type { Looking } from "../picture-head.js";
import { TAU_END } from "../sampling/diffusion.js";
import type { Report } from "./report.js";
import { listed } from "./suggest.js";

/** The narrowest pictures that may be asked for. */
const LEAST_PIXELS = 8;

/** What was said. No `info`: any width may be right. */
export function readLooking(
  { pixels, tau }: LookingClause,
  info: ModelInfo | undefined,
  read: (e: Expr) => number | undefined,
  report: Report,
): Looking {
  const width = pixels && read(pixels);
  const from = tau && read(tau);
  if (pixels !== undefined && width !== undefined && info !== undefined && !widthsOf(info).includes(width)) {
    const widths = widthsOf(info).map((w) => `${w} px`);
    report.error("L2004", pixels.span, `pictures of this model cannot be looked at ${width} px wide`, {
      text: "no such width",
      hints: [`a synthesis stops after a block: ${listed(widths)}`],
    });
    return {};
  }
  if (tau !== undefined && from !== undefined && !(from > 0 && from < TAU_END)) {
    report.error("L2004", tau.span, `a term cannot join at tau ${from}`, {
      text: "out of range",
      hints: [`tau goes from 0, where all other terms are there, to ${TAU_END.toFixed(3)}`],
    });
    return {};
  }
  return { ...(width !== undefined && { pixels: width }), ...(from !== undefined && { tau: from }) };
}

/** The widths at which a synthesis of blocks, each twice as large as the last, can stop. */
function widthsOf(info: ModelInfo): readonly number[] {
  const widths: number[] = [];
  for (let { width } = imageSizeOf(info); width >= LEAST_PIXELS && Number.isInteger(width); width /= 2)
    widths.unshift(width);
  return widths;
}
