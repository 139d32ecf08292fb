// The terminal as the verbs see it: two streams, whether colours and bars make sense, how wide a line is.
// Invariant: this file and main.ts are the only ones that touch process.stdout and process.stderr.
import pc from "picocolors";

export type Colors = ReturnType<typeof pc.createColors>;

export interface Io {
  /** Results: files written, tables, JSON. */
  readonly out: (text: string) => void;
  /** Progress and diagnostics. */
  readonly err: (text: string) => void;
  readonly outColors: Colors;
  readonly errColors: Colors;
  /** Whether `err` is coloured: for the renderer of diagnostics. */
  readonly colour: boolean;
  /** Whether `err` is a terminal that can redraw a line. */
  readonly live: boolean;
  readonly columns: number;
}

/** Colours only on a terminal (Node leaves `isTTY` undefined elsewhere), never with NO_COLOR or TERM=dumb; FORCE_COLOR turns them on. */
export function wantsColour(tty: boolean | undefined, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const force = env["FORCE_COLOR"] ?? "";
  if (force !== "" && force !== "0") return true;
  return tty === true && env["TERM"] !== "dumb";
}

/** The Io of this process. */
export function processIo(): Io {
  const { stdout, stderr, env } = process;
  // A reader that goes away (lacec ... | head) is no error of ours.
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  const colour = wantsColour(stderr.isTTY, env);
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outColors: pc.createColors(wantsColour(stdout.isTTY, env)),
    errColors: pc.createColors(colour),
    colour,
    live: stderr.isTTY && env["TERM"] !== "dumb" && (env["CI"] ?? "") === "",
    columns: stderr.columns > 0 ? stderr.columns : 80,
  };
}

/** Waits until both streams have taken what was written: process.exit does not. */
export async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.destroyed || !stream.writable) continue;
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
}

/** All of standard input as UTF-8. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
