// What a pack needs beside it: its labeller, its decoder. In: a Host and a path. Out: names and hashes; none for a file that is no pack.
import type { Host } from "../../ports/host.js";
import { LaceError } from "../../source/diagnostic.js";
import { baseName } from "../../source/public-name.js";
import { loadPackMetadata } from "./pack.js";
import { parsePackMetadata } from "./pack-metadata.js";

/** The path of the JSON that says what the outputs of a classifier of pictures mean. */
export function descriptionBeside(host: Pick<Host, "resolve">, file: string): string {
  return host.resolve(file, baseName(file).replace(/(\.onnx)?$/i, ".json"));
}

export interface FileBeside {
  /** A name without folders. */
  readonly file: string;
  readonly sha256: string;
}

/** The files that a pack names. One that is damaged names none: whoever reads it says what is wrong. Errors: those of the host. */
export async function filesBeside(host: Host, file: string): Promise<readonly FileBeside[]> {
  try {
    const { metadata } = await loadPackMetadata(host, file);
    if (metadata === undefined) return [];
    const pack = parsePackMetadata(metadata, file);
    const decoder = pack.architecture === "onnx" ? [pack.decoder] : [];
    return [...(typeof pack.labeller === "object" ? [pack.labeller] : []), ...decoder].map(
      ({ file: name, sha256 }) => ({
        file: name,
        sha256,
      }),
    );
  } catch (error) {
    if (error instanceof LaceError && error.diagnostics.every((d) => d.code.startsWith("L51"))) return [];
    throw error;
  }
}
