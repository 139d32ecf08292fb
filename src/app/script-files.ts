// The files that a script is made of, for whoever waits for them to change.
import { link } from "../compiler/link.js";
import type { Host } from "../ports/host.js";

/** The script, what it imports, its models and heads; of a script that does not parse, those known so far. */
export async function filesOfScript(host: Host, script: string): Promise<ReadonlySet<string>> {
  const { value, sources } = await link(script, host).catch(() => ({
    value: undefined,
    sources: new Map<string, string>(),
  }));
  const references = (value?.files ?? []).flatMap((file) => [...file.references]);
  const models = references.filter(([literal]) => !literal.startsWith("builtin:")).map(([, path]) => path);
  return new Set([script, ...sources.keys(), ...models]);
}
