// Scripts in their canonical layout.
// Invariant: a script that does not parse is left alone, and a file that is in order already is not written.
import { format } from "../parser/format.js";
import type { Diagnostic } from "../source/diagnostic.js";
import type { Platform } from "./platform.js";

/** How a script is, and how it should be. */
export interface Formatted {
  readonly file: string;
  readonly before: string;
  /** Absent if the script does not parse. */
  readonly after?: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Formats a script in place; with `write: false`, only says how it should be. Errors: LaceError L50xx. */
export async function formatFile(
  { host }: Platform,
  file: string,
  options: { readonly write?: boolean } = {},
): Promise<Formatted> {
  const before = await host.readText(file);
  const { value: after, diagnostics } = format(before, file);
  if (after === undefined) return { file, before, diagnostics };
  if (options.write !== false && after !== before) await host.writeAtomic(file, after);
  return { file, before, after, diagnostics };
}
