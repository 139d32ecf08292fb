import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mutated } from "../parser/scripts.js";
import { random } from "../support/random.js";
import { compile } from "./support.js";

const MODEL = 'lace 1\nmodel avatar from "builtin:avatar"\n';

async function found(text: string, rest: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const { diagnostics } = await compile({ "main.lace": text, ...rest });
  const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length;
  return diagnostics.map((d) => `${lineOf(d.at.span.start)} ${d.code} ${d.message}`);
}

describe("a mistake of grammar does not hide others, nor bring any", () => {
  it("wrong names on other lines are reported", async () => {
    const text = `${MODEL}let tall = )\nenergy e = glases\nsample s from avatar { where e and tilt > tall }\nsave s to "s.bmp"\n`;
    expect((await found(text)).map((m) => m.slice(0, 7))).toEqual(["3 L1007", "4 L2001", "6 L2018"]);
  });

  it.each([
    ["a number", "tilt > 0.5.3 and glases"],
    ["a number with a unit", "tilt > 1x3 and glases"],
    ["a mark of another language", "smile && glases"],
  ])("nor in its own statement, where it lies within %s", async (_, where) => {
    const text = `${MODEL}sample s from avatar { where ${where} and hair is blnd }\nsave s to "s.png"\n`;
    const [grammar, ...others] = await found(text);
    expect(grammar).toMatch(/^3 L100[56] /);
    expect(others).toEqual(["3 L2001 unknown name `glases`", "3 L2005 `hair` has no value `blnd`"]);
  });

  it.each([
    ["behind a comparison", "tilt > and glases"],
    ["behind a sum", "tilt > 1 + and glases"],
    ["behind a connective", "hat and or glases"],
    ["behind `not`", "not and glases"],
    ["between two commas", "atleast 1 of (hat, , glases)"],
    ["behind a comma", "atleast 1 of (hat and, glases)"],
  ])("nor in its own statement, where an operand is missing %s", async (_, where) => {
    const text = `${MODEL}sample s from avatar { where ${where} and hair is blnd  count cont }\nsave s to "s.png"\n`;
    const [grammar, ...others] = await found(text);
    expect(grammar).toMatch(/^3 L1002 expected an attribute, a number or `\(`, found /);
    expect(others).toEqual([
      "3 L2001 unknown name `glases`",
      "3 L2005 `hair` has no value `blnd`",
      "3 L2001 unknown name `cont`",
    ]);
  });

  it.each([
    ["a comma in a number", "light > 0,5 and glases and hair is blnd"],
    ["a comma in a number within parentheses", "(light > 0,5 or glases) and hair is blnd"],
    ["an operand missing at the end", "glases and hair is blnd and"],
    ["a comparison without its number at the end", "glases and hair is blnd and tilt >"],
    ["two operands side by side", "glases and hair is blnd and smile hat"],
    ["a set without braces", "glases and hair is blnd and hair in red, blond"],
    ["a set without braces in a list", "atleast 1 of (glases, hair is blnd, hair in red, blond)"],
    ["a parenthesis that is not closed", "glases and (hair is blnd and hat"],
    ["a bracket that is not open", "hat] and glases and hair is blnd"],
    ["a condition without `then`", "glases and hair is blnd and if hat smile else hat"],
  ])("nor in its own statement or block, on one line or on more: %s", async (_, where) => {
    for (const [open, gap, close] of [
      ["{ ", " ", " }"],
      ["{\n  ", "\n  ", "\n}"],
    ] as const) {
      const settings = [`where ${where}`, "count cont", "seed sed"].join(gap);
      const [grammar, ...others] = await found(
        `${MODEL}sample s from avatar ${open}${settings}${close}\nsave s to "s.png"\n`,
      );
      expect(grammar).toMatch(/^[34] L100[27] /);
      expect(others.map((m) => m.slice(2).replace(/^ /, ""))).toEqual([
        "L2001 unknown name `glases`",
        "L2005 `hair` has no value `blnd`",
        "L2001 unknown name `cont`",
        "L2001 unknown name `sed`",
      ]);
    }
  });

  it("nor in the settings of its line, in an energy, a number or an expectation", async () => {
    const text = `${MODEL}let n = 3 4 + m\nenergy e = glases and\nsample s from avatar { where e  count 3,5  seed sed }\nexpect s: glases and hat hat and smle >= 0.5\n`;
    expect((await found(text)).filter((m) => m.includes("L2001"))).toEqual([
      "4 L2001 unknown name `glases`",
      "5 L2001 unknown name `sed`",
      "6 L2001 unknown name `glases`",
      "6 L2001 unknown name `smle`",
    ]);
  });

  it("uses of what it declared are not unknown", async () => {
    for (const broken of ["attribute own glasses", "atribute own: binary", "let own 3", "energy own(a: number = a"]) {
      const text = `${MODEL}${broken}\nenergy e = own and smile\nsample s from avatar { where e }\nsave s to "s.png"\n`;
      expect(
        (await found(text)).filter((m) => !m.startsWith("3 ")),
        broken,
      ).toEqual([]);
    }
  });

  it("a task whose head is broken, and what names it, are let be", async () => {
    const text = `${MODEL}sample s form avatar {\n  where smile\n  cont 3\n}\nsave s to "s.png"\nexpect s: smil >= 0.5\n`;
    const all = await found(text);
    expect(all.filter((m) => /^[67] /.test(m))).toEqual(["7 L2001 unknown name `smil`"].filter((m) => all.includes(m)));
    expect(all.filter((m) => m.includes("unknown task") || m.includes("unknown model"))).toEqual([]);
  });

  it("a setting that could not be read is not missing", async () => {
    const text = `${MODEL}traverse w from avatar {\n  where smile\n  betwen seed 1 and seed 2\n  cutoff 9999\n}\nsave w to "w.gif" as animation\n`;
    const all = await found(text);
    expect(all.filter((m) => m.includes("L2012"))).toEqual([]);
    expect(all.some((m) => m.startsWith("6 L2004"))).toBe(true);
  });

  it("an import that is missing or broken may have declared any name", async () => {
    const body = 'sample s from avatar { where anything and glasses is red }\nsave s to "s.bmp"\n';
    expect((await found(`${MODEL}import "gone.lace"\n${body}`)).map((m) => m.slice(0, 7))).toEqual([
      "3 L2021",
      "4 L2005",
      "5 L2018",
    ]);
    expect(
      (await found(`${MODEL}import { anything } from "gone.lace"\nlet _x = other\n`)).map((m) => m.slice(0, 7)),
    ).toEqual(["3 L2021", "4 L2001"]);
    const broken = { "b.lace": "lace 1\nenergy anything = (\n" };
    expect((await found(`${MODEL}import "b.lace"\n${body}`, broken)).filter((m) => m.includes("unknown name"))).toEqual(
      [],
    );
  });

  it("of a model that is missing, the numbers of its tasks are checked", async () => {
    const text = `lace 1\nmodel gone from "gone.safetensors"\nlet n = 2\nsample s from gone { where hatt and (n + m) * hut  count cont  seed n }\nsave s to "s.png"\n`;
    expect((await found(text)).filter((m) => !m.startsWith("2 "))).toEqual(["4 L2001 unknown name `cont`"]);
  });

  it("of a model that is missing, calls, settings and references to tasks are checked", async () => {
    const text =
      'lace 1\nmodel gone from "gone.safetensors"\nsample s from gone {\n  where f(hatt) and hutt\n  cutof 3\n}\nexpect q: hatt >= 0.5\nsave r to "r.png"\nedit e of z { step g(hatt) }\nsave e to "e.png"\n';
    expect((await found(text)).filter((m) => !m.startsWith("2 "))).toEqual([
      "4 L2001 unknown name `f`",
      expect.stringMatching(/^5 L20.. .*`cutof`/),
      "7 L2001 unknown task `q`",
      "8 L2001 unknown task `r`",
      "9 L2001 unknown task `z`",
      "9 L2001 unknown name `g`",
    ]);
  });

  it("a script with any mistake has no plan", async () => {
    const { plan, checked } = await compile({ "main.lace": `${MODEL}sample s from avatar { where smile }\n)\n` });
    expect([plan, checked]).toEqual([undefined, undefined]);
  });
});

describe("a model that cannot be read", () => {
  it("leaves its attributes unjudged and everything else checked", async () => {
    const text =
      'lace 1\nmodel gone from "gone.lacepack"\nenergy e = glasses and hair is red\nsample s from gone { where e and tilt > 9  count 0 }\nsave s to "../s.png"\nsweep _w over t in {0.1, 0.5} from gone { where smile is t }\nlet _x = 1 / 0\n';
    expect((await found(text)).map((m) => m.slice(0, 7))).toEqual(["7 L2014", "4 L2004", "5 L2017"].sort());
  });
});

describe("references", () => {
  it("tell for each name what it means", async () => {
    const text = `${MODEL}let tall = 0.8\nenergy e(x: number) = tilt is x\nsample s from avatar { where e(tall) and glasses }\nsave s to "s.png"\n`;
    const { references, declarations } = await compile({ "main.lace": text });
    const shown = references?.map(({ span, declaration: { kind, at, model } }) => {
      expect(text.slice(span.start, span.end).length).toBeGreaterThan(0);
      const of = at === undefined ? `model ${model ?? ""}` : text.slice(at.start, at.end);
      return `${text.slice(span.start, span.end)}: ${kind} ${of}`;
    });
    expect(shown).toEqual([
      "tilt: attribute model avatar",
      "x: parameter x",
      "avatar: model avatar",
      "e: energy e",
      "tall: let tall",
      "glasses: attribute model avatar",
      "s: task s",
    ]);
    expect(declarations?.map((d) => d.name)).toEqual(["avatar", "tall", "e", "s"]);
  });

  it("know the values of categories, the axes of sweeps and what is imported", async () => {
    const text = `${MODEL}import { red_one } from "b.lace"\nattribute hair: category { black, brown, blond, red, gray }\nsweep w over t in {0.1, 0.5} from avatar { where hair is red and tilt is t and red_one }\n`;
    const lib = "lace 1\nenergy red_one = smile\n";
    const { references } = await compile({ "main.lace": text, "b.lace": lib });
    const of = (word: string) =>
      references?.filter((r) => r.span.file === "main.lace" && text.slice(r.span.start, r.span.end) === word);
    expect(of("red")?.[0]?.declaration).toMatchObject({ kind: "value", at: { start: text.indexOf("red, gray") } });
    expect(of("t")?.[0]?.declaration).toMatchObject({ kind: "axis" });
    expect(of("red_one")?.map((r) => r.declaration.at?.file)).toEqual(["b.lace", "b.lace"]);
  });
});

describe("any script", () => {
  const examples = readdirSync("examples").filter((f) => f.endsWith(".lace"));
  const scripts = examples.map((f) => readFileSync(`examples/${f}`, "utf8"));

  it("is analysed without throwing, and damaged ones have no plan (1,500 mutated scripts)", async () => {
    let damaged = 0;
    for (let seed = 1; seed <= 1_500; seed++) {
      const text = mutated(scripts[seed % scripts.length]!, random(seed));
      try {
        const { plan, diagnostics, references } = await compile({ "main.lace": text });
        const errors = diagnostics.filter((d) => d.severity === "error");
        if (errors.length > 0) damaged++;
        if (errors.length > 0) expect(plan, `seed ${seed}`).toBeUndefined();
        for (const { span } of references ?? []) expect(span.end, `seed ${seed}`).toBeLessThanOrEqual(text.length);
      } catch (error) {
        expect.fail(`seed ${seed}: ${String(error)} in ${JSON.stringify(text)}`);
      }
    }
    expect(damaged).toBeGreaterThan(1_000);
  });
});

describe("very many mistakes", () => {
  it("are found in seconds, the first of them with what may have been meant", async () => {
    const energies = Array.from({ length: 2_000 }, (_, i) => `energy e${i} = glases${i}`).join("\n");
    const begin = performance.now();
    const { diagnostics } = await compile({ "main.lace": `${MODEL}${energies}\nlet glasses0 = 1\n` });
    expect(performance.now() - begin).toBeLessThan(20_000);
    expect(diagnostics).toHaveLength(2_000);
    expect(diagnostics[0]?.hints).toEqual(["did you mean `glasses0`?"]);
    expect(diagnostics.at(-1)?.hints).toEqual([]);
  });
});
