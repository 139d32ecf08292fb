// A picture that was dropped, beside the same made again here: by how much the two differ.
// In: a file with a recipe. Out: a signal. Invariant: what is shown belongs to the picture that was dropped last.
import { signal } from "@preact/signals";
import type { Remade } from "../../../src/app/live/messages.js";

export interface DroppedPicture {
  readonly name: string;
  /** Address of the picture as it came. */
  readonly url: string;
  /** What came of making it again: in words why nothing did; absent while it is made. */
  readonly made?: { readonly found: Remade; readonly url: string } | string;
}

export const droppedPicture = signal<DroppedPicture | undefined>(undefined);

/** Makes a picture again. */
export type Remake = (image: Uint8Array) => Promise<{ readonly found: Remade; readonly png: Uint8Array } | string>;

/** Shows a dropped picture, and makes it again beside it. */
export async function compareDropped(name: string, bytes: Uint8Array, remake: Remake): Promise<void> {
  forgetDropped();
  const url = URL.createObjectURL(new Blob([bytes as BlobPart]));
  droppedPicture.value = { name, url };
  const answer = await remake(bytes);
  if (droppedPicture.peek()?.url !== url) return;
  if (typeof answer === "string") droppedPicture.value = { name, url, made: answer };
  else {
    const { found, png } = answer;
    const again = URL.createObjectURL(new Blob([png as BlobPart], { type: "image/png" }));
    droppedPicture.value = { name, url, made: { found, url: again } };
  }
}

/** Takes it from the page. */
export function forgetDropped(): void {
  const { url, made } = droppedPicture.value ?? {};
  if (url !== undefined) URL.revokeObjectURL(url);
  if (typeof made === "object") URL.revokeObjectURL(made.url);
  droppedPicture.value = undefined;
}

/** How far the two are apart, in words. */
export function apartText({ width, height, isLossy, largest, pixels = 0 }: Remade): string {
  if (largest === undefined) return "it has another size here";
  if (largest === 0) return "the same pixels, each of them";
  const share = ((100 * pixels) / Math.max(1, width * height)).toFixed(pixels * 10 < width * height ? 1 : 0);
  const by = `at most ${largest} of 255 a channel apart, in ${pixels} pixels (${share}%)`;
  return isLossy ? `${by}; its format loses some by itself` : by;
}
