// Two texts, line by line: what must be replaced in one to make the other.
// In: texts. Out: hunks in order, that do not touch. Invariants: applying them gives the second text; equal texts have none.

export interface LineHunk {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Above this many pairs of lines the lines between the first and the last difference are one hunk. */
const MOST_PAIRS = 4_000_000;

/** The hunks between two texts, by the longest common subsequence of their lines. */
export function lineHunks(from: string, to: string): readonly LineHunk[] {
  const a = linesOf(from);
  const b = linesOf(to);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const [x, y] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const start = a.slice(0, head).reduce((n, line) => n + line.length, 0);
  if (x.length === 0 && y.length === 0) return [];
  if (x.length * y.length > MOST_PAIRS) return [{ start, end: start + x.join("").length, text: y.join("") }];
  return between(x, y, start);
}

function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function between(x: readonly string[], y: readonly string[], at: number): readonly LineHunk[] {
  const width = y.length + 1;
  // common[i * width + j]: lines that x from i and y from j have in common.
  const common = new Uint32Array((x.length + 1) * width);
  const of = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      common[i * width + j] = x[i] === y[j] ? of(i + 1, j + 1) + 1 : Math.max(of(i + 1, j), of(i, j + 1));
  const hunks: LineHunk[] = [];
  let [i, j, offset] = [0, 0, at];
  while (i < x.length || j < y.length) {
    const start = offset;
    const from = i;
    let text = "";
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) break;
      if (j >= y.length || (i < x.length && of(i + 1, j) >= of(i, j + 1))) offset += x[i++]?.length ?? 0;
      else text += y[j++] ?? "";
    }
    if (offset > start || text !== "")
      hunks.push(...lineByLine(x.slice(from, i), linesOf(text), { start, end: offset, text }));
    while (i < x.length && j < y.length && x[i] === y[j]) {
      offset += x[i]?.length ?? 0;
      i++;
      j++;
    }
  }
  return hunks;
}

/** Lines that are replaced by as many are a hunk each. */
function lineByLine(removed: readonly string[], added: readonly string[], whole: LineHunk): readonly LineHunk[] {
  if (removed.length !== added.length || removed.length < 2) return [whole];
  let start = whole.start;
  return removed.map((line, i) => {
    const hunk = { start, end: start + line.length, text: added[i] ?? "" };
    start = hunk.end;
    return hunk;
  });
}
