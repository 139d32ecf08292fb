import { describe, expect, test } from "vitest";
import { parsePrompts, printPrompts, promptLines } from "../../src/learn/labellers/prompts.js";

/** Name, type, and the prompts of each class. */
function read(...lines: readonly string[]): unknown[] {
  return parsePrompts(lines).map(({ attribute, prompts }) => [
    attribute.name,
    attribute.type,
    Object.fromEntries(attribute.classes.map((c, k) => [c, prompts[k]])),
  ]);
}

describe("prompts", () => {
  test("of two classes without names are yes and no", () => {
    const expected = [["glasses", "binary", { no: ["a face"], yes: ["a face with glasses"] }]];
    expect(read("glasses: a face with glasses | a face")).toEqual(expected);
    expect(read("glasses: yes = a face with glasses | no = a face")).toEqual(expected);
    expect(read(" glasses :no=a face|  yes  =a face with glasses ")).toEqual(expected);
  });

  test("of more classes, or with names, make a category", () => {
    expect(read("hair: dark = black hair | light = blond hair", "age: a child | an adult | a pensioner")).toEqual([
      ["hair", "category", { dark: ["black hair"], light: ["blond hair"] }],
      ["age", "category", { a_child: ["a child"], an_adult: ["an adult"], a_pensioner: ["a pensioner"] }],
    ]);
  });

  test("name classes by the words that not all of them have", () => {
    const line = "hair: A person with black hair | a person with dark, red hair | a person, bald; a bald head";
    expect(read(line)).toEqual([
      [
        "hair",
        "category",
        {
          with_black_hair: ["A person with black hair"],
          with_dark_red_hair: ["a person with dark, red hair"],
          bald: ["a person, bald", "a bald head"],
        },
      ],
    ]);
  });

  test("are printed as lines that mean the same", () => {
    const parsed = parsePrompts(["a: x; y | z", "b: p q | r q | s q", "c: k = x | l = y"]);
    expect(parsePrompts(parsed.map(printPrompts))).toEqual(parsed);
    expect(parsed.map(printPrompts)[0]).toBe("a: no = z | yes = x; y");
  });

  test("come from files without comments and empty lines", () => {
    expect(promptLines("# hair\r\n\r\n a: x | y\n  # more\nb: x | y")).toEqual(["a: x | y", "b: x | y"]);
  });

  test.each([
    ["no name", "a face | a hat", /at least two prompts|`a face \| a hat`/],
    ["one prompt", "hat: a hat", /`hat: a hat`: at least two prompts are needed/],
    ["an empty prompt", "hat: a hat | ", /a prompt is empty/],
    ["an empty one of several", "hat: a hat; | none", /a prompt is empty/],
    ["an empty one with a name", "hat: yes = | no = none", /a prompt is empty/],
    ["names for some", "hat: big = a hat | none", /some classes have a name and some have none/],
    ["a name that no script can write", "the hat: a hat | none", /`the hat: a hat \| none`: Invalid name/],
    ["two classes of one name", "hat: big = a hat | big = a cap", /Two have one name/],
    ["prompts without a difference", "hat: a hat | hat a | the hat", /give no names for the classes/],
    ["a class that has no words of its own", "hat: a hat | a red hat | a blue hat", /give no names for the classes/],
  ])("with %s are an error", (_, line, message) => {
    expect(() => parsePrompts([line])).toThrow(message);
    expect(() => parsePrompts([line])).toThrow(/^L5312/);
  });

  test("of two attributes with one name are an error", () => {
    expect(() => parsePrompts(["a: x | y", "a: z | w"])).toThrow(/L5312.*Two attributes have one name/);
  });
});
