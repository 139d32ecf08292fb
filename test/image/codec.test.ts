import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { sharpCodec } from "../../src/node/codec.js";
import { crc32, readPngText, withPngText } from "../../src/runtime/image/png-text.js";
import { readGifXmp, withGifXmp } from "../../src/runtime/image/gif-xmp.js";
import { readXmpText, xmpPacket } from "../../src/runtime/image/xmp.js";
import { concat } from "../../src/source/concat.js";
import { solidImage, type RgbImage } from "../../src/runtime/image/rgb.js";
import { expectClose } from "../support/close.js";

const codec = sharpCodec();

/** A picture with some texture, so that encoders have choices to make. */
function texture(width: number, height: number): RgbImage {
  const image = solidImage(width, height, [10, 20, 30]);
  for (let k = 0; k < image.data.length; k++) image.data[k] = (k * 2654435761) >>> 24;
  return image;
}

describe("encoding", () => {
  test("a PNG holds exactly the pixels it was given", async () => {
    const image = texture(17, 9);
    const decoded = await sharp(await codec.encode(image, "png", "recipe"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([decoded.info.width, decoded.info.height, decoded.info.channels]).toEqual([17, 9, 3]);
    expect([...decoded.data]).toEqual([...image.data]);
  });

  test.each(["png", "webp", "jpeg", "avif"] as const)("%s: the same picture gives the same bytes", async (format) => {
    const image = texture(64, 64);
    const [a, b] = await Promise.all([codec.encode(image, format, "x"), codec.encode(image, format, "x")]);
    expect(Buffer.compare(a, b)).toBe(0);
    const { format: found } = await sharp(a).metadata();
    expect(found).toBe(format === "avif" ? "heif" : format);
  });

  test.each(["png", "webp", "avif"] as const)("%s keeps alpha, beside the colours and the text", async (format) => {
    const image = texture(40, 24);
    const alpha = Uint8Array.from({ length: 40 * 24 }, (_, p) => (p * 40503) & 255);
    const smooth = { ...solidImage(40, 24, [200, 40, 90]), alpha: alpha.map((_, p) => (p % 40 < 20 ? 255 : 60)) };
    const [rough, plain] = await Promise.all(
      [{ ...image, alpha }, smooth].map(async (i) => codec.decode(await codec.encode(i, format, "recipe"))),
    );
    // PNG is exact; WebP keeps alpha exactly, AVIF as it keeps brightness.
    if (format !== "avif") expect([...rough!.alpha!]).toEqual([...alpha]);
    if (format === "png") expect([...rough!.data]).toEqual([...image.data]);
    const middle = (i: RgbImage, x: number): readonly number[] => [i.data[3 * (12 * 40 + x)]!, i.alpha![12 * 40 + x]!];
    expectClose(middle(plain!, 5), [200, 255], { abs: 8, rel: 0 });
    expectClose([middle(plain!, 35)[1]!], [60], { abs: 4, rel: 0 });
    expect((await codec.inspect(await codec.encode(smooth, format, "recipe"))).text).toBe("recipe");
  });

  test("JPEG, which has no alpha, shows the picture on white", async () => {
    const alpha = Uint8Array.from({ length: 40 * 24 }, (_, p) => (p % 40 < 20 ? 255 : 0));
    const decoded = await codec.decode(await codec.encode({ ...solidImage(40, 24, [200, 40, 90]), alpha }, "jpeg"));
    expect(decoded.alpha).toBeUndefined();
    const red = (x: number): number => decoded.data[3 * (12 * 40 + x) + 1]!;
    expectClose([red(5), red(35)], [40, 255], { abs: 8, rel: 0 });
  });

  test("a picture too large for its format is an environment error", async () => {
    const wide = solidImage(20_000, 1, [0, 0, 0]);
    await expect(codec.encode(wide, "webp")).rejects.toThrow(/L5006/);
  });

  test.each(["webp", "gif"] as const)(
    "an animation as %s keeps its frames, their order, size and time",
    async (format) => {
      const colours = [
        [250, 10, 10],
        [10, 250, 10],
        [10, 10, 250],
      ] as const;
      const frames = colours.map((c) => solidImage(20, 12, c));
      const film = {
        width: 20,
        height: 12,
        frames: 3,
        data: concat(
          frames.map((f) => f.data),
          Uint8Array,
        ),
      };
      const bytes = await codec.encodeAnimation(film, format, 8, "a text");
      expect(await codec.encodeAnimation(film, format, 8, "a text")).toEqual(bytes);
      const metadata = await sharp(bytes, { pages: -1 }).metadata();
      expect(metadata).toMatchObject({ format, pages: 3, width: 20, pageHeight: 12, loop: 0 });
      for (const delay of metadata.delay!) expect(Math.abs(delay - 125)).toBeLessThanOrEqual(5); // GIF counts in 10 ms
      const { data } = await codec.decode(bytes);
      frames.forEach(({ data: [r, g, b] }, k) => {
        const at = (k * 12 + 6) * 20 * 3 + 30;
        expectClose([...data.subarray(at, at + 3)], [r!, g!, b!], { abs: 12, rel: 0 });
      });
      expect(await codec.inspect(bytes)).toEqual({ format, text: "a text" });
      const bare = await codec.encodeAnimation(film, format, 8);
      expect(await codec.inspect(bare)).toEqual({ format });
      expect(Buffer.compare((await codec.decode(bare)).data, data)).toBe(0);
    },
  );
});

describe("text in any format", () => {
  test.each(["png", "webp", "jpeg", "avif"] as const)("%s: the text comes back, the pixels stay", async (format) => {
    const image = texture(32, 32);
    const text = JSON.stringify({ script: `sample é 漢 \u{1f600} <a href="x">&amp; 'y' \n ]]>` });
    const [marked, bare] = await Promise.all([codec.encode(image, format, text), codec.encode(image, format)]);
    expect(await codec.inspect(marked)).toEqual({ format, text });
    expect(await codec.inspect(bare)).toEqual({ format });
    const [a, b] = await Promise.all([codec.decode(marked), codec.decode(bare)]);
    expect([a.width, a.height, Buffer.compare(a.data, b.data)]).toEqual([32, 32, 0]);
  });

  test("a text that a JPEG has no room for is refused, not dropped", async () => {
    await expect(codec.encode(texture(8, 8), "jpeg", "x".repeat(60_000))).rejects.toThrow(/L5006.*does not fit/);
    const text = "x".repeat(50_000);
    expect((await codec.inspect(await codec.encode(texture(8, 8), "jpeg", text))).text).toBe(text);
  });

  test("bytes that are no image are refused", async () => {
    await expect(codec.inspect(new TextEncoder().encode("lace 1"))).rejects.toThrow(/L5301/);
    await expect(codec.inspect(new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>"))).rejects.toThrow(
      /L5301/,
    );
  });

  test("XMP that another program has written again is read", () => {
    expect(readXmpText(`<rdf:Description lace:lace='{&quot;a&quot;:&#x31;}'/>`, "lace")).toBe('{"a":1}');
    expect(readXmpText("<x/>", "lace")).toBeUndefined();
  });
});

describe("text in a GIF", () => {
  const film = { width: 40, height: 30, frames: 5, data: texture(40, 150).data };
  const text = JSON.stringify({ script: `sample é 漢 \u{1f600} <a href="x">&amp; 'y' \n ]]>` });

  test("stands before the first frame in blocks that a reader of GIFs passes over", async () => {
    const bytes = await codec.encodeAnimation(film, "gif", 8, text);
    expect((await codec.inspect(bytes)).text).toBe(text);
    const name = Buffer.from(bytes).indexOf("XMP DataXMP", 0, "latin1");
    // Read as sub-blocks, from any of the last bytes of the packet, the extension ends where its trailer does.
    const trailer = Buffer.from(bytes).indexOf(Uint8Array.of(1, 255, 254, 253));
    for (let start = trailer - 255; start < trailer; start++) {
      let at = start;
      while (bytes[at] !== 0) at += 1 + bytes[at]!;
      expect(at).toBe(trailer + 257);
    }
    expect(name).toBeGreaterThan(0);
    expect([bytes[trailer + 258], bytes[trailer + 259]]).toEqual([0x21, 0xf9]); // the first frame's graphic control
    expect(Buffer.from(bytes).indexOf("NETSCAPE2.0")).toBeLessThan(name);
  });

  test("is found behind frames, and a damaged GIF has none", async () => {
    const bytes = await codec.encodeAnimation(film, "gif", 8);
    const packet = xmpPacket("lace", text);
    const marked = withGifXmp(bytes, packet);
    expect(readGifXmp(marked)).toBe(packet);
    const extension = marked.subarray(
      Buffer.from(marked).indexOf("XMP DataXMP") - 3,
      marked.length - bytes.length + Buffer.from(marked).indexOf("XMP DataXMP") - 3,
    );
    const last = concat([bytes.subarray(0, -1), extension, bytes.subarray(-1)], Uint8Array);
    expect(readGifXmp(last)).toBe(packet);
    for (let length = 0; length < bytes.length; length += 97)
      expect(readGifXmp(bytes.subarray(0, length))).toBeUndefined();
    expect(() => withGifXmp(texture(4, 4).data, packet)).toThrow(/not a GIF/);
  });
});

describe("text in a PNG", () => {
  test("the text comes back, accents and all, and the picture still decodes", async () => {
    const png = await codec.encode(texture(8, 8), "png");
    const text = JSON.stringify({ script: "sample é 漢" });
    const marked = withPngText(png, "lace", text);
    expect(await readPngText(marked, "lace")).toBe(text);
    expect(await readPngText(png, "lace")).toBeUndefined();
    expect((await sharp(marked).raw().toBuffer()).equals(await sharp(png).raw().toBuffer())).toBe(true);
  });

  test("a second text under the same keyword replaces the first", async () => {
    const png = await codec.encode(texture(8, 8), "png");
    const twice = withPngText(withPngText(png, "lace", "one"), "lace", "two");
    expect(await readPngText(twice, "lace")).toBe("two");
    expect(Buffer.compare(twice, withPngText(png, "lace", "two"))).toBe(0);
  });

  test("the CRC is that of the PNG specification", () => {
    expect(crc32(new TextEncoder().encode("IEND"))).toBe(0xae426082);
  });

  test("bytes that are no PNG are a bug", () => {
    expect(() => withPngText(new Uint8Array(20), "lace", "x")).toThrow(/not a PNG/);
  });
});
