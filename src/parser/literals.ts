// The values of numbers and strings. In: their text. Out: values, and the escapes that are wrong (for parse.ts).

/** The value of a number as TypeScript writes it (`1_000`, `0x1f`, `5.`, `.5`); NaN if it is none. */
export function numberValue(text: string): number {
  return Number(text.replaceAll("_", ""));
}

/** An escape that TypeScript does not allow: offsets within the string's text, quotes included. */
export interface BadEscape {
  readonly start: number;
  readonly end: number;
}

const escapes = /\\(?:u\{([\da-fA-F]+)\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(\r\n|[^]))/g;
const simple: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  "0": "\0",
  "\n": "",
  "\r": "",
  "\r\n": "",
  "\u2028": "",
  "\u2029": "",
};

/** The value of a quoted string. A wrong escape stands for itself; `badEscapes` finds them. */
export function stringValue(text: string): string {
  const quote = text.charAt(0);
  const closed = text.length > 1 && (text.endsWith(quote) || /[”“»]$/.test(text));
  return text
    .slice(1, closed ? -1 : undefined)
    .replace(escapes, (whole, long?: string, four?: string, two?: string, one?: string) => {
      const hex = long ?? four ?? two;
      if (hex !== undefined) {
        const point = Number.parseInt(hex, 16);
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
      }
      return one === undefined ? whole : (simple[one] ?? one);
    });
}

/** The escapes of a quoted string that are wrong: `\u` or `\x` without its digits, a code point out of range, `\1`. */
export function badEscapes(text: string): readonly BadEscape[] {
  const bad: BadEscape[] = [];
  for (const match of text.matchAll(escapes)) {
    const [whole, long, , , one] = match;
    const wrong =
      (long !== undefined && Number.parseInt(long, 16) > 0x10ffff) ||
      (one !== undefined && /^[A-Za-z1-9]$/.test(one) && !(one in simple)) ||
      (one === "0" && /\d/.test(text.charAt(match.index + 2)));
    if (wrong) bad.push({ start: match.index, end: match.index + whole.length });
  }
  return bad;
}
