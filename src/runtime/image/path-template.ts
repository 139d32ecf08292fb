// Paths of outputs: which format a path asks for, and `{index}`, `{name}`, `{seed}` in it.
// Invariant: a filled path stays inside the output folder (the checker refuses the rest; `insideFolder` holds it at run time too).

export type ImageFormat = "png" | "webp" | "jpeg" | "avif";

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

/** What `{...}` stands for in the path of one image. */
export interface TemplateValues {
  readonly index: number;
  readonly name: string;
  readonly seed: number;
}

/** Fills `{index}` (the sample's, from 0), `{name}` (the task's) and `{seed}`. Anything else in braces stays as it is. */
export function fillTemplate(path: string, values: TemplateValues): string {
  return path.replace(/\{(index|name|seed)\}/g, (_, key: keyof TemplateValues) => String(values[key]));
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
