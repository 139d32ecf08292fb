// `inspect` on every golden file of checkpoint-forms and stylegan3: what it is, or which error it is refused with.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { describeFile } from "../../src/models/describe-model.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { GOLDEN_PRESENT } from "../support/golden.js";
import { memoryHost } from "../support/memory-host.js";

const folder = fileURLToPath(new URL("../../../shared/golden/", import.meta.url));
const filesOf = (name: string): readonly string[] =>
  GOLDEN_PRESENT
    ? readdirSync(`${folder}${name}`)
        .filter((file) => !file.includes(".expected."))
        .map((file) => `${name}/${file}`)
    : [];

/** What a file is by its name, in the words of the folder's README. */
function kindOf(file: string): object {
  if (/\/[tr]\d+/.test(file))
    return { format: "stylegan3", architecture: "stylegan3", style: file.includes("/r") ? "R" : "T" };
  if (/\/latent|\/projected/.test(file)) return { code: "L5107" };
  if (/boundary|direction/.test(file)) return { format: "boundary", wDim: 32 };
  if (/head_/.test(file)) return { format: "dense-head", wDim: 32 };
  if (/rosinality|psp/.test(file)) return { format: "rosinality", architecture: "stylegan2", resolution: 32 };
  return { format: "stylegan2-ada-pytorch", architecture: "stylegan2", resolution: 32, alpha: file.includes("rgba") };
}

describe.skipIf(!GOLDEN_PRESENT)("inspect (skipped without ../shared/golden)", () => {
  it.each([...filesOf("checkpoint-forms"), ...filesOf("stylegan3")])("%s", async (file) => {
    const host = memoryHost({ x: new Uint8Array(readFileSync(`${folder}${file}`)) });
    const found: unknown = await describeFile(host, "x").catch((error: unknown) => {
      if (!(error instanceof LaceError)) throw error;
      return { code: error.diagnostics[0]?.code };
    });
    expect(found).toMatchObject(kindOf(file));
  });
});
