import { fileURLToPath } from "node:url";
import type { Hover, MarkupContent, SignatureHelp } from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import type { ModelAttributes } from "../../src/app/attributes.js";
import type { ScriptRuns } from "../../src/lsp.js";
import { describeFile } from "../../src/models/describe-model.js";
import { nodeHost } from "../../src/node/host.js";
import { compilerDefaults } from "../../src/lsp/defaults.js";
import { askAt, HEAD, marked, positionAt, rangeAt, uriOf, withClient } from "../support/language-client.js";

async function hoverAt(
  source: string,
  files: Record<string, string> = {},
): Promise<{ text: string; hover: Hover | null }> {
  const found: (Hover | null)[] = [];
  await withClient({ files }, async (client) => {
    found.push(await askAt<Hover | null>(client, "textDocument/hover", source));
  });
  const hover = found[0] ?? null;
  return { text: hover === null ? "" : (hover.contents as MarkupContent).value, hover };
}

/** Holds that the hover at the cursor says all of these. */
async function expectHover(source: string, ...parts: readonly string[]): Promise<void> {
  const { text } = await hoverAt(source);
  for (const part of parts) expect(text).toContain(part);
}

const SCRIPT = `${HEAD}// How tall.\nlet tall = 0.4 * 2\nenergy wise(x: number) = glasses and light > x\nsample s from avatar { where wise(tall)  count 3 }\nsave s to "s.png" as grid\n`;
const at = (find: string, nth = 0): string => {
  let i = -1;
  for (let n = 0; n <= nth; n++) i = SCRIPT.indexOf(find, i + 1);
  return `${SCRIPT.slice(0, i)}§${SCRIPT.slice(i)}`;
};

const row = (name: string) => ({ name, temperature: 1, space: "z" });

describe("hover tells", () => {
  test("of a name its declaration, its value, the comment above, and its range", async () => {
    const { text, hover } = await hoverAt(at("tall", 1));
    expect(text).toContain("let tall = 0.4 * 2");
    expect(text).toContain("a number: 0.8");
    expect(text).toContain("How tall.");
    const { text: plain } = marked(at("tall", 1));
    expect(hover?.range).toEqual(
      rangeAt(plain, {
        start: SCRIPT.indexOf("tall", SCRIPT.indexOf("tall") + 1),
        end: SCRIPT.indexOf("tall", SCRIPT.indexOf("tall") + 1) + 4,
      }),
    );
  });

  test("of an energy its signature and what it says as log p", () =>
    expectHover(at("wise", 1), "energy wise(x: number)", "log p = log p(glasses) + log p(light > x)"));

  test("of an attribute and its values how frequent they are, once that was counted: once a model, and nobody waits for it", async () => {
    const asked: string[] = [];
    let finish: () => void = () => undefined;
    const counted = {
      ...{ model: "builtin:avatar", sha256: "", engine: "fake", truncation: 0.7, samples: 16384 },
      attributes: [
        { ...row("glasses"), type: "binary", classes: ["no", "yes"], shares: [0.75, 0.25], quantiles: null },
        { ...row("hair"), type: "category", classes: ["black", "red"], shares: [0.9995, 0.0005], quantiles: null },
        { ...row("light"), type: "scalar", min: -1, max: 1, sigma: 0.1, shares: null, quantiles: [-0.51, 0.02, 0.6] },
      ],
    } as unknown as ModelAttributes;
    const runs: ScriptRuns = {
      run: () => Promise.reject(new Error("nothing is run")),
      attributesOf: (model) => {
        asked.push(model);
        return new Promise((resolve) => (finish = () => resolve(counted)));
      },
    };
    const source = `${HEAD}sample s from avatar { where glasses and hair is red and light > 0 }\nsave s to "s.png" as grid\n`;
    await withClient({ server: { runs } }, async (client) => {
      await client.open(uriOf("a.lace"), source);
      const hover = async (word: string): Promise<string> => {
        const position = positionAt(source, source.indexOf(word));
        const found = await client.request<Hover>("textDocument/hover", {
          textDocument: { uri: uriOf("a.lace") },
          position,
        });
        return (found.contents as MarkupContent).value;
      };
      expect(await hover("glasses")).not.toContain("unconditional samples");
      await hover("light");
      expect(asked).toEqual(["builtin:avatar"]);
      finish();
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await hover("glasses")).toContain("of 16,384 unconditional samples 25% have it, by its head");
      expect(await hover("hair")).toContain("of 16,384 unconditional samples: `black` 100%, `red` about 1 in 2,000");
      expect(await hover("red")).toContain("about 1 in 2,000 of 16,384 unconditional samples have it, by the head");
      expect(await hover("light")).toContain("half are below 0.02, and nine in ten in -0.51..0.6, by its head");
      expect(asked).toHaveLength(1);
    });
  });

  const embedded = async (name: string) => {
    const file = fileURLToPath(new URL("../../models/avatar.safetensors", import.meta.url));
    return (await describeFile(nodeHost(), file)).attributes.find((a) => a.name === name);
  };

  test("of an attribute its type, calibration, accuracy and model", async () => {
    const glasses = await embedded("glasses");
    if (glasses?.type !== "binary") throw new Error("the embedded model knows glasses");
    const { accuracy } = glasses.validation as { readonly accuracy: number };
    await expectHover(
      at("glasses"),
      "attribute glasses: binary",
      `temperature ${glasses.temperature}`,
      `accuracy ${accuracy}`,
      "`avatar`",
      "in nats",
    );
  });

  test("of a scalar its range and sigma", async () => {
    const light = await embedded("light");
    if (light?.type !== "scalar") throw new Error("the embedded model knows light");
    await expectHover(at("light"), "scalar in 0..1", `sigma ${light.sigma}`, "mae");
  });

  test("of a class which of the attribute it is", () =>
    expectHover(`${HEAD}sample s from avatar { where hair is r§ed }\n`, "hair is red", "[3]"));

  test("of a model, and of its path, the card", async () => {
    await expectHover(at("avatar"), "128 px", "12 layers", "coarse 0..3", "licence: MIT");
    await expectHover(at('"builtin'), "128 px", "licence: MIT");
  });

  test("of a task what it makes", () => expectHover(at('s to "s.png"'), "3 images", "truncation 0.7"));

  test("of a setting its meaning and default", () =>
    expectHover(`${HEAD}sample s from avatar { where glasses  trunc§ation 1 }\n`, "psi", "default: `0.7`"));

  test("of an option its meaning and default, and of a word what it means", async () => {
    const rtol = (await compilerDefaults()).options.get("ode.rtol");
    await expectHover(
      `${HEAD}sample s from avatar { where glasses  sampler ode { rt§ol 1e-4 } }\n`,
      "Relative",
      `default: \`${rtol ?? "none"}\``,
    );
    await expectHover(`${HEAD}sample s from avatar { where glasses  sampler ode { solver ro§s2 } }\n`, "Rosenbrock");
    await expectHover(`${HEAD}sample s from avatar { where glasses  logic lac§e }\n`, "paper");
  });

  test("of an operator its formula with what stands around it", () =>
    expectHover(
      `${HEAD}sample s from avatar { where glasses o§r smile }\n`,
      "log(1 - (1 - p(glasses)) (1 - p(smile)))",
    ));

  test("of a layer group its layers", () =>
    expectHover(`${HEAD}edit e from avatar { step smile layers mid§dle }\n`, "layers 4..7 of the 12"));

  test("text of comments as text: no markup comes out of it", async () => {
    const { text } = await hoverAt(`${HEAD}// [click](command:evil) <img src=x>\nlet x§x = 1\n`);
    expect(text).toContain("\\[click\\]");
    expect(text).toContain("\\<img");
  });

  test("nothing where nothing is", async () => {
    expect((await hoverAt(`${HEAD}\n§\n`)).hover).toBeNull();
    expect((await hoverAt(`${HEAD}let x = 1§2\n`)).hover).toBeNull();
  });
});

describe("signature help", () => {
  const help = async (source: string): Promise<SignatureHelp | null> => {
    let found: SignatureHelp | null = null;
    await withClient({}, async (client) => {
      found = await askAt<SignatureHelp | null>(client, "textDocument/signatureHelp", source);
    });
    return found;
  };
  const energy = `${HEAD}energy e(age: number, size: number) = tilt is age and light is size\n`;

  test("shows the parameters of the energy, and which one is written", async () => {
    expect(await help(`${energy}sample s from avatar { where e(§`)).toMatchObject({
      signatures: [
        { label: "e(age: number, size: number)", parameters: [{ label: "age: number" }, { label: "size: number" }] },
      ],
      activeParameter: 0,
    });
    expect(await help(`${energy}sample s from avatar { where e(0.1, §) }`)).toMatchObject({ activeParameter: 1 });
    expect(await help(`${energy}sample s from avatar { where e((1 + 2) * 3, §) }`)).toMatchObject({
      activeParameter: 1,
    });
  });

  test("shows the options of a sampler with their defaults", async () => {
    const found = await help(`${HEAD}sample s from avatar { sampler langevin { steps 3  noise § } }`);
    expect(found).toMatchObject({
      signatures: [{ label: "langevin { steps 100  step 0.01  noise 0.01 }" }],
      activeParameter: 2,
    });
  });

  test("shows nothing where nothing is filled in", async () => {
    expect(await help(`${HEAD}sample s from avatar { where (§) }`)).toBeNull();
    expect(await help(`${HEAD}sample s from avatar { § }`)).toBeNull();
  });
});
