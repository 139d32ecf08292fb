// lacec clean: files of earlier runs that run.json no longer names, removed.
import { clean, type CleanOptions } from "../app/clean.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import { expandScripts } from "./scripts.js";

/** `lacec clean SCRIPT...` */
export const cleanCommand = command(
  {},
  async ({ io, platform }, words: readonly string[], options: Flags & CleanOptions) => {
    const { out, dryRun = false, json } = options;
    const documents: object[] = [];
    for (const script of await expandScripts(words)) {
      const cleaned = await clean(platform, script, { ...(out !== undefined && { out }), dryRun });
      const { removed, kept } = cleaned;
      documents.push({ script, ...cleaned });
      if (json === true) continue;
      for (const file of removed) io.out(`${dryRun ? "would remove" : "removed"} ${file}\n`);
      for (const { file, reason } of kept) io.out(`kept ${file}: ${reason}\n`);
      if (removed.length + kept.length === 0) io.err(`${script}: nothing is left of earlier runs\n`);
    }
    if (json === true) io.out(`${JSON.stringify({ dryRun, scripts: documents }, null, 2)}\n`);
    return EXIT.done;
  },
);
