import type { CompletionItem, CompletionList } from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import { SAMPLERS, SAVE_FORMS, SETTINGS, WORDS } from "../../src/language.js";
import { JUDGES } from "../../src/compiler/check/vocabulary.js";
import { compilerDefaults } from "../../src/lsp/defaults.js";
import * as words from "../../src/lsp/words.js";
import {
  applied,
  askAt,
  HEAD,
  marked,
  positionAt,
  uriOf,
  withClient,
  type ClientOptions,
} from "../support/language-client.js";

const FILES = {
  "/w/looks.lace":
    "lace 1\n// Someone who reads.\nenergy scholar = glasses and not smile\nlet low = 0.2\nsample inner from m { where glasses }\n",
  "/w/lib/more.lace": "lace 1\nenergy other = smile\n",
  "/w/models/mine.safetensors": new Uint8Array(8),
  "/w/notes.txt": "no script",
};

/** The labels at the cursor of a marked text. */
async function itemsAt(source: string, options: ClientOptions = {}): Promise<readonly CompletionItem[]> {
  let items: readonly CompletionItem[] = [];
  await withClient({ files: FILES, ...options }, async (client) => {
    items = (await askAt<CompletionList>(client, "textDocument/completion", source)).items;
  });
  return [...items].sort((a, b) => ((a.sortText ?? "") < (b.sortText ?? "") ? -1 : 1));
}

/** Holds that a place offers some labels, and does not offer others. */
async function expectCompletion(source: string, has: readonly string[], hasNot: readonly string[] = []): Promise<void> {
  const labels = (await itemsAt(source)).map((i) => i.label);
  expect(labels).toEqual(expect.arrayContaining([...has]));
  expect(labels.filter((l) => hasNot.includes(l))).toEqual([]);
}

const task = (body: string): string =>
  `${HEAD}let tall = 0.8\nsample s from avatar { ${body} }\nsave s to "s.png" as grid\n`;

describe("completion offers", () => {
  test("statements at the beginning of a line, with snippets", () =>
    expectCompletion(
      `${HEAD}§`,
      ["sample", "edit", "traverse", "sweep", "expect", "save", "let", "energy"],
      ["where", "glasses"],
    ));

  test("the settings of the kind of task, without those that are given, with their defaults", async () => {
    const items = await itemsAt(task("where glasses  count 3  §"));
    const labels = items.map((i) => i.label);
    expect(labels).toEqual(expect.arrayContaining(["seed", "truncation", "sampler", "logic", "noise"]));
    expect(labels).not.toContain("count");
    expect(labels).not.toContain("frames");
    expect(labels).not.toContain("step");
    const truncation = items.find((i) => i.label === "truncation");
    expect(truncation).toMatchObject({
      detail: "default 0.7",
      documentation: { value: expect.stringContaining("psi") as string },
    });
  });

  test("of an edit of samples its own settings alone", () =>
    expectCompletion(
      `${task("where glasses")}edit e of s {\n  §\n}\n`,
      ["step", "keep", "goals", "reweight"],
      ["count", "seed", "where"],
    ));

  test("of an edit from a model those of both", () =>
    expectCompletion(`${HEAD}edit e from avatar { § }\n`, ["step", "keep", "count", "seed"], ["where", "frames"]));

  test("after a whole condition what may join it, and the other settings", () =>
    expectCompletion(task("where glasses §"), ["and", "or", "implies", "count", "seed"], ["where", "glasses"]));

  test("attributes of the model, energies and numbers where a condition is wanted", () =>
    expectCompletion(
      `${HEAD}import "looks.lace"\nsample s from avatar { where glasses and § }\n`,
      ["glasses", "hair", "tilt", "scholar", "low", "not", "atleast"],
      ["avatar", "s", "inner", "count"],
    ));

  test("numbers alone where a number is wanted", () =>
    expectCompletion(task("where glasses  count §"), ["tall"], ["glasses", "not", "seed"]));

  test.each(["hair is §", "hair is not §", "hair in {§", "hair in { red, §", "hair is b§"])(
    "the classes of an attribute in `%s`",
    (where) => expectCompletion(task(`where ${where}`), ["black", "brown", "blond"], ["glasses", "tall", "count"]),
  );

  test("the classes that a declaration names, not the model's", () =>
    expectCompletion(
      `${HEAD}attribute hair: category { red, gray }\nsample s from avatar { where hair is § }\n`,
      ["red", "gray"],
      ["black"],
    ));

  test("samplers, their options with defaults, and the words these take", async () => {
    await expectCompletion(task("sampler §"), Object.keys(SAMPLERS), ["solver"]);
    await expectCompletion(task("sampler ode { §"), ["solver", "rtol", "tau"], ["snr", "count"]);
    await expectCompletion(task("sampler ode { rtol 1e-3  §"), ["solver", "atol"], ["rtol"]);
    await expectCompletion(task("sampler ode { solver §"), ["dopri5", "ros2"], ["rtol", "glasses"]);
    const items = await itemsAt(task("sampler pc { § }"));
    expect(items.find((i) => i.label === "snr")).toMatchObject({ detail: "default 0.16" });
  });

  test("the words of a setting, the default first", async () => {
    const items = await itemsAt(task("logic §"));
    expect(items.map((i) => i.label)).toEqual([...WORDS.logic]);
    expect(items[0]?.detail).toBe("the default");
  });

  test("who may judge after `accept by`, and how often it may be tried", async () => {
    await expectCompletion(task("where glasses  accept §"), ["by"]);
    await expectCompletion(task("where glasses  accept by §"), [...JUDGES], ["glasses"]);
    await expectCompletion(task("where glasses  accept by heads §"), ["tries", "seed"], ["accept"]);
    await expectCompletion(task("where glasses  accept by heads  tries §"), ["tall"], ["seed"]);
  });

  test("layer groups, `layers` and `weight` after a step", async () => {
    const edit = (body: string): string => `${task("where glasses")}edit e of s { ${body} }\n`;
    await expectCompletion(edit("step smile layers §"), ["coarse", "middle", "fine"], ["glasses"]);
    await expectCompletion(edit("step smile §"), ["layers", "weight", "and", "step"]);
    await expectCompletion(edit("keep §"), ["latent", "attributes"], ["step"]);
    await expectCompletion(edit('keep identity 0.1 by "a.onnx" at 64 §'), ["px"], ["tau", "step"]);
    await expectCompletion(edit("keep identity 0.1 from §"), ["tau"], ["px", "step"]);
    await expectCompletion(edit("keep identity 0.1 at 64 px from tau 3 §"), ["step"], ["px"]);
  });

  test("models after `from`, tasks after `of`, `save` and `expect`, forms after `as`", async () => {
    await expectCompletion(`${task("where glasses")}traverse t from §`, ["avatar"], ["s"]);
    await expectCompletion(`${task("where glasses")}edit e of §`, ["s"], ["avatar", "tall"]);
    await expectCompletion(`${task("where glasses")}expect §`, ["s"], ["avatar"]);
    await expectCompletion(`${task("where glasses")}save s to "x.webp" as §`, Object.keys(SAVE_FORMS));
    await expectCompletion(
      `${task("where glasses")}save s to "x.webp" as animation { §`,
      ["fps", "tween"],
      ["columns"],
    );
  });

  test("paths of imports, models and heads, and what a file declares", async () => {
    await expectCompletion(
      `lace 1\nimport "§"`,
      ["looks.lace", "lib/", "models/"],
      ["notes.txt", "mine.safetensors", "a.lace"],
    );
    await expectCompletion(`lace 1\nimport "lib/§"`, ["more.lace"], ["looks.lace"]);
    await expectCompletion(`lace 1\nmodel m from "§"`, ["builtin:avatar", "models/"], ["looks.lace"]);
    await expectCompletion(`lace 1\nmodel m from "models/§"`, ["mine.safetensors"]);
    await expectCompletion(`${HEAD}attribute x: binary from "models/§"`, ["mine.safetensors"]);
    await expectCompletion(`lace 1\nimport { § } from "looks.lace"`, ["scholar", "low"], ["inner"]);
  });

  test("the model's attributes to declare, and the type that they have there", async () => {
    await expectCompletion(`${HEAD}attribute §`, ["glasses", "hair"]);
    await expectCompletion(`${HEAD}attribute hair: §`, ["category { black, brown, blond, red, gray }", "binary"]);
    await expectCompletion(`${HEAD}attribute hair: category { §`, ["black", "red"]);
  });

  test("parameters and axes where they are known", async () => {
    await expectCompletion(`${HEAD}energy e(age: number) = tilt > §`, ["age"]);
    await expectCompletion(`${HEAD}sweep w over amount in 0..1 by 0.5 from avatar { where light > § }\n`, ["amount"]);
  });

  test.each(["// a §", "/* a § */", 'save s to "§"', "let x = 1§", "let §"])("nothing in `%s`", async (line) => {
    expect(await itemsAt(`${task("where glasses")}${line}\n`)).toEqual([]);
  });
});

describe("an item", () => {
  test("replaces what was typed of it, whatever letters", () =>
    withClient({}, async (client) => {
      const source = `${HEAD}let größe_ = 1\nlet y = größ§\n`;
      await client.open(uriOf("a.lace"), marked(source).text);
      const { items } = await askAt<CompletionList>(client, "textDocument/completion", source);
      const item = items.find((i) => i.label === "größe_")!;
      expect(applied(marked(source).text, [item.textEdit as never])).toContain("let y = größe_\n");
    }));

  test("has no snippet where the editor takes none", () =>
    withClient({ capabilities: {} }, async (client) => {
      const { items } = await askAt<CompletionList>(client, "textDocument/completion", `${HEAD}§`);
      expect(
        items.every(
          (i) => i.insertTextFormat === undefined && !("newText" in i.textEdit! && i.textEdit.newText.includes("$")),
        ),
      ).toBe(true);
    }));

  test("is offered at once from the last analysis while the text is broken", () =>
    withClient({}, async (client) => {
      const uri = uriOf("a.lace");
      const text = `${HEAD}energy wise = glasses\nsample s from avatar { where wise }\nsave s to "s.png" as grid\n`;
      await client.open(uri, text);
      await client.diagnostics(uri);
      const at = positionAt(text, text.indexOf("wise }") + 4);
      await client.edit(uri, " and (", { start: at, end: at });
      const position = { line: at.line, character: at.character + 6 };
      const { items } = await client.request<CompletionList>("textDocument/completion", {
        textDocument: { uri },
        position,
      });
      expect(items.map((i) => i.label)).toEqual(expect.arrayContaining(["wise", "hair"]));
    }));
});

describe("the words of the language", () => {
  test("each setting, option, sampler, form and choice of the compiler's tables is explained", () => {
    const missing = [
      ...Object.values(SETTINGS)
        .flat()
        .filter((k) => !Object.hasOwn(words.SETTING_DOCS, k)),
      ...Object.keys(SAMPLERS).filter((k) => !Object.hasOwn(words.METHOD_DOCS, k)),
      ...Object.keys(SAVE_FORMS).filter((k) => !Object.hasOwn(words.FORM_DOCS, k)),
      ...JUDGES.filter((w) => words.CHOICE_DOCS["accept"]?.[w] === undefined),
      ...Object.entries(WORDS).flatMap(([k, all]) => all.filter((w) => words.CHOICE_DOCS[k]?.[w] === undefined)),
      ...Object.entries({ ...SAMPLERS, ...SAVE_FORMS }).flatMap(([of, options]) =>
        Object.entries(options).flatMap(([key, kind]: [string, unknown]) => [
          ...(Object.hasOwn(words.OPTION_DOCS, `${of}.${key}`) ? [] : [`${of}.${key}`]),
          ...(Array.isArray(kind) ? (kind as string[]).filter((w) => words.CHOICE_DOCS[key]?.[w] === undefined) : []),
        ]),
      ),
    ];
    expect(missing).toEqual([]);
  });

  test("defaults are the compiler's", async () => {
    const { settings, options } = await compilerDefaults();
    expect(Object.fromEntries(settings.sample)).toMatchObject({
      count: "1",
      seed: "0",
      truncation: "0.7",
      sampler: "ode",
      logic: "product",
    });
    expect(settings.traverse.get("frames")).toBe("24");
    expect(settings["edit from"].get("count")).toBe("1");
    for (const [of, all] of Object.entries(SAMPLERS))
      for (const key of Object.keys(all))
        if (!["ode.steps", "ode.tau"].includes(`${of}.${key}`)) expect(options.has(`${of}.${key}`)).toBe(true);
  });
});
