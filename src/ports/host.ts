// The world outside: files, clock and engines come in through one Host, so that every stage runs in a test or a browser.

/** Paths are opaque strings of the host; `resolve` makes one relative to the file that names it. */
export interface Host {
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  /** `length` bytes from `start`, fewer where the file ends. A host may lack it: callers then read the whole file. */
  readRange?(path: string, start: number, length: number): Promise<Uint8Array>;
  exists(path: string): Promise<boolean>;
  /** The path with its links followed. A host without links may lack it. */
  realPath?(path: string): Promise<string>;
  /** Writes to a temporary name beside the target and renames: readers see the old file or the whole new one. Makes folders. */
  writeAtomic(path: string, bytes: Uint8Array | string): Promise<void>;
  /** Absolute path of `reference` as named in `fromFile` (a script); `builtin:NAME` resolves to a model that ships with lacec, `model:NAME` to one of the user's imported models. */
  resolve(fromFile: string, reference: string): string;
  sha256(bytes: Uint8Array): Promise<string>;
  /** Milliseconds, monotonic. */
  now(): number;
}
