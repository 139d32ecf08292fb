// Numbers of a script as they are turned. In: a line and a place in it; a number and steps. Out: the number there; its text after the steps.
// Invariants: the digits behind the point stay as many; a number without a sign does not become negative, for what stands before it may be no minus.

/** A number of the text and where it begins. */
export interface Valued {
  readonly from: number;
  readonly text: string;
}

const NUMBER = /(?<!\w|(?<!\.)\.)(?:\d+\.\d+|\d+)(?:e[+-]?\d+)?(?![\w]|\.\d)/gi;

/** The number that a place of a line is in, or at the end of; a sign that can only be its own belongs to it. `start`: where the line begins. */
export function valueAt(line: string, at: number, start: number): Valued | undefined {
  const code = line.replace(/"(?:[^"\\]|\\.)*"|\/\/.*$/g, (text) => " ".repeat(text.length));
  for (const { index, 0: digits } of code.matchAll(NUMBER)) {
    if (at < index || at > index + digits.length) continue;
    const isSigned = /(?:^|[\s(,=[])-$/.test(code.slice(0, index)) && !/[\w)\]]\s+-$/.test(code.slice(0, index));
    const isAfterWord = /\b(?:is|in|by|to|from|and|or|not|then|else)\s+-$/.test(code.slice(0, index));
    const from = isSigned || isAfterWord ? index - 1 : index;
    return { from: start + from, text: line.slice(from, index + digits.length) };
  }
  return undefined;
}

/** The number some steps up or down: a step is one of its last digit. */
export function turned(text: string, steps: number): string {
  const {
    sign = "",
    digits = "0",
    exponent,
  } = /^(?<sign>-?)(?<digits>[\d.]+)(?:e(?<exponent>[+-]?\d+))?$/i.exec(text)?.groups ?? {};
  const places = digits.includes(".") ? digits.length - digits.indexOf(".") - 1 : 0;
  const unit = 10 ** places;
  // Counted in steps: 0.1 and 0.2 make 0.3.
  const count = Math.round(Number(sign + digits) * unit) + steps;
  const value = (sign === "" ? Math.max(0, count) : count) / unit;
  return value.toFixed(places) + (exponent === undefined ? "" : `e${exponent}`);
}
