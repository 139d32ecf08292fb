import { describe, expect, it } from "vitest";
import { compile } from "./support.js";

const MODEL = 'lace 1\nmodel avatar from "builtin:avatar"\n';
const SAVE = 'save s to "s.png"\n';

async function codesOf(files: Record<string, string>): Promise<string[]> {
  return (await compile(files)).diagnostics.map((d) => `${d.code} ${d.at.span.file} ${d.message}`);
}

describe("imports", () => {
  it("bring in declarations, by name or all, from paths beside the importing file", async () => {
    const { plan, diagnostics } = await compile({
      "main.lace": `lace 1\nimport "lib/a.lace"\nimport { deep } from "lib/deep/b.lace"\nsample s from face { where a and deep and own }\n${SAVE}`,
      "lib/a.lace":
        'lace 1\nmodel face from "builtin:avatar"\nattribute own: binary from "own.safetensors"\nenergy a = glasses\n',
      "lib/deep/b.lace": 'lace 1\nimport "../c.lace"\nenergy deep = level(0.5)\nenergy other = smile\n',
      "lib/c.lace": "lace 1\nenergy level(x: number) = light is x\n",
    });
    expect(diagnostics).toEqual([]);
    expect(plan?.models[0]).toMatchObject({
      alias: "face",
      heads: [{ attribute: "own", file: "lib/own.safetensors" }],
    });
    expect(plan?.tasks[0]).toMatchObject({
      energy: { parts: [{ attribute: 0 }, { kind: "near", target: 0.5 }, { attribute: 8 }] },
    });
  });

  it("do not bring in what the imported file imports, nor its tasks and saves", async () => {
    const files = {
      "main.lace": `${MODEL}import "a.lace"\nsample s from avatar { where b }\nexpect t: glasses >= 0.5\n${SAVE}`,
      "a.lace": `${MODEL.replace("avatar", "other")}import "b.lace"\nsample t from other { where b }\nsave t to "../bad.bmp"\n`,
      "b.lace": "lace 1\nenergy b = glasses\n",
    };
    expect(await codesOf(files)).toEqual(["L2001 main.lace unknown name `b`", "L2001 main.lace unknown task `t`"]);
  });

  it("of one file by two ways are one declaration", async () => {
    const files = {
      "main.lace": `${MODEL}import { b } from "b.lace"\nimport "./b.lace"\nimport { c } from "c.lace"\nsample s from avatar { where b and c }\n${SAVE}`,
      "b.lace": "lace 1\nenergy b = glasses\n",
      "c.lace": 'lace 1\nimport "b.lace"\nenergy c = smile and b\n',
    };
    expect(await codesOf(files)).toEqual([]);
  });

  it("report each mistake of an imported file once, in that file, with the texts to show it", async () => {
    const files = {
      "main.lace": `${MODEL}import "b.lace"\nsample s from avatar { where b and c and tilted(3) }\n${SAVE}`,
      "b.lace": "lace 1\nenergy b = glases\nenergy c = b\nenergy tilted(x: number) = tilt is x\nenergy idle = smil\n",
    };
    expect(await codesOf(files)).toEqual([
      "L2001 b.lace unknown name `glases`",
      "L2004 b.lace 3 is outside the range of `tilt`, which is 0..1",
      "L2001 b.lace unknown name `smil`",
    ]);
    const { diagnostics, sources } = await compile(files);
    expect([...sources.keys()].sort()).toEqual(["b.lace", "main.lace"]);
    expect(diagnostics[1]?.related).toMatchObject([{ text: "called here with 3", span: { file: "main.lace" } }]);
  });

  it("with syntax errors stop after linking, and all files' mistakes are there", async () => {
    const found = await codesOf({
      "main.lace": `${MODEL}import "b.lace"\nimport "gone.lace"\n`,
      "b.lace": "lace 1\nenergy = 3\n",
    });
    expect(found.map((f) => f.slice(0, 12)).sort()).toEqual(["L1002 b.lace", "L2021 main.l"]);
  });

  it("of the file itself are a circle", async () => {
    expect(await codesOf({ "main.lace": 'lace 1\nimport "main.lace"\n' })).toEqual([
      "L2022 main.lace these files import each other: main.lace -> main.lace",
    ]);
  });

  it("an entry that is not there is an error at no place", async () => {
    expect(await codesOf({})).toEqual(["L2021  cannot read `main.lace`"]);
  });
});

describe("several models", () => {
  const two = 'lace 1\nmodel avatar from "builtin:avatar"\nmodel plain from "builtin:dcgan"\n';

  it("an energy is checked against the model of each task that uses it", async () => {
    const body =
      'energy e = smile and glasses\nsample s from avatar { where e }\nsample p from plain { where e }\nsave p to "p.png"\n';
    expect(await codesOf({ "main.lace": two + body + SAVE })).toEqual(["L2001 main.lace unknown name `glasses`"]);
  });

  it("an attribute or an energy that no task uses need fit one model only", async () => {
    const body =
      'attribute glasses: binary\nenergy _e = smile and glasses\nsample p from plain { where smile }\nsave p to "p.png"\n';
    const found = await codesOf({ "main.lace": two + body });
    expect(found).toEqual(["L2024 main.lace `avatar` is never used"]);
  });
});

describe("a library without tasks", () => {
  it("is checked on its own, without warnings about unused names", async () => {
    expect(
      await codesOf({
        "main.lace": "lace 1\nattribute glasses: binary\nlet x = 1\nenergy e(a: number) = a * glasses\n",
      }),
    ).toEqual([]);
  });

  it("must declare what it uses, for there is no model to ask", async () => {
    expect(await codesOf({ "main.lace": "lace 1\nenergy e = glasses\n" })).toEqual([
      "L2001 main.lace unknown name `glasses`",
    ]);
  });
});
