import { expect, test } from "vitest";
import { turned, valueAt } from "../../studio/src/editor/turned-number.js";

test.each([
  ["0.5", 1, "0.6"],
  ["0.50", 1, "0.51"],
  ["0.1", 2, "0.3"],
  ["3", -1, "2"],
  ["1", -5, "0"],
  ["-0.5", 7, "0.2"],
  ["-3", -1, "-4"],
  ["1e-3", 1, "2e-3"],
  ["9.9", 1, "10.0"],
  ["12", 10, "22"],
])("%s turned by %i is %s", (text, steps, after) => {
  expect(turned(text, steps)).toBe(after);
});

test.each([
  ["  count 16", "16", 8],
  ["  tilt is -0.25", "-0.25", 12],
  ["input tilt: number = -3", "-3", 22],
  ["  light is a - 0.5", "0.5", 15],
  ["  light is a -5", "5", 14],
  ["expect portraits: glasses >= 0.9, smile >= 0.8", "0.8", 45],
  ["values 0..10 by 2", "10", 11],
])("in %j the number is %s", (line, text, at) => {
  const found = valueAt(line, at, 100);
  expect(found?.text).toBe(text);
  expect(line.slice(found!.from - 100, found!.from - 100 + text.length)).toBe(text);
});

test.each([
  ["// since 2021", 10],
  ['save people to "people-16.png"', 25],
  ["energy scholar2 = glasses", 14],
  ["lace x", 5],
])("in %j there is none at %i", (line, at) => {
  expect(valueAt(line, at, 0)).toBeUndefined();
});
