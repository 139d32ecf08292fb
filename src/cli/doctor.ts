// lacec doctor: what this machine can run on, and how fast; with --install, adds the native engine.
// Invariant: nothing is installed unless --install is given and the answer to what will be run is yes.
import { createInterface } from "node:readline/promises";
import { describeSpeed, doctor } from "../app/doctor.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import type { Io } from "./io.js";
import type { Platform } from "../app/platform.js";

interface DoctorFlags extends Flags {
  readonly speed: boolean;
  readonly install?: boolean;
  readonly yes?: boolean;
}

/** Says what will be run, asks, and runs it. Gives whether it was done. */
async function install(platform: Platform, io: Io, sure: boolean): Promise<boolean> {
  const planned = platform.engineInstall();
  io.err(`onnxruntime-node, an engine with native code for this machine, goes into ${planned.folder}:\n`);
  io.err(`  ${planned.command.join(" ")}\n`);
  if (!sure && !(await agreed())) {
    io.err("nothing was installed; lacec doctor --install --yes does not ask\n");
    return false;
  }
  await platform.installEngine(planned, io.err);
  return true;
}

/** Whether somebody at a terminal says yes. */
async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question("go on? [y/N] ")).trim());
  } finally {
    lines.close();
  }
}

/** `lacec doctor` */
export const doctorCommand = command({}, async ({ io, platform, watch }, options: DoctorFlags) => {
  if (options.install === true && !(await install(platform, io, options.yes === true))) return EXIT.script;
  // Where lines cannot be redrawn, the report alone is printed.
  const { engines, ...machine } = await doctor(platform, { speed: options.speed, ...(io.live && watch) });
  if (options.json === true) {
    io.out(`${JSON.stringify({ ...machine, engines }, null, 2)}\n`);
    return EXIT.done;
  }
  const c = io.outColors;
  const { lacec, node, platform: system, cores, memoryGiB, auto } = machine;
  io.out(`lacec ${lacec}, node ${node}, ${system}, ${cores} cores, ${memoryGiB} GiB\n\n`);
  for (const e of engines) {
    const mark = e.usable ? c.green("✓") : c.dim("-");
    io.out(`${mark} ${e.name.padEnd(12)} ${e.usable ? e.description : c.dim(`not usable: ${e.reason}`)}\n`);
    if (e.speed !== null) io.out(`  ${" ".repeat(12)} ${c.dim(describeSpeed(e.speed, e.name))}\n`);
  }
  io.out(`\n--engine auto takes ${c.bold(auto)}\n`);
  return EXIT.done;
});
