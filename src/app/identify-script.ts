// The names and hashes by which run.json knows a script.
import type { Program } from "../compiler/link.js";
import type { ScriptIdentity } from "../runtime/record/record.js";
import { InternalError } from "../source/internal-error.js";
import type { Platform } from "./platform.js";

/** Names and hashes of a script and what it imports. */
export async function identifyScript(
  { host, version }: Pick<Platform, "host" | "version">,
  program: Program,
): Promise<ScriptIdentity> {
  const hashed = async (path: string): Promise<{ file: string; sha256: string }> => {
    const text = program.sources.get(path);
    if (text === undefined) throw new InternalError(`no text of ${path}`);
    return { file: path, sha256: await host.sha256(new TextEncoder().encode(text)) };
  };
  const imports = program.files.filter((f) => f !== program.entry);
  return {
    lacec: version,
    script: await hashed(program.entry.path),
    imports: await Promise.all(imports.map((f) => hashed(f.path))),
  };
}
