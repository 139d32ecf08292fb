import { describe, expect, it } from "vitest";
import { LaceError } from "../../src/source/diagnostic.js";
import { tensorsOf } from "../../src/models/formats/torch-tensor.js";
import { readTorchZip } from "../../src/models/formats/torch-zip.js";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import {
  bytesOf,
  dict,
  floatBytes,
  global,
  int,
  tensor,
  torchFile,
  tuple,
  unicode,
  type Part,
  type TensorPart,
} from "../support/pickle.js";
import { random } from "../support/random.js";
import { writeZip } from "../support/zip.js";

const six = floatBytes(0, 1, 2, 3, 4, 5);
const whole: TensorPart = { key: "0", count: 6, shape: [2, 3], strides: [3, 1] };

async function readOne(part: Part, storages: Readonly<Record<string, Uint8Array>> = { "0": six }, deflate = false) {
  const found = await readTorchZip(torchFile(dict({ t: part }), storages, { deflate }), "x.pt");
  return tensorsOf(found).get("t")!.read();
}

describe("PyTorch files", () => {
  it("gives tensors in any stride order, stored or deflated", async () => {
    const cases: readonly (readonly [Partial<TensorPart>, number[]])[] = [
      [{}, [0, 1, 2, 3, 4, 5]],
      [{ shape: [3, 2], strides: [1, 3] }, [0, 3, 1, 4, 2, 5]],
      [{ shape: [2], strides: [1], offset: 4 }, [4, 5]],
      [{ shape: [], strides: [], offset: 3 }, [3]],
      [{ shape: [2, 2], strides: [0, 1] }, [0, 1, 0, 1]],
      [{ shape: [0, 3], strides: [3, 1] }, []],
      [{ shape: [2, 1, 3], strides: [3, 77, 1] }, [0, 1, 2, 3, 4, 5]],
    ];
    for (const [change, values] of cases) {
      for (const deflate of [false, true]) {
        const t = await readOne(tensor({ ...whole, ...change }), { "0": six }, deflate);
        expect([...t.data]).toEqual(values);
        expect(t.shape).toEqual(change.shape ?? whole.shape);
      }
    }
  });

  it("widens half precision and integers, and unwraps parameters", async () => {
    const half = await readOne(tensor({ key: "0", count: 2, shape: [2], strides: [1], type: "HalfStorage" }), {
      "0": bytesOf(0, 0x3c, 0, 0xc0),
    });
    expect([...half.data]).toEqual([1, -2]);
    const long = await readOne(tensor({ key: "0", count: 1, shape: [1], strides: [1], type: "LongStorage" }), {
      "0": bytesOf(7, 0, 0, 0, 0, 0, 0, 0),
    });
    expect([...long.data]).toEqual([7]);
    const parameter = await readOne([
      global("torch._utils", "_rebuild_parameter"),
      tuple(tensor(whole), 0x88, "N"),
      "R",
    ]);
    expect([...parameter.data]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  const bad: readonly [string, Part, RegExp][] = [
    [
      "a tensor larger than its storage",
      tensor({ ...whole, shape: [2, 4], strides: [4, 1] }),
      /shape \[2, 4\] that leaves its storage of 6/,
    ],
    [
      "a tensor that begins behind its storage",
      tensor({ ...whole, offset: 6, shape: [1], strides: [1] }),
      /leaves its storage/,
    ],
    ["strides that leave the storage", tensor({ ...whole, strides: [6, 1] }), /leaves its storage/],
    ["a huge tensor from one number", tensor({ ...whole, shape: [1e9], strides: [0] }), /leaves its storage/],
    ["a shape with a negative size", tensor({ ...whole, shape: [-1, 3] }), /without a valid shape/],
    ["a negative stride", tensor({ ...whole, strides: [-3, 1] }), /without a valid shape/],
    [
      "a shape of nine dimensions",
      tensor({ ...whole, shape: Array<number>(9).fill(1), strides: Array<number>(9).fill(1) }),
      /without a valid shape/,
    ],
    ["strides that do not match the shape", tensor({ ...whole, strides: [1] }), /without a valid shape/],
    ["a storage that is missing", tensor({ ...whole, key: "7" }), /L5103.*no entry 'x\/data\/7'/],
    ["a storage with a path in its name", tensor({ ...whole, key: "../0" }), /L5103.*no entry/],
    ["a storage of the wrong size", tensor({ ...whole, count: 7 }), /storage '0' needs 28 bytes, the file has 24/],
    ["a storage type that is none", tensor({ ...whole, type: "ComplexStorage" }), /L5105.*"torch.ComplexStorage"/],
    [
      "a storage with two descriptions",
      tuple(tensor(whole), tensor({ ...whole, count: 5 })),
      /storage '0' has two descriptions/,
    ],
    ["a persistent id of another form", [unicode("storage"), "Q"], /names no storage/],
    [
      "a parameter without a tensor",
      [global("torch._utils", "_rebuild_parameter"), tuple(int(1)), "R"],
      /parameter without a tensor/,
    ],
    [
      "a tensor without a storage",
      [global("torch._utils", "_rebuild_tensor_v2"), tuple("N", int(0), tuple(), tuple()), "R"],
      /tensor without a storage/,
    ],
  ];
  for (const [what, part, error] of bad) {
    it(`refuses ${what}`, async () => {
      await expect(readOne(part)).rejects.toThrow(error);
    });
  }

  it("refuses other zip archives and other contents", async () => {
    await expect(readTorchZip(writeZip([{ name: "word/document.xml", data: "x" }]), "x.pt")).rejects.toThrow(
      /L5107.*not a PyTorch file/,
    );
    expect(await readTorchZip(torchFile(int(1), {}), "x.pt")).toBe(1);
    const big = writeZip([
      { name: "x/data.pkl", data: "N." },
      { name: "x/byteorder", data: "big" },
    ]);
    await expect(readTorchZip(big, "x.pt")).rejects.toThrow(/L5107.*big-endian/);
  });

  it("2,000 mutated files and 3,000 mutated pickles give values or LaceErrors, within a second each", async () => {
    const small = torchFile(
      dict({ a: tensor(whole), b: tensor({ ...whole, shape: [3], strides: [2] }), c: tuple(int(1), unicode("x")) }),
      { "0": six },
      { deflate: true },
    );
    const pickle = bytesOf(
      0x80,
      2,
      dict({ a: tensor(whole), b: dict({ c: tensor({ ...whole, offset: 1, shape: [2], strides: [1] }) }) }),
      ".",
    );
    let errors = 0;
    for (let seed = 0; seed < 5000; seed++) {
      const mutated = mutate(seed < 2000 ? small : pickle, seed);
      // A mutated pickle travels in a valid archive, else the checksum would stop it.
      const file =
        seed < 2000
          ? mutated
          : writeZip([
              { name: "x/data.pkl", data: mutated },
              { name: "x/data/0", data: six },
            ]);
      const start = performance.now();
      try {
        for (const t of tensorsOf(await readTorchZip(file, "x.pt")).values()) t.read();
      } catch (error) {
        if (!(error instanceof LaceError)) throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        errors++;
      }
      expect(performance.now() - start, `seed ${seed}`).toBeLessThan(1000);
    }
    expect(errors).toBeGreaterThan(2500); // the mutations do reach the code that refuses
  });

  it.skipIf(!GOLDEN_PRESENT)(
    "300 mutations of a golden file give values or LaceErrors (skipped without ../shared/golden)",
    async () => {
      const golden = goldenBytes("lace-tiny/mapping.pt");
      for (let seed = 0; seed < 300; seed++) {
        try {
          await readTorchZip(mutate(golden, seed), "mapping.pt");
        } catch (error) {
          if (!(error instanceof LaceError)) throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        }
      }
    },
  );
});

/** One to four changes: bytes set, flipped, filled with ones, cut out, doubled, or the end cut off. */
function mutate(original: Uint8Array, seed: number): Uint8Array {
  const r = random(seed + 1);
  let bytes: Uint8Array = Uint8Array.from(original);
  for (let changes = 1 + r.below(4); changes > 0; changes--) {
    const at = r.below(bytes.length);
    const length = 1 + r.below(8);
    switch (r.below(6)) {
      case 0:
        bytes[at] = r.below(256);
        break;
      case 1:
        bytes[at] = bytes[at]! ^ (1 << r.below(8));
        break;
      case 2:
        bytes.fill(255, at, at + length);
        break;
      case 3:
        bytes = join(bytes.subarray(0, at), bytes.subarray(at + length));
        break;
      case 4:
        bytes = join(bytes.subarray(0, at + length), bytes.subarray(at));
        break;
      default:
        bytes = bytes.slice(0, at + 1);
    }
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
