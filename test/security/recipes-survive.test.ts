// A recipe survives other programs: whichever kind of text or metadata they keep, `show` finds it; and a hostile one costs little.
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { crc32, readPngText } from "../../src/runtime/image/png-text.js";
import { xmpPacket } from "../../src/runtime/image/xmp.js";
import { sharpCodec } from "../../src/node/codec.js";

const codec = sharpCodec();
const recipe = JSON.stringify({ format: 1, script: 'sample é 漢 "quoted" <tag> & more' });
const image = { width: 8, height: 8, data: Uint8Array.from({ length: 192 }, (_, i) => i) };

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}
/** A picture without text, with this chunk behind its header. */
async function pngWith(type: string, ...parts: readonly (string | Uint8Array)[]): Promise<Buffer> {
  const plain = await codec.encode(image, "png");
  const data = Buffer.concat(parts.map((p) => (typeof p === "string" ? Buffer.from(p, "latin1") : Buffer.from(p))));
  return Buffer.concat([plain.subarray(0, 33), chunk(type, data), plain.subarray(33)]);
}
const latin = JSON.stringify({ format: 1, script: "sample é" });
const textOf = async (bytes: Uint8Array): Promise<string | undefined> => (await codec.inspect(bytes)).text;

describe("the recipe of a PNG", () => {
  test("is there twice, as iTXt and as XMP", async () => {
    const png = await codec.encode(image, "png", recipe);
    expect(await readPngText(png, "lace")).toBe(recipe);
    expect((await sharp(png).metadata()).xmp?.toString()).toContain("lace:lace");
    expect((await codec.decode(png)).data).toEqual(Buffer.from(image.data));
  });

  test.each<[string, () => Promise<Uint8Array>, string]>([
    ["tEXt, as Pillow writes Latin text", () => pngWith("tEXt", "lace\0", latin), latin],
    ["zTXt", () => pngWith("zTXt", "lace\0\0", deflateSync(Buffer.from(latin, "latin1"))), latin],
    ["iTXt, compressed", () => pngWith("iTXt", "lace\0\u0001\0\0\0", deflateSync(Buffer.from(recipe))), recipe],
    [
      "XMP, compressed",
      () => pngWith("iTXt", "XML:com.adobe.xmp\0\u0001\0\0\0", deflateSync(xmpPacket("lace", recipe))),
      recipe,
    ],
    [
      "the raw profile of ImageMagick",
      () => {
        const hex = Buffer.from(xmpPacket("lace", recipe)).toString("hex").replace(/.{72}/g, "$&\n");
        return pngWith(
          "zTXt",
          "Raw profile type xmp\0\0",
          deflateSync(`\nxmp\n     ${xmpPacket("lace", recipe).length}\n${hex}\n`),
        );
      },
      recipe,
    ],
  ])("is read from %s", async (_, make, text) => expect(await textOf(await make())).toBe(text));

  test.each<[string, () => Promise<Uint8Array>]>([
    ["inflates to a gigabyte", () => pngWith("zTXt", "lace\0\0", deflateSync(Buffer.alloc(1 << 25)))],
    ["is damaged", () => pngWith("iTXt", "lace\0\u0001\0\0\0", Uint8Array.of(1, 2, 3))],
    ["ends in its header", () => pngWith("iTXt", "lace\0\0")],
    ["has no end of its keyword", () => pngWith("tEXt", "lace".repeat(100_000))],
  ])("that %s is none", async (_, make) => expect(await textOf(await make())).toBeUndefined());
});

describe("through sharp's keepMetadata", () => {
  test.each(["png", "webp", "jpeg"] as const)("from %s to PNG, WebP and JPEG, and back", async (format) => {
    const first = await codec.encode(image, format, recipe);
    for (const other of ["png", "webp", "jpeg"] as const) {
      const there = await sharp(first).keepMetadata().toFormat(other).toBuffer();
      expect(await textOf(there)).toBe(recipe);
      expect(await textOf(await sharp(there).keepMetadata().toFormat(format).toBuffer())).toBe(recipe);
    }
  });
});
