// What scripts ask for: comparisons in chains, `if`, parameters of three kinds with defaults, sweeps over values and energies, texts.
import { describe, expect, it } from "vitest";
import { printEnergy } from "../../src/compiler/print.js";
import { compile, mistakesOf, planOf, script } from "./support.js";

/** The energies of the script's only task, one line each. */
async function energiesOf(body: string, name = "s"): Promise<readonly string[]> {
  const plan = await planOf(`${body}\nsave ${name} to "x.png" as grid`);
  const [task] = plan.tasks;
  const energies = task!.kind === "sweep" ? task!.cells : task!.kind === "edit" ? [] : [task!.energy];
  return energies.map((e) =>
    printEnergy(e, plan.models[0]!.attributes)
      .split("\n")
      .map((l) => l.trim())
      .join(" "),
  );
}

const sample = (where: string): string => `sample s from avatar { where ${where} }`;

describe("comparisons", () => {
  it.each([
    ["light >= 0.6", "light > 0.6 (sigma 0.1)"],
    ["0.6 <= light", "light > 0.6 (sigma 0.1)"],
    ["light <= 0.6", "light < 0.6 (sigma 0.1)"],
    ["0.2 < light < 0.8", "and light > 0.2 (sigma 0.1) light < 0.8 (sigma 0.1)"],
    ["0.8 >= light > 0.2", "and light < 0.8 (sigma 0.1) light > 0.2 (sigma 0.1)"],
  ])("%s", async (where, printed) => {
    expect(await energiesOf(sample(where))).toEqual([printed]);
  });

  it("in an expectation stand in parentheses, where `>=` ends the clause", async () => {
    const plan = await planOf(
      `${sample("smile")}\nexpect s: (light >= 0.5) >= 0.9, 0.2 < light < 0.8 >= 0.5\nsave s to "x.png" as grid`,
    );
    expect(plan.expects[0]!.clauses.map((c) => [c.text, c.fraction])).toEqual([
      ["(light >= 0.5)", 0.9],
      ["0.2 < light < 0.8", 0.5],
    ]);
  });

  it("out of range or the wrong way round are told", async () => {
    expect(await mistakesOf(sample("0.2 < light < 7"))).toEqual([expect.stringMatching(/^L2004 7 is outside/)]);
    expect(await mistakesOf(sample("0.2 < smile < 0.7"))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^L2003 `smile` is a binary attribute/)]),
    );
  });
});

describe("if", () => {
  it("on an attribute asks for one thing where it holds and for another where it does not", async () => {
    expect(await energiesOf(sample("if smile then hair is red else hat"))).toEqual([
      "or and smile is yes hair is red and smile is no hat is yes",
    ]);
  });

  it("on numbers chooses", async () => {
    const body = "let n = if 2 >= 1 then 0.25 else 0.75\n";
    expect(await energiesOf(body + sample("tilt is n and if 0.1 < n < 0.2 then smile else hat"))).toEqual([
      "and tilt is 0.25 +- 0.1 hat is yes",
    ]);
    expect(
      await energiesOf("sweep s over t in 0..1 by 0.5 from avatar { where if t > 0.4 then smile else not smile }"),
    ).toEqual(["smile is no", "smile is yes", "smile is yes"]);
  });

  it("whose branches are of two kinds is a mistake", async () => {
    expect(await mistakesOf("let n = if 1 > 2 then 3 else smile\n" + sample("tilt is n"))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^L2003/)]),
    );
  });
});

describe("parameters of energies", () => {
  it("are numbers, values of a category and energies, with defaults", async () => {
    const nerd = "energy nerd(k: number = 1) = k * glasses\n";
    const dye = "energy dye(c: hair) = hair is c\n";
    const both = "energy both(e: energy, c: hair = red) = e and dye(c)\n";
    expect(await energiesOf(nerd + dye + sample("nerd and dye(black)"))).toEqual([
      "and 1 * glasses is yes hair is black",
    ]);
    expect(await energiesOf(nerd + dye + both + sample("nerd(3) and both(both(smile), red)"))).toEqual([
      "and 3 * glasses is yes smile is yes hair is red hair is red",
    ]);
  });

  it("that are energies take the temperature of the place where they are used", async () => {
    const body = "energy calm(e: energy) = temperature 0.5 (e)\n";
    expect(await energiesOf(body + sample("calm(smile) and calm(calm(hat))"))).toEqual([
      "and smile is yes at temperature 0.5 hat is yes at temperature 0.25",
    ]);
  });

  it("wrongly given or declared are told", async () => {
    const body = `energy dye(c: hair) = hair is c
energy more(a: number, b: number = 2) = tilt is a * b
`;
    const of = (where: string): Promise<readonly string[]> => mistakesOf(body + sample(where));
    expect(await of("dye(rad) and more(0.1)")).toEqual(["L2005 `hair` has no value `rad`"]);
    expect(await of("dye(3) and more(0.1)")).toEqual([expect.stringMatching(/^L2003 `hair` is a category/)]);
    expect(await of("dye and more")).toEqual([
      "L2006 `dye` takes 1 argument, and none is given",
      "L2006 `more` takes 1 to 2 arguments, and none is given",
    ]);
    expect(await of("dye(red) and more(1, 2, 3)")).toEqual(["L2006 `more` takes 1 to 2 arguments, not 3"]);
    expect(await mistakesOf(`energy bad(a: number = 1, b: number) = tilt is a * b\n${sample("bad(1, 0.5)")}`)).toEqual([
      "L2006 `b` has no default, and a parameter before it has one",
    ]);
    expect(await mistakesOf(`energy bad(a: hare) = smile\n${sample("bad(red)")}`)).toContain(
      "L2001 unknown type `hare`",
    );
    expect(await mistakesOf(`energy bad(a: tilt) = smile\n${sample("bad(red)")}`)).toContain(
      "L2003 `tilt` has no values that a parameter could take",
    );
  });
});

describe("sweeps", () => {
  it("go over values of a category, energies and numbers, in any mixture", async () => {
    const body = `sweep s over c in {black, red}, m in {smile, not smile}, t in {0.2, 0.7} from avatar {
  where hair is c and m and tilt is t
}
save s to "x.png" as grid`;
    const plan = await planOf(body);
    const [task] = plan.tasks;
    if (task?.kind !== "sweep") throw new Error("not a sweep");
    expect(task.axes).toEqual([
      { name: "c", values: ["black", "red"] },
      { name: "m", values: ["smile", "not smile"] },
      { name: "t", values: [0.2, 0.7] },
    ]);
    expect(task.cells).toHaveLength(8);
    const printed = printEnergy(task.cells[6]!, plan.models[0]!.attributes);
    expect(printed.split("\n").map((l) => l.trim())).toEqual([
      "and",
      "hair is red",
      "smile is no",
      "tilt is 0.2 +- 0.1",
    ]);
  });

  it("that list what is not there, or different kinds, are told once", async () => {
    const of = (axis: string, where: string): Promise<readonly string[]> =>
      mistakesOf(`sweep s over ${axis} from avatar { where ${where} }`);
    expect(await of("c in {black, rad}", "hair is c")).toEqual(["L2005 `hair` has no value `rad`"]);
    expect(await of("m in {smile, 0.5}", "m")).toEqual(["L2003 the values of `m` are of different kinds"]);
    // A use that was misspelt does not make the axis unused.
    expect(await of("c in {black, red}", "hair is cc")).toEqual(["L2005 `hair` has no value `cc`"]);
  });
});

describe("a warning of contradictions", () => {
  it("is not given of opposites that are both weighted, and is where one is not", async () => {
    const fade = "sweep s over t in 0..1 by 0.25 from avatar { where (4 * t) * smile and (4 - 4 * t) * not smile }";
    expect(await mistakesOf(`${fade}\nsave s to "x.png" as grid`)).toEqual([]);
    const wrong = `${sample("2 * smile and not smile")}\nsave s to "x.png" as grid`;
    expect(await mistakesOf(wrong)).toEqual([expect.stringMatching(/^L3002/)]);
  });
});

describe("a value that stands alone after `or`", () => {
  it("is told with the set that is meant, and mended", async () => {
    const body = sample("hair is black or brown or red");
    const { diagnostics } = await compile(script(body));
    const [mistake] = diagnostics;
    expect([mistake!.code, mistake!.message, mistake!.hints]).toEqual([
      "L2001",
      "`brown` alone is not a condition",
      ["write `hair in {black, brown, red}`"],
    ]);
    const { span, replacement } = mistake!.fix!;
    const text = script(body)["main.lace"]!;
    const fixed = text.slice(0, span.start) + replacement + text.slice(span.end);
    expect((await compile({ "main.lace": fixed })).diagnostics.filter((d) => d.severity === "error")).toEqual([]);
  });
});

describe("messages say what was meant", () => {
  const hints = async (body: string): Promise<unknown> =>
    (await compile(script(sample(body)))).diagnostics.map((d) => [d.message, ...d.hints]);

  it("of values after one that is excluded", async () => {
    for (const word of ["and", "or"])
      expect(await hints(`hair is not black ${word} brown`)).toEqual([
        ["`brown` alone is not a condition", "write `not hair in {black, brown}`"],
      ]);
  });

  it("of arguments that are too many, or have names", async () => {
    const dye = "energy dye(k: number, c: hair = red) = k * (hair is c)\n";
    expect(await mistakesOf(`${dye}${sample("dye(1, red, 3)")}`)).toEqual([
      "L2006 `dye` takes 1 to 2 arguments, not 3",
    ]);
    const { diagnostics } = await compile(script(`${dye}${sample("dye(k: 2)")}`));
    expect(diagnostics[0]!.hints).toEqual(["arguments go by their order, without names: `redhead(0.5)`"]);
  });

  it("of a set after `is`", async () => {
    expect(await hints("hair is {black, red}")).toEqual([
      [expect.stringMatching(/^expected/), "a set stands after `in`: `hair in { red, blond }`"],
    ]);
  });
});

describe("paths of saves", () => {
  const faces = "sample s from avatar { where smile  count 2  seed 4 }\n";
  const saved = async (body: string, inputs: ReadonlyMap<string, string> = new Map()): Promise<readonly string[]> =>
    (await planOf(body, { inputs })).saves.map((save) => save.path);

  it("have the script's inputs, texts as the command line sets them", async () => {
    const body = `input title: text = "a"\ninput n: number = 3\n${faces}save s to "{title}/{n}-{seed}-{index}.png"`;
    expect(await saved(body)).toEqual(["a/3-4-{index}.png"]);
    expect(await saved(body, new Map([["title", "007"]]))).toEqual(["007/3-4-{index}.png"]);
    for (const [title, code] of [
      ["../../x", "L2017"],
      ["{index}", "L2019"],
    ] as const)
      expect((await mistakesOf(body, { inputs: new Map([["title", title]]) }))[0]).toContain(code);
  });

  it("count cells and frames", async () => {
    const swept = "sweep t over x in {0.2, 0.8} from avatar { where tilt is x }\n";
    expect(await saved(`${swept}save t to "{cell}.png"`)).toEqual(["{cell}.png"]);
    expect(await mistakesOf(`${swept}save t to "{frame}.png"`)).toEqual([
      expect.stringMatching(/^L2019 `\{frame\}` has no meaning/),
    ]);
  });

  it("take no text for a number", async () => {
    expect(await mistakesOf(`input title: text = "a"\n${faces}let x = title\nsave s to "{index}.png"`)).toContain(
      "L2003 `x` is to be a number, and this is a text",
    );
  });
});
