// What a machine can run on, and how fast.
// Invariant: trouble with one engine is a line of the report, never the end of it.
import { PhaseClock } from "../ports/events.js";
import type { EngineProbe } from "../runtime/services/engine.js";
import { speedTest, type Speed } from "../runtime/services/speed.js";
import type { Machine, Platform } from "./platform.js";
import type { EngineChoice, VerbOptions } from "./verb.js";

export { describeSpeed } from "../runtime/services/speed.js";

/** The whole speed test takes about this long. */
const SECONDS = 10;

/** An engine, and how fast it is if that was asked for. */
export interface ExaminedEngine extends EngineProbe {
  readonly speed: Speed | null;
}

export interface Examination extends Machine {
  /** Version of this lacec. */
  readonly lacec: string;
  /** The engine that "auto" takes. */
  readonly auto: EngineChoice;
  readonly engines: readonly ExaminedEngine[];
}

export interface DoctorOptions extends VerbOptions {
  /** False: no speed test. */
  readonly speed?: boolean;
}

/** Tries every engine of the machine and times those that work. */
export async function doctor(platform: Platform, options: DoctorOptions = {}): Promise<Examination> {
  const { host } = platform;
  const clock = new PhaseClock(() => host.now(), options.onEvent ?? (() => undefined));
  const probes = await platform.probeEngines();
  const usable = probes.filter((p) => p.usable);
  const engines: ExaminedEngine[] = [];
  for (const probe of probes) {
    if (!probe.usable || options.speed === false) engines.push({ ...probe, speed: null });
    else {
      const engine = await platform.world(host, probe.name).openEngine();
      try {
        const seconds = SECONDS / usable.length;
        const speed = await clock.run("measure", { task: probe.name }, () => speedTest(engine, { seconds }));
        engines.push({ ...probe, speed });
      } finally {
        await engine.dispose();
      }
    }
  }
  const auto = await platform.world(host, "auto").openEngine();
  await auto.dispose();
  return { lacec: platform.version, ...platform.describeMachine(), auto: auto.name, engines };
}
