// The terminal as the verbs see it: two streams, whether colours and bars make sense, how wide a line is.
// Invariants: this file and main.ts are the only ones that touch process.stdout and process.stderr. Whatever is printed, a stranger's text in
// it cannot drive the terminal: only colours that were asked for here become escape codes, every other control character is made visible.
import { randomBytes } from "node:crypto";
import pc from "picocolors";
import { EXIT } from "./exit.js";
import { visible } from "../source/foreign-text.js";

export type Colors = ReturnType<typeof pc.createColors>;

export interface Io {
  /** Results: files written, tables, JSON. */
  readonly out: (text: string) => void;
  /** Progress and diagnostics. */
  readonly err: (text: string) => void;
  /** A file that goes to standard output: exactly as it is, but on a terminal. */
  readonly file: (text: string) => void;
  /** Takes back what stands on the line of `err`. */
  readonly eraseLine: () => void;
  readonly outColors: Colors;
  readonly errColors: Colors;
  /** Whether `err` is coloured: for the renderer of diagnostics. */
  readonly colour: boolean;
  /** Whether `err` is a terminal that can redraw a line. */
  readonly live: boolean;
  readonly columns: number;
}

/** Colours only on a terminal (Node leaves `isTTY` undefined elsewhere), never with NO_COLOR or TERM=dumb; FORCE_COLOR turns them on. */
function wantsColour(tty: boolean | undefined, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const force = env["FORCE_COLOR"] ?? "";
  if (force !== "" && force !== "0") return true;
  return tty === true && env["TERM"] !== "dumb";
}

/** What a colour is until it is printed. Nobody else can write it: it is drawn anew by each process. */
const MARK = `\u001b<${randomBytes(9).toString("hex")}:`;
// eslint-disable-next-line no-control-regex -- these are the codes
const CODE = /\u001b\[(\d{1,2})m/g;
const MARKS = new RegExp(`${MARK}(\\d{1,2})>`, "g");

/** picocolors, with marks in place of escape codes. */
function markedColors(enabled: boolean): Colors {
  const colors = pc.createColors(enabled);
  const marked = { ...colors };
  for (const name of Object.keys(colors) as (keyof Colors)[]) {
    if (name === "isColorSupported") continue;
    const [open = "", close = ""] = colors[name]("|").replace(CODE, `${MARK}$1>`).split("|");
    marked[name] = (text) => `${open}${String(text)}${close}`;
  }
  return marked;
}

/** Text as it goes to a stream: colours as escape codes, what else would drive a terminal visible. */
export function printable(text: string): string {
  let at = 0;
  let out = "";
  for (const found of text.matchAll(MARKS)) {
    out += `${visible(text.slice(at, found.index))}\u001b[${found[1] ?? "0"}m`;
    at = found.index + found[0].length;
  }
  return out + visible(text.slice(at));
}

/** The Io of this process. */
export function processIo(): Io {
  const { stdout, stderr, env } = process;
  // A reader that goes away (lacec ... | head) is no error of ours.
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      // A full disk behind `>`: nothing that is printed arrives, so the exit code has to say it.
      if (stream === stdout) stderr.write(`error: what is printed cannot be written: ${error.message}\n`);
      process.exit(EXIT.environment);
    });
  }
  const colour = wantsColour(stderr.isTTY, env);
  return {
    out: (text) => void stdout.write(printable(text)),
    err: (text) => void stderr.write(printable(text)),
    file: (text) => void stdout.write(stdout.isTTY ? printable(text) : text),
    eraseLine: () => void stderr.write("\r\u001b[2K"),
    outColors: markedColors(wantsColour(stdout.isTTY, env)),
    errColors: markedColors(colour),
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
