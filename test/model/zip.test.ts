import { describe, expect, it } from "vitest";
import { crc32, openZip } from "../../src/models/formats/zip.js";
import { writeZip, type ArchiveLies, type ZipInput } from "../support/zip.js";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const long = "0123456789".repeat(5000);

/** Opens an archive and reads everything in it. */
async function readAll(bytes: Uint8Array, limits?: Parameters<typeof openZip>[2]): Promise<Record<string, string>> {
  const zip = openZip(bytes, "x.zip", limits);
  const found: Record<string, string> = {};
  for (const name of zip.entries.keys()) found[name] = text(await zip.read(name));
  return found;
}

describe("zip archives", () => {
  it("gives the entries back, stored and deflated, with and without zip64", async () => {
    const inputs = [
      { name: "a/stored.txt", data: "hello" },
      { name: "a/deflated.txt", data: long, deflate: true },
      { name: "a/empty", data: "" },
    ];
    for (const zip64 of [false, true]) {
      expect(await readAll(writeZip(inputs, { zip64 }))).toEqual({
        "a/stored.txt": "hello",
        "a/deflated.txt": long,
        "a/empty": "",
      });
    }
  });

  it("computes the checksum of the standard's test string", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });

  const bad: readonly [string, readonly ZipInput[], ArchiveLies, RegExp][] = [
    ["a name that climbs out of its folder", [{ name: "a/../../etc/passwd", data: "x" }], {}, /L5103.*not allowed/],
    ["an absolute name", [{ name: "/etc/passwd", data: "x" }], {}, /L5103.*not allowed/],
    ["a name with a drive letter", [{ name: "C:x", data: "x" }], {}, /L5103.*not allowed/],
    ["a name with a backslash", [{ name: "..\\x", data: "x" }], {}, /L5103.*not allowed/],
    ["a name with control characters", [{ name: "x\u001b[2J", data: "x" }], {}, /L5103.*not allowed/],
    ["a local name that differs", [{ name: "x", data: "x", lie: { localName: "y" } }], {}, /L5103.*another name/],
    [
      "two entries of one name",
      [
        { name: "x", data: "1" },
        { name: "x", data: "2" },
      ],
      {},
      /L5103.*two entries/,
    ],
    ["an encrypted entry", [{ name: "x", data: "1", lie: { flags: 1 } }], {}, /L5103.*encrypted/],
    ["an unknown compression", [{ name: "x", data: "1", lie: { method: 12 } }], {}, /L5103.*method 12/],
    ["a wrong checksum", [{ name: "x", data: "1", lie: { crc: 1 } }], {}, /L5103.*checksum/],
    ["a stored entry of two sizes", [{ name: "x", data: "1", lie: { size: 2 } }], {}, /L5103.*two sizes/],
    ["a size beyond the file", [{ name: "x", data: "1", lie: { size: 5e8, packedSize: 5e8 } }], {}, /L5103.*outside/],
    [
      "a deflated entry longer than it says",
      [{ name: "x", data: long, deflate: true, lie: { size: 100 } }],
      {},
      /L5103.*100 bytes/,
    ],
    [
      "a deflated entry shorter than it says",
      [{ name: "x", data: long, deflate: true, lie: { size: 50_001 } }],
      {},
      /L5103.*unpacks to 50000/,
    ],
    [
      "a deflated entry that claims a gigabyte",
      [{ name: "x", data: long, deflate: true, lie: { size: 2 ** 30 } }],
      {},
      /L5106.*unpacks to 1073741824 bytes/,
    ],
    [
      "a deflated entry that claims more than it can hold",
      [{ name: "x", data: long, deflate: true, lie: { size: 2 ** 25 } }],
      {},
      /L5103.*claims/,
    ],
    ["deflated data that is none", [{ name: "x", data: "\xff\xff\xff", lie: { method: 8 } }], {}, /L5103.*unpack/],
    [
      "entries that share bytes",
      [
        { name: "x", data: "1" },
        { name: "y", data: "1", lie: { headerAt: 0 } },
      ],
      {},
      /L5103/,
    ],
    ["more entries than there are", [{ name: "x", data: "1" }], { count: 2 }, /L5103.*missing/],
    ["a directory outside the file", [{ name: "x", data: "1" }], { directoryAt: 9999 }, /L5103.*outside/],
  ];
  for (const [what, inputs, lies, error] of bad) {
    it(`refuses ${what}`, async () => {
      await expect(readAll(writeZip(inputs, lies))).rejects.toThrow(error);
    });
  }

  it("entries that share bytes under their own names are an error", async () => {
    // The second directory entry points at the first local header, which has the same name length.
    const inputs = [
      { name: "x", data: "1" },
      { name: "y", data: "1", lie: { headerAt: 0 } },
    ];
    await expect(readAll(writeZip(inputs))).rejects.toThrow(/another name/);
    const inside = writeZip([{ name: "y", data: "1" }]).subarray(0, 32);
    const nested = [
      { name: "x", data: inside },
      { name: "y", data: "1", lie: { headerAt: 31 } },
    ];
    await expect(readAll(writeZip(nested))).rejects.toThrow(/'x' overlaps another/);
  });

  it("a file that is cut anywhere is an error", async () => {
    const whole = writeZip([{ name: "a", data: long.slice(0, 300), deflate: true }]);
    for (let length = 0; length < whole.length; length++) {
      await expect(readAll(whole.subarray(0, length)), `cut at ${length}`).rejects.toThrow(/L5103/);
    }
  });

  it("limits hold for the number of entries and for what they unpack to", async () => {
    const zip = writeZip([
      { name: "a", data: long, deflate: true },
      { name: "b", data: long, deflate: true },
    ]);
    await expect(readAll(zip, { entries: 1, totalBytes: 1e9 })).rejects.toThrow(/L5106.*2 entries/);
    await expect(readAll(zip, { entries: 10, totalBytes: 99_999 })).rejects.toThrow(/L5106.*100000 bytes/);
    await expect(readAll(zip, { entries: 2, totalBytes: 100_000 })).resolves.toHaveProperty("b");
  });
});
