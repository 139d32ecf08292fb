// Every mistake of scripts, and nothing else.
import type { Diagnostic } from "../source/diagnostic.js";
import { compileScript, type Compilation } from "./compile-script.js";
import type { Platform } from "./platform.js";

/** What is wrong with a script. */
export interface Checked {
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Texts to show them with. */
  readonly sources: Compilation["sources"];
}

/** Checks scripts without running them. Errors: LaceError for a script that cannot be read. */
export async function check(platform: Platform, files: readonly string[]): Promise<readonly Checked[]> {
  const found: Checked[] = [];
  for (const file of files) {
    const { diagnostics, sources } = await compileScript(file, platform.host);
    found.push({ file, diagnostics, sources });
  }
  return found;
}
