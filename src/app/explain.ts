// What a code is about.
import { codes } from "../source/codes.js";
import type { Platform } from "./platform.js";
import { UsageError } from "./verb.js";

/** The section about a code of docs/errors.md; where there are no docs, its line in the table. Errors: UsageError if there is no such code. */
export async function explain(platform: Platform, wanted: string): Promise<string> {
  const code = wanted.toUpperCase();
  if (!Object.hasOwn(codes, code))
    throw new UsageError(`there is no code ${wanted}; codes look like L2001, and docs/errors.md lists them all`);
  const pages = await platform.errorPages();
  return sectionOf(code, pages ?? "") ?? `${code}: ${codes[code as keyof typeof codes]}\n`;
}

/** The section about a code in the text of docs/errors.md: from its heading to the next of the same depth. */
export function sectionOf(code: string, text: string): string | undefined {
  const start = new RegExp(`^(#+) .*\\b${code}\\b.*$`, "m").exec(text);
  if (start?.[1] === undefined) return undefined;
  const rest = text.slice(start.index + start[0].length);
  const end = new RegExp(`^#{1,${start[1].length}} `, "m").exec(rest);
  return `${start[0]}${rest.slice(0, end?.index ?? rest.length).trimEnd()}\n`;
}
