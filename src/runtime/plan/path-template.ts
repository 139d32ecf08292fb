// Paths of outputs: which format a path asks for, and `{index}` in it.
// Invariant: a filled path stays inside the output folder (the checker refuses the rest; `insideFolder` holds it at run time too).

import { unreachable } from "../../source/internal-error.js";
import type { ImageFormat, AnimationFormat, FileFormat } from "../services/codec.js";

/** Format by extension; undefined if it is none that lacec writes. */
export function imageFormat(path: string): ImageFormat | undefined {
  switch (/\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase()) {
    case "png":
      return "png";
    case "webp":
      return "webp";
    case "jpg":
    case "jpeg":
      return "jpeg";
    case "avif":
      return "avif";
    default:
      return undefined;
  }
}

/** Format of an animation by extension; undefined if it is none that lacec writes. */
export function animationFormat(path: string): AnimationFormat | undefined {
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase();
  return extension === "webp" || extension === "gif" ? extension : undefined;
}

/** Format of a file of this name that holds what is saved in this form; undefined if there is none. */
export function fileFormat(path: string, form: { readonly kind: string }): FileFormat | undefined {
  return form.kind === "animation" ? animationFormat(path) : imageFormat(path);
}

/** The longest side that a file of a format may have. */
export function longestSide(format: FileFormat): number {
  switch (format) {
    case "webp":
      return 16_383;
    case "avif":
      return 16_384;
    case "jpeg":
      return 65_500; // 65,535 of the format, less what libjpeg reserves
    case "gif":
      return 65_535;
    case "png":
      return 2 ** 31 - 1;
    default:
      return unreachable(format);
  }
}

/**
 * Fills `{index}`, the image's, and the part of its row: `{step}` of an edit, `{cell}` of a sweep, `{frame}` of a traverse, all counted
 * from 0. The checker has filled what it knew.
 */
export function fillTemplate(
  path: string,
  { index, part }: { readonly index: number; readonly part?: number },
): string {
  const indexed = path.replaceAll("{index}", String(index));
  return part === undefined ? indexed : indexed.replace(/\{(?:step|cell|frame)\}/g, String(part));
}

/** Whether a relative path stays below the folder it is relative to. */
export function insideFolder(path: string): boolean {
  if (/^([a-z]:|[\\/])/i.test(path)) return false;
  let depth = 0;
  for (const part of path.split(/[\\/]+/)) {
    if (part === "" || part === ".") continue;
    depth += part === ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return depth > 0;
}

/** Name of the file, in the folder that holds all outputs of the run. */
export const RECORD_FILE = "run.json";
