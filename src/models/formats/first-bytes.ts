// What the first bytes of a file say it is, where something else was wanted of it.
// In: bytes. Out: words for people. Nothing is read that the bytes do not hold, and nothing is decided by it but a message.

/** A kind of file. */
export interface Recognised {
  /** "a pickle", as in "it is a pickle". */
  readonly what: string;
  /** Whether `lacec import` reads files that begin so. */
  readonly importable: boolean;
}

const starts = (bytes: Uint8Array, beginning: readonly number[]): boolean =>
  bytes.length >= beginning.length && beginning.every((byte, i) => bytes[i] === byte);
const text = (letters: string): readonly number[] => Array.from(letters, (c) => c.charCodeAt(0));

/** The first that fits. */
const KINDS: readonly (readonly [(bytes: Uint8Array) => boolean, Recognised])[] = [
  [(b) => b[0] === 0x80 && (b[1] ?? 0) >= 2 && (b[1] ?? 0) <= 5, { what: "a pickled checkpoint", importable: true }],
  [
    (b) => starts(b, text("PK\u0003\u0004")),
    { what: "a checkpoint of PyTorch, or another zip archive", importable: true },
  ],
  [(b) => starts(b, [0x93, ...text("NUMPY")]), { what: "an array of NumPy", importable: true }],
  // ModelProto: ir_version, a small number, is its first field; opset, producer or graph is the next.
  [
    (b) => b[0] === 0x08 && (b[1] ?? 99) < 32 && [0x12, 0x1a, 0x3a, 0x42].includes(b[2] ?? 0),
    { what: "an ONNX model", importable: true },
  ],
  [(b) => starts(b, [0x89, ...text("PNG")]) || starts(b, [0xff, 0xd8, 0xff]), { what: "a picture", importable: false }],
  [(b) => starts(b, [0x89, ...text("HDF")]), { what: "an HDF5 file", importable: false }],
  [(b) => starts(b, text("GGUF")), { what: "a GGUF file", importable: false }],
  [(b) => b[0] === 0x3c, { what: "a page of a web site: download the file itself", importable: false }],
  [
    (b) => starts(b, text("version ")),
    { what: "a pointer of git-lfs: run `git lfs pull` where it came from", importable: false },
  ],
];

/** What the file is; undefined if its first bytes say nothing. Eight bytes are enough. */
export function recognise(first: Uint8Array): Recognised | undefined {
  return KINDS.find(([fits]) => fits(first))?.[1];
}
