import { describe, expect, test } from "vitest";
import { inferAttributes, readLabelTable, tableLabels } from "../../src/learn/label/label-table.js";
import { labelRows } from "../../src/learn/label/layout.js";

const csv = (...lines: readonly string[]) => readLabelTable(lines.join("\n"), "labels.csv");

describe("files of labels", () => {
  test("quotes hold commas, line breaks and quotes; lines are counted through them", () => {
    const table = csv("index,note,beard", '0,"a, ""b""\r\nc",yes', "", "1,,no", "");
    expect(table.rows.map((r) => [r.index, r.line, r.cells.get("note"), r.cells.get("beard")])).toEqual([
      [0, 2, 'a, "b"\r\nc', "yes"],
      [1, 5, "", "no"],
    ]);
  });

  test("the number in a file's name is its index", () => {
    expect(csv("file,beard", "faces/000012.png,yes", "000003.png,no").rows.map((r) => r.index)).toEqual([12, 3]);
  });

  test("JSON lines say the same as CSV", () => {
    const lines =
      '{"index": 0, "beard": true, "age": 31, "hair": "red"}\n\n{"index": 1, "beard": false, "age": 20.5, "hair": "gray"}';
    const table = readLabelTable(lines, "labels.jsonl");
    const same = csv("index,beard,age,hair", "0,true,31,red", "1,false,20.5,gray");
    const attributes = inferAttributes(table);
    expect(attributes).toEqual(inferAttributes(same));
    expect(tableLabels(table, attributes, 2).columnsOf(0, 2)).toEqual(tableLabels(same, attributes, 2).columnsOf(0, 2));
  });

  test("types are seen from the values", () => {
    const table = csv("index,beard,age,hair", "0,Yes,30,red", "1,no,50,black", "2,,,red");
    expect(inferAttributes(table)).toEqual([
      { name: "beard", type: "binary", classes: ["no", "yes"], temperature: 1 },
      { name: "age", type: "scalar", min: 30, max: 50, sigma: 2 },
      { name: "hair", type: "category", classes: ["black", "red"], temperature: 1 },
    ]);
  });

  test("rows without a line and empty cells are missing labels", () => {
    const table = csv("index,beard,age", "3,yes,", "1,,50");
    const attributes = inferAttributes(csv("index,beard,age", "0,yes,30", "1,no,50"));
    const columns = tableLabels(table, attributes, 4).columnsOf(1, 3);
    const rows = labelRows(columns, attributes, { probabilities: ["beard"] });
    expect([...rows.get("labels.beard")!]).toEqual([NaN, NaN, 1]);
    expect([...rows.get("labels.age")!]).toEqual([50, NaN, NaN]);
    expect([...rows.get("probs.beard")!]).toEqual([NaN, NaN, NaN, NaN, 0, 1]);
  });

  test.each([
    ["no index", ["beard", "yes"], /labels.csv:2: the line does not say which image/],
    ["an index twice", ["index,beard", "0,yes", "0,no"], /labels.csv:3: index 0 is on line 2 already/],
    ["a field too many", ["index,beard", "0,yes,no"], /labels.csv:2: the line has 3 fields, the header 2/],
    ["an open quote", ["index,beard", '0,"yes'], /labels.csv:2: a quote that is not closed/],
    ["text behind a quote", ["index,beard", '0,"yes"x'], /labels.csv:2: a quote/],
    ["two columns of one name", ["index,beard,beard", "0,yes,no"], /two columns have one name/],
    ["a name that no script can write", ["index,light hair", "0,yes"], /`light hair` cannot be the name/],
    ["nothing but indices", ["index", "0"], /no column of labels/],
    ["nothing", [], /empty/],
  ])("%s is an error with its line", (_, lines, message) => {
    expect(() => csv(...lines)).toThrow(message);
  });

  test.each([
    ["a column of one value", ["index,hair", "0,red", "1,red"], /column `hair` has one value only/],
    ["an empty column", ["index,hair", "0,"], /column `hair` has no label/],
  ])("%s cannot be an attribute", (_, lines, message) => {
    expect(() => inferAttributes(csv(...lines))).toThrow(message);
  });

  test("cells that do not fit, columns that are missing and indices beyond the end are errors", () => {
    const hair = inferAttributes(csv("index,hair", "0,red", "1,black"));
    const age = inferAttributes(csv("index,age", "0,1", "1,2"));
    expect(() => tableLabels(csv("index,hair", "0,blue"), hair, 9)).toThrow(
      /csv:2: hair: "blue" is none of black, red/,
    );
    expect(() => tableLabels(csv("index,age", "0,old"), age, 9)).toThrow(/csv:2: age: "old" is no number/);
    expect(() => tableLabels(csv("index,age", "0,1"), hair, 9)).toThrow(/no column `hair`/);
    expect(() => tableLabels(csv("index,age", "9,1"), age, 9)).toThrow(/csv:2: index 9 is beyond the last of 9 images/);
  });
});
