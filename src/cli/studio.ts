// lacec studio: the studio on this machine, over a folder of scripts (docs/studio.md).
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../app/verb.js";
import { exportStudio, serveStudio, studioFiles } from "../node/studio-server.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

interface StudioFlags extends Flags {
  readonly port?: number;
  readonly export?: string;
  /** The process that runs scripts for a studio's server. */
  readonly engine?: boolean;
}

/** `lacec studio` */
export const studioCommand = command({}, async ({ io }, folder: string | undefined, options: StudioFlags) => {
  if (options.engine === true) {
    await (await import("../node/serve-studio-engine.js")).serveStudioEngine();
    return EXIT.done;
  }
  if (folder !== undefined && !(existsSync(folder) && statSync(folder).isDirectory()))
    throw new UsageError(`${folder} is no folder`);
  if (!existsSync(join(studioFiles(), "index.html"))) throw new UsageError("the studio is not built: npm run build");
  if (options.export !== undefined) {
    await exportStudio(options.export);
    io.out(`${options.export} is a static site: any host of files serves it\n`);
    return EXIT.done;
  }
  const server = await serveStudio({ folder: folder ?? ".", port: options.port }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
      throw new UsageError(`port ${options.port ?? 0} is in use: choose another with --port`);
    throw error;
  });
  io.out(`${server.url}\n`);
  io.err(
    `The studio edits the scripts in ${folder ?? "this folder"}. Open the address above in a browser; Ctrl-C ends it.\n`,
  );
  await new Promise<never>(() => undefined); // until Ctrl-C
  return EXIT.done;
});
