// Labels by hand or from elsewhere: a .csv or .jsonl file, one line an image -> attributes and columns.
// In: text. Out: a table of cells by row index; then attributes (given, or inferred from the cells) and RowLabels.
// Invariants: nothing is guessed about a row: a cell that does not fit its attribute is an error with its line; an empty cell is missing.
import type { Attribute } from "../../compiler/attribute.js";
import { modelError } from "../../models/model-error.js";
import type { RowLabels } from "./label-model.js";

/** One labelled image: its index and the cells of its line by column name, trimmed. */
interface Row {
  readonly index: number;
  readonly line: number;
  readonly cells: ReadonlyMap<string, string>;
}
export interface LabelTable {
  readonly file: string;
  /** Names of the attributes: all columns but `index` and `file`. */
  readonly names: readonly string[];
  readonly rows: readonly Row[];
}

const NO = new Set(["0", "no", "false"]);
const YES = new Set(["1", "yes", "true"]);
/** More values than this are free text, unless somebody says that they are classes. */
const MOST_CLASSES = 100;
/** Numbers that float32 can still square. */
const MOST = 1e15;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * Reads a table. The index of a line is its column `index`, or the number in its column `file` (000012.png).
 *
 * Errors   LaceError L5313 with the line.
 */
export function readLabelTable(text: string, file: string): LabelTable {
  const rows = file.endsWith(".jsonl") ? readJsonLines(text, file) : readCsv(text, file);
  const names = [...new Set(rows.flatMap((r) => [...r.cells.keys()]))].filter((n) => n !== "index" && n !== "file");
  for (const name of names)
    if (!NAME.test(name))
      throw wrong(file, 1, `\`${name}\` cannot be the name of an attribute`, ["letters, digits and _ make a name"]);
  if (names.length === 0) throw wrong(file, 1, "there is no column of labels beside index and file");
  const seen = new Map<number, number>();
  const indexed = rows.map((r) => {
    const index = indexOf(r.cells, file, r.line);
    const before = seen.get(index);
    if (before !== undefined) throw wrong(file, r.line, `index ${index} is on line ${before} already`);
    seen.set(index, r.line);
    return { ...r, index };
  });
  if (indexed.length === 0) throw wrong(file, 1, "it labels no image");
  return { file, names, rows: indexed };
}

/**
 * What the columns are, by their cells: yes/no (true/false, 1/0) is binary, numbers are scalars in the range that they span, anything
 * else is a category of the words that occur, sorted.
 *
 * Errors   LaceError L5313 for a column that is empty, or of one word.
 */
export function inferAttributes(table: LabelTable): Attribute[] {
  return table.names.map((name) => {
    const values = table.rows.map((r) => r.cells.get(name) ?? "").filter((c) => c !== "");
    const words = [...new Set(values)].sort();
    if (words.every((c) => NO.has(c.toLowerCase()) || YES.has(c.toLowerCase())) && words.length > 0)
      return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
    const numbers = values.map(Number);
    if (numbers.length > 0 && numbers.every(Number.isFinite)) {
      const { min, max } = extremes(numbers);
      if (!Number.isFinite(max - min) || Math.max(-min, max) > MOST)
        throw wrong(table.file, 1, `column \`${name}\` holds numbers from ${min} to ${max}`, [
          `numbers beyond ${MOST} cannot be learnt from: give them in another unit, or leave the column out`,
        ]);
      if (min < max) return { name, type: "scalar", min, max, sigma: (max - min) / 10 };
    }
    const hint = ["leave the column out, or say what it is with --attributes FILE.json"];
    if (words.length < 2)
      throw wrong(table.file, 1, `column \`${name}\` has ${words.length === 0 ? "no label" : "one value only"}`, hint);
    if (words.length > MOST_CLASSES)
      throw wrong(
        table.file,
        1,
        `column \`${name}\` has ${words.length} different values; a category has at most ${MOST_CLASSES}`,
        [
          "free text cannot be learnt from: leave the column out; if these are classes, say so with --attributes FILE.json",
        ],
      );
    const bad = words.find((c) => !NAME.test(c));
    if (bad !== undefined)
      throw wrong(table.file, 1, `column \`${name}\`: "${bad}" cannot be the name of a class`, [
        "letters, digits and _ make a name; numbers alone make a scalar",
      ]);
    return { name, type: "category", classes: words, temperature: 1 };
  });
}

/**
 * The table as labels of rows 0 .. count-1.
 *
 * Errors   LaceError L5313: an attribute without column, a cell that is no value of it, an index beyond `count`.
 */
export function tableLabels(table: LabelTable, attributes: readonly Attribute[], count: number): RowLabels {
  const width = attributes.reduce((n, a) => n + (a.type === "scalar" ? 1 : a.classes.length), 0);
  for (const a of attributes)
    if (!table.names.includes(a.name))
      throw wrong(table.file, 1, `there is no column \`${a.name}\``, [`there are: ${table.names.join(", ")}`]);
  const byIndex = new Map<number, readonly number[]>();
  for (const row of table.rows) {
    if (row.index >= count)
      throw wrong(table.file, row.line, `index ${row.index} is beyond the last of ${count} images`, [
        "give -n as it was when the images were exported",
      ]);
    byIndex.set(
      row.index,
      attributes.flatMap((a) => columnsOfCell(a, row.cells.get(a.name) ?? "", table.file, row.line)),
    );
  }
  return {
    attributes,
    columnsOf(start, size) {
      const columns = new Float32Array(size * width).fill(NaN);
      for (let row = 0; row < size; row++) columns.set(byIndex.get(start + row) ?? [], row * width);
      return columns;
    },
  };
}

/** The ends of the range that values span; of none, Infinity and -Infinity. */
export function extremes(values: Iterable<number>): { readonly min: number; readonly max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (const v of values) {
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  return { min, max };
}

/** A cell as columns: logits that put all on its class. Errors LaceError L5313 with the line. */
export function columnsOfCell(a: Attribute, cell: string, file: string, line: number): readonly number[] {
  if (a.type === "scalar") {
    const value = cell === "" ? NaN : Number(cell);
    if (cell !== "" && !Number.isFinite(value)) throw wrong(file, line, `${a.name}: "${cell}" is no number`);
    return [value];
  }
  if (cell === "") return a.classes.map(() => NaN);
  const lower = cell.toLowerCase();
  const binary = NO.has(lower) ? 0 : YES.has(lower) ? 1 : -1;
  const k = a.type === "binary" ? binary : a.classes.indexOf(cell);
  if (k < 0) throw wrong(file, line, `${a.name}: "${cell}" is none of ${a.classes.join(", ")}`);
  return a.classes.map((_, i) => (i === k ? 0 : -Infinity));
}

function indexOf(cells: ReadonlyMap<string, string>, file: string, line: number): number {
  const text = cells.get("index") ?? /(\d+)\.[a-z]+$/i.exec(cells.get("file") ?? "")?.[1] ?? "";
  if (!/^\d{1,9}$/.test(text))
    throw wrong(file, line, "the line does not say which image it is about", [
      "give a column `index` (from 0), or `file` with the number in its name, as --export writes them",
    ]);
  return Number(text);
}

type Line = Omit<Row, "index">;

function readJsonLines(text: string, file: string): Line[] {
  const lines: Line[] = [];
  text.split("\n").forEach((raw, i) => {
    if (raw.trim() === "") return;
    let json: unknown;
    try {
      json = JSON.parse(raw);
    } catch {
      throw wrong(file, i + 1, "the line is not JSON");
    }
    if (typeof json !== "object" || json === null || Array.isArray(json))
      throw wrong(file, i + 1, "the line is not a JSON object");
    const cells = new Map<string, string>();
    for (const [name, value] of Object.entries(json as Record<string, unknown>)) {
      if (value === null) continue;
      if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
        throw wrong(file, i + 1, `\`${name}\` is neither text nor a number nor true or false`);
      cells.set(name, String(value).trim());
    }
    lines.push({ line: i + 1, cells });
  });
  return lines;
}

/** Comma-separated values with a header (RFC 4180): quotes may hold commas, line breaks and doubled quotes. */
function readCsv(text: string, file: string): Line[] {
  const records = splitCsv(text.replace(/^\uFEFF/, ""), file);
  const [header, ...rest] = records;
  if (header === undefined) throw wrong(file, 1, "the file is empty");
  const names = header.fields.map((f) => f.trim());
  if (new Set(names).size !== names.length) throw wrong(file, 1, "two columns have one name");
  return rest.map(({ line, fields }) => {
    if (fields.length !== names.length)
      throw wrong(file, line, `the line has ${fields.length} fields, the header ${names.length}`);
    return { line, cells: new Map(names.map((n, k) => [n, (fields[k] ?? "").trim()] as const)) };
  });
}

function splitCsv(text: string, file: string): { readonly line: number; readonly fields: string[] }[] {
  const records: { readonly line: number; readonly fields: string[] }[] = [];
  // A field is quoted or free of quotes, commas and line breaks; after it comes a comma, a line break or the end.
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  let line = 1;
  let fields: string[] = [];
  let start = line;
  for (let open = text.length > 0; open;) {
    const match = field.exec(text);
    if (match === null) throw wrong(file, line, "a quote that is not closed, or that is in the middle of a field");
    const [whole, quoted, plain = "", after = ""] = match;
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    line += whole.split("\n").length - 1;
    open = after === "," || field.lastIndex < text.length;
    if (after === ",") continue;
    if (fields.length > 1 || fields[0] !== "") records.push({ line: start, fields });
    fields = [];
    start = line;
  }
  return records;
}

function wrong(file: string, line: number, what: string, hints: readonly string[] = []): Error {
  return modelError("L5313", `${file}:${line}`, what, hints);
}
