// The styles of a picture: which w each layer of the synthesis gets.
// In: a sample's latents. Out: [numWs, wDim]. Invariants: truncation happens here and in no later place: layers before the cutoff get the truncated w
// that the heads see, those from it on the w that the mapping gave, which was kept and not computed back.
import { repeatStyles } from "../../compiler/build/synthesis.js";
import type { SampleResult } from "./results.js";

/** The styles that a picture is made from, [numWs, wDim]. */
export function stylesOf({ w, ws, far }: Pick<SampleResult, "w" | "ws" | "far">, numWs: number): Float32Array {
  if (ws !== undefined) return ws;
  const styles = repeatStyles(w, 1, numWs);
  for (let layer = far?.from ?? numWs; layer < numWs; layer++) styles.set(far?.w ?? w, layer * w.length);
  return styles;
}

/** The one w that stands for styles of all layers, where there is one for each: their mean. */
export function meanStyle(styles: Float32Array, wDim: number): Float32Array {
  const layers = styles.length / wDim;
  if (layers === 1) return styles;
  return Float32Array.from({ length: wDim }, (_, i) => {
    let sum = 0;
    for (let layer = 0; layer < layers; layer++) sum += styles[layer * wDim + i] ?? 0;
    return sum / layers;
  });
}
