// lacec doctor: what this machine can run on, and how fast.
// Invariant: trouble with one engine is a line of the report, never the end of it.
import { availableParallelism, totalmem } from "node:os";
import { lacecVersion } from "../node/services.js";
import { openEngine, probeEngines, type EngineProbe } from "../node/engines/open.js";
import { describeSpeed, speedTest, type Speed } from "../runtime/services/speed.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

/** The whole speed test takes about this long. */
const SECONDS = 10;

interface Examined extends EngineProbe {
  readonly speed?: Speed;
}

export async function doctorVerb(
  io: Io,
  options: { readonly json?: boolean; readonly speed: boolean },
): Promise<ExitCode> {
  const probes = await probeEngines();
  const usable = probes.filter((p) => p.usable);
  const examined: Examined[] = [];
  for (const probe of probes) {
    if (!probe.usable || !options.speed) examined.push(probe);
    else {
      if (io.live) io.err(`\r\x1b[2K  measuring ${probe.name} ...`);
      const engine = await openEngine(probe.name);
      examined.push({ ...probe, speed: await speedTest(engine, { seconds: SECONDS / usable.length }) });
      await engine.dispose();
      if (io.live) io.err("\r\x1b[2K");
    }
  }
  const auto = await openEngine("auto");
  const machine = {
    lacec: lacecVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    auto: auto.name,
  };
  await auto.dispose();
  if (options.json === true) {
    io.out(
      `${JSON.stringify({ ...machine, engines: examined.map((e) => ({ ...e, speed: e.speed ?? null })) }, null, 2)}\n`,
    );
    return EXIT.done;
  }
  const c = io.outColors;
  io.out(
    `lacec ${machine.lacec}, node ${machine.node}, ${machine.platform}, ${machine.cores} cores, ${machine.memoryGiB} GiB\n\n`,
  );
  for (const e of examined) {
    const mark = e.usable ? c.green("✓") : c.dim("-");
    io.out(`${mark} ${e.name.padEnd(12)} ${e.usable ? e.description : c.dim(`not usable: ${e.reason}`)}\n`);
    if (e.speed !== undefined) io.out(`  ${" ".repeat(12)} ${c.dim(describeSpeed(e.speed))}\n`);
  }
  io.out(`\n--engine auto takes ${c.bold(machine.auto)}\n`);
  return EXIT.done;
}
