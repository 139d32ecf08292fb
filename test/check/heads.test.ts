// Files of heads as the checker sees them: missing, damaged, of another model, of another type, or with less than the script asks for.
import { describe, expect, it } from "vitest";
import { compileScript } from "../../src/app/compile-script.js";
import type { Attribute } from "../../src/compiler/attribute.js";
import { writeHeads, writePack } from "../../src/models/pack/write-pack.js";
import { memoryHost } from "../support/memory-host.js";
import { randomModel } from "../support/model.js";

const model = randomModel({ seed: 1 });
const beard: Attribute = { name: "beard", type: "binary", classes: ["no", "yes"], temperature: 2 };
const coat: Attribute = { name: "coat", type: "category", classes: ["long", "short", "none"], temperature: 1 };
const age: Attribute = { name: "age", type: "scalar", min: 18, max: 80, sigma: 3 };

function headsOf(attributes: readonly Attribute[], wDim = model.info.wDim): Uint8Array {
  const donor = randomModel({ seed: 2, attributes });
  return writeHeads({ attributes, heads: donor.weights.heads }, { wDim });
}

const HEAD = 'lace 1\nmodel m from "m.safetensors"\n';
/** Diagnostics of a script, as `LINE CODE message`. */
async function found(body: string, files: Readonly<Record<string, Uint8Array | string>> = {}) {
  const text = HEAD + body;
  const host = memoryHost({ "/w/m.safetensors": writePack(model, { source: "a test" }), ...files, "/w/a.lace": text });
  const { diagnostics, plan } = await compileScript("/w/a.lace", host);
  const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length;
  return { said: diagnostics.map((d) => `${lineOf(d.at.span.start)} ${d.code} ${d.message}`), plan };
}

describe("a file of heads that is missing", () => {
  it("is one error, at the declaration, and the rest of the script is checked as if it were there", async () => {
    const { said, plan } = await found(
      'attribute beard: binary from "none.safetensors"\n' +
        "sample s from m { where beard and glases  count 0 }\n" +
        "sample t from m { where beard and glasses and not beard }\n" +
        "edit e of t { step beard is 2 }\n" +
        'save s to "../s.png"\nsave t to "t.png"\n',
    );
    expect(said).toEqual([
      "3 L5001 there is no file /w/none.safetensors",
      "4 L2001 unknown name `glases`",
      "4 L2004 `count` must be a whole number, 1 or more, and this is 0",
      "6 L2003 `beard` is a binary attribute: it is compared with one of its values",
      '7 L2017 "../s.png" leaves the output folder',
      "5 L3002 this contradicts itself: no image can satisfy it",
    ]);
    expect(plan).toBeUndefined();
  });

  it("is an error where the entry declares it for nothing, and none where an import declares it for others", async () => {
    const body = 'sample s from m { where glasses }\nsave s to "s.png" as grid\n';
    const looks = 'lace 1\nattribute beard: binary from "none.safetensors"\nattribute age: scalar in 18..80 from "h"\n';
    expect((await found(`attribute beard: binary from "none.safetensors"\n${body}`)).said).toEqual([
      "3 L5001 there is no file /w/none.safetensors",
    ]);
    const { said, plan } = await found(
      'import { age } from "lib/looks.lace"\nsample s from m { where age > 30 }\nsave s to "s.png" as grid\n',
      { "/w/lib/looks.lace": looks, "/w/lib/h": headsOf([age]) },
    );
    expect(said).toEqual([]);
    expect(plan?.models[0]?.heads).toEqual([{ attribute: "age", file: "/w/lib/h" }]);
  });
});

describe("a file of heads that does not fit", () => {
  const using = (type: string, energy: string): string =>
    `attribute ${type} from "h"\nsample s from m { where ${energy} }\nsave s to "s.png" as grid\n`;

  it.each([
    ["damaged", "beard: binary", "beard", headsOf([beard]).slice(0, 90), /^3 L5102 /],
    ["not a file of heads", "beard: binary", "beard", new Uint8Array(16), /^3 L51/],
    [
      "without that head",
      "beard: binary",
      "beard",
      headsOf([age, coat]),
      /^3 L5107 \/w\/h: it has no head for 'beard'$/,
    ],
    ["of another width", "beard: binary", "beard", headsOf([beard], 7), /^3 L5107 \/w\/h: its heads take 7 numbers/],
    ["of another type", "age: binary", "age", headsOf([age]), /^3 L2009 `age` does not match its head$/],
    ["of other classes", "coat: category { long, short }", "coat is long", headsOf([coat]), /^3 L2009 /],
  ])("%s: one error, at the declaration", async (_, type, energy, bytes, message) => {
    const { said } = await found(using(type, energy), { "/w/h": bytes });
    expect(said).toEqual([expect.stringMatching(message)]);
  });

  it("classes in another order mean what the file says", async () => {
    const { said, plan } = await found(using("coat: category { none, short, long }", "coat is long"), {
      "/w/h": headsOf([coat]),
    });
    expect(said).toEqual([]);
    expect(plan?.tasks[0]).toMatchObject({ energy: { kind: "class", attribute: 3, values: [0] } });
  });

  it("a scalar keeps the range and the sigma of the script", async () => {
    const { plan } = await found(using("age: scalar in 20..60 sigma 2", "age is 30"), { "/w/h": headsOf([age]) });
    expect(plan?.models[0]?.attributes[3]).toMatchObject({ name: "age", min: 20, max: 60, sigma: 2 });
  });
});

describe("what a file of heads tells of its heads", () => {
  const accepting = (by: string): string =>
    `attribute beard: binary from "h"\nsample s from m { where beard  accept by ${by} }\nsave s to "s.png" as grid\n`;

  it("one that knows nothing is warned of, as a model's own is", async () => {
    const { said } = await found(
      'attribute beard: binary from "h"\nsample s from m { where beard }\nsave s to "s.png" as grid\n',
      { "/w/h": headsOf([{ ...beard, skill: 0.01 }]) },
    );
    expect(said).toEqual(["4 L2029 the head of `beard` knows nothing: it explains 1% of the log loss"]);
  });

  it("one without a second head cannot accept", async () => {
    const { said } = await found(accepting("heads"), { "/w/h": headsOf([beard]) });
    expect(said).toEqual(["4 L2028 the model `m` has no second heads for `beard`"]);
  });
});
