// Text that someone else wrote, made fit to be shown: it can neither drive a terminal nor turn the reading order round.
// In: any text. Out: the same with control characters, marks of direction and invisible characters written as \uXXXX, which JSON reads
// back as they were; `oneLine` is also bounded.

/* eslint-disable no-control-regex -- control characters are what is looked for */
/** All but newline, tab and the carriage return before a newline. Joiners stay: emoji and several scripts need them. */
const UNSEEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]|\r(?!\n)|[\u{e0000}-\u{e007f}]/gu;
const LINE_ENDS = /[\r\n\t]/g;
/* eslint-enable no-control-regex */

/** Text of several lines. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** A name, a path, a message: on one line, and no longer than `most` characters. */
export function oneLine(text: string, most = 400): string {
  if (text.length <= most) return visible(text).replace(LINE_ENDS, escaped);
  return `${oneLine(text.slice(0, most), most)}… (${text.length} characters)`;
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }).join("");
}
