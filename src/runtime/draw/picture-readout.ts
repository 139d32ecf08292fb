// What heads that look at pictures say of samples: told of the styles that their pictures are made from, after they were solved.
// In: samples whose read-out left these heads out. Out: the samples with all heads. Invariants: a picture is looked at alone, so that no bit depends on the
// batch; what was seen once is remembered; a sample that failed, or lies between two parts, is not looked at.
import type { Executable } from "../../compiler/graph/graph.js";
import { stopIfAborted } from "../../ports/stop.js";
import { columnsOf, splitColumns } from "./columns.js";
import type { DrawContext } from "./batch.js";
import type { SampleResult } from "./results.js";
import { stylesOf } from "./styles.js";

export class PictureReadout {
  private executable: Executable | undefined;

  constructor(private readonly cx: Pick<DrawContext, "program" | "engine" | "model" | "resultCache" | "signal">) {}

  /** The samples with what these heads say; themselves where there are none. Errors: LaceError L5204 of a network, L52xx of the engine, L4106. */
  async look(samples: readonly SampleResult[]): Promise<readonly SampleResult[]> {
    const { pictureReadout } = this.cx.program;
    if (pictureReadout === undefined) return samples;
    const seen: SampleResult[] = [];
    for (const sample of samples) {
      stopIfAborted(this.cx.signal);
      seen.push(sample.w.length === 0 || !Number.isInteger(sample.part) ? sample : await this.lookAt(sample));
    }
    return seen;
  }

  private async lookAt(sample: SampleResult): Promise<SampleResult> {
    const { program, model } = this.cx;
    const { heads: places = [] } = program.pictureReadout ?? {};
    const attributes = places.flatMap((at) => model.info.attributes[at] ?? []);
    const { seen, features } = await this.see(stylesOf(sample, model.info.numWs), columnsOf(attributes));
    const said = splitColumns(seen, attributes);
    return {
      ...sample,
      heads: sample.heads.map((own, at) => said[places.indexOf(at)] ?? own),
      ...(features && { features }),
    };
  }

  /** What is seen in the picture of styles: columns of the heads, which are remembered, and features, which are not. */
  private async see(ws: Float32Array, width: number): Promise<Seen> {
    const { program, engine, resultCache } = this.cx;
    const { pictureReadout } = program;
    if (pictureReadout === undefined) return { seen: new Float32Array(0) };
    const key = pictureReadout.hasFeatures
      ? undefined
      : await resultCache?.key({ kind: "picture readout", ...pictureReadout.about }, ws);
    const known = key === undefined ? undefined : await resultCache?.recallNumbers(key, width);
    if (known !== undefined) return { seen: known };
    this.executable ??= await engine.compile(pictureReadout.graph.compiled());
    const { seen = new Float32Array(0), features } = await this.executable.run({ ws });
    if (key !== undefined) await resultCache?.keepNumbers(key, Float32Array.from(seen));
    return { seen: Float32Array.from(seen), ...(features && { features: Float32Array.from(features) }) };
  }

  async dispose(): Promise<void> {
    await this.executable?.dispose();
  }
}

interface Seen {
  readonly seen: Float32Array;
  readonly features?: Float32Array;
}
