// Attempts judged by their pictures: made as the task makes them, and shown to the labeller.
// In: what makes the task's pictures, a labeller. Out: an AttemptJudge.
import type { PhaseClock } from "../../ports/events.js";
import type { AttemptJudge } from "../draw/accept.js";
import { allOf, makeImages, type ImageWork } from "./images.js";

/** A judge that looks at pictures; `name` is the task's, for progress. */
export function labellerJudge(
  work: Omit<ImageWork, "pictures" | "sinks" | "verdict" | "onImage">,
  name: string,
  clock: PhaseClock,
): AttemptJudge {
  return {
    look: async (samples) => {
      const seen = await clock.run("label", { task: name, total: samples.length }, () =>
        makeImages({
          ...work,
          pictures: allOf(samples),
          sinks: [],
          verdict: () => undefined,
          onImage: (done) => clock.progress("label", name, done, samples.length),
        }),
      );
      return samples.map((sample) => seen.get(sample));
    },
  };
}
