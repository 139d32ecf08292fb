// lacec explain CODE: what a code is about, from the table and its page in docs/errors.md.
import { readFileSync } from "node:fs";
import { codes } from "../source/codes.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

export function explainVerb(io: Io, wanted: string): Promise<ExitCode> {
  const code = wanted.toUpperCase();
  if (!Object.hasOwn(codes, code)) {
    io.err(`There is no code ${wanted}. Codes look like L2001; docs/errors.md lists them all.\n`);
    return Promise.resolve(EXIT.script);
  }
  const page = sectionOf(code);
  io.out(page ?? `${code}: ${codes[code as keyof typeof codes]}\n`);
  return Promise.resolve(EXIT.done);
}

/** The section of docs/errors.md about a code: from its heading to the next of the same depth. */
function sectionOf(code: string): string | undefined {
  const text = readDocs();
  const start = new RegExp(`^(#+) .*\\b${code}\\b.*$`, "m").exec(text ?? "");
  if (text === undefined || start?.[1] === undefined) return undefined;
  const rest = text.slice(start.index + start[0].length);
  const end = new RegExp(`^#{1,${start[1].length}} `, "m").exec(rest);
  return `${start[0]}${rest.slice(0, end?.index ?? rest.length).trimEnd()}\n`;
}

function readDocs(): string | undefined {
  try {
    return readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  } catch {
    return undefined; // an installation without docs still has the table
  }
}
