// lacec doctor: what this machine can run on, and how fast.
import { describeSpeed, doctor } from "../app/doctor.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

/** `lacec doctor` */
export const doctorCommand = command(
  {},
  async ({ io, platform, watch }, options: Flags & { readonly speed: boolean }) => {
    // Where lines cannot be redrawn, the report alone is printed.
    const { engines, ...machine } = await doctor(platform, { speed: options.speed, ...(io.live ? watch : {}) });
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
      if (e.speed !== null) io.out(`  ${" ".repeat(12)} ${c.dim(describeSpeed(e.speed))}\n`);
    }
    io.out(`\n--engine auto takes ${c.bold(auto)}\n`);
    return EXIT.done;
  },
);
