// What heads that look at pictures say of samples: told of the styles that their pictures are made from, after they were solved.
// In: samples whose read-out left these heads out. Out: the samples with all heads. Invariants: a picture is looked at alone, so that no bit depends on the
// batch; what was seen once is remembered; a sample that failed, or lies between two parts, is not looked at.
import type { Executable } from "../../compiler/graph/graph.js";
import { isPart } from "../plan/places.js";
import { stopIfAborted } from "../../ports/stop.js";
import { splitColumns } from "./columns.js";
import type { DrawContext } from "./batch.js";
import type { SampleResult } from "./results.js";
import { stylesOf } from "./styles.js";

export class PictureReadout {
  private executable: Executable | undefined;

  constructor(private readonly cx: Pick<DrawContext, "program" | "engine" | "model" | "resultCache" | "signal">) {}

  /** The samples with what these heads say; themselves where there are none. Errors: LaceError L5204 of a network, L52xx of the engine, L4106. */
  async look(samples: readonly SampleResult[]): Promise<readonly SampleResult[]> {
    const { sight } = this.cx.program;
    if (sight === undefined) return samples;
    const seen: SampleResult[] = [];
    for (const sample of samples) {
      stopIfAborted(this.cx.signal);
      seen.push(sample.w.length === 0 || !isPart(sample) ? sample : await this.lookAt(sample));
    }
    return seen;
  }

  private async lookAt(sample: SampleResult): Promise<SampleResult> {
    const { program, model, resultCache } = this.cx;
    const { heads: places = [], about = {} } = program.sight ?? {};
    const attributes = places.flatMap((at) => model.info.attributes[at] ?? []);
    const ws = stylesOf(sample, model.info.numWs);
    const key = await resultCache?.key({ kind: "sight", ...about }, ws);
    const width = attributes.reduce((n, a) => n + (a.type === "scalar" ? 1 : a.classes.length), 0);
    const columns = (await resultCache?.recallNumbers(key ?? "", width)) ?? (await this.run(ws));
    await resultCache?.keepNumbers(key ?? "", columns);
    const said = splitColumns(columns, attributes);
    return { ...sample, heads: sample.heads.map((own, at) => said[places.indexOf(at)] ?? own) };
  }

  private async run(ws: Float32Array): Promise<Float32Array> {
    const { program, engine } = this.cx;
    const { sight } = program;
    if (sight === undefined) return new Float32Array(0);
    this.executable ??= await engine.compile(sight.graph.compiled());
    const { seen = new Float32Array(0) } = await this.executable.run({ ws });
    return Float32Array.from(seen);
  }

  async dispose(): Promise<void> {
    await this.executable?.dispose();
  }
}
