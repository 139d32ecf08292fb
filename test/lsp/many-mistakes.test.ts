// Thousands of mistakes: what it takes to find and to tell them grows with the text, and not with its square.
// Held by counts of the elements that are walked over, between a text and one of four times as many mistakes.
import { describe, expect, test } from "vitest";
import { protocolDiagnostics } from "../../src/lsp/protocol-diagnostics.js";
import { Workspace } from "../../src/lsp/workspace.js";
import { avatarBytes, HEAD } from "../support/language-client.js";
import { memoryHost } from "../support/memory-host.js";
import { visitsOf } from "../support/visits.js";

const many = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join("\n");
const used = 'sample s from avatar { where glasses }\nsave s to "s.png" as grid\n';

const KINDS: Readonly<Record<string, (n: number) => string>> = {
  "unknown names": (n) => many(n, (i) => `energy e${i} = unknown${i}`),
  "unknown names without a model": (n) => many(n, (i) => `let e${i} = unknown${i}`),
  "unknown names in one condition": (n) => `sample t from avatar { where ${many(n, (i) => `unknown${i} and`)} hat }`,
  "unknown energies that are called": (n) => many(n, (i) => `energy e${i} = unknown${i}(1)`),
  "names declared twice": (n) => many(n, () => "let x = 1"),
  "names that nothing uses": (n) => many(n, (i) => `let x${i} = 1`),
  "words that begin no statement": (n) => many(n, (i) => `sampel s${i} from avatar`),
  "expressions cut short": (n) => many(n, (i) => `let x${i} = (`),
  "characters that are none": (n) => many(n, () => "let § = €"),
  "unknown tasks in saves": (n) => many(n, (i) => `save t${i} to "t${i}.png" as grid`),
  "unknown tasks beside known ones": (n) =>
    many(n, (i) => `sample s${i} from avatar { where hat }\nsave t${i} to "s${i}.png" as grid`),
  "unknown models": (n) => many(n, (i) => `sample s${i} from m${i} { where hat }`),
  "unknown settings": (n) => many(n, (i) => `sample s${i} from avatar { where hat  cuont ${i} }`),
  "unknown values": (n) => many(n, (i) => `energy e${i} = hair is purple${i}`),
  "attributes that the model has not": (n) => many(n, (i) => `attribute a${i}: binary`),
  "numbers out of range": (n) => many(n, (i) => `sample s${i} from avatar { where hat  count -${i} }`),
  "files saved twice": (n) => `sample t from avatar { where hat }\n${many(n, () => 'save t to "t.png" as grid')}`,
  "mistakes of all stages": (n) =>
    many(n, (i) => `sample s${i} from avatar { where hat }\nlet x${i} = (\nenergy e${i} = hat and unknown${i}`),
  "definitions in a circle": (n) => many(n, (i) => `let x${i} = x${i}`),
};

const scriptOf = (kind: string, n: number): string => `${HEAD}${used}${KINDS[kind]!(n)}\n`;

async function found(text: string) {
  const host = memoryHost({ "builtin:avatar": avatarBytes(), "/w/a.lace": text });
  const { value, visits } = await visitsOf(async () => {
    const snapshot = (await new Workspace(host).snapshot("/w/a.lace"))!;
    return {
      all: snapshot.diagnostics.length,
      told: protocolDiagnostics(snapshot, undefined).get("file:///w/a.lace")!,
    };
  });
  return { ...value, visits };
}

describe("four times as many mistakes take about four times the work", () => {
  test.each(Object.keys(KINDS))("%s", async (kind) => {
    const [few, more] = [await found(scriptOf(kind, 250)), await found(scriptOf(kind, 1000))];
    expect(few.all).toBeGreaterThan(200);
    expect(more.all).toBeGreaterThan(3.9 * few.all);
    expect(more.told).toHaveLength(200);
    expect(more.visits / few.visits).toBeLessThan(5.5);
  });

  test("as the count of work that grows with the square shows", async () => {
    const squared = (n: number) =>
      visitsOf(() => [...Array(n).keys()].map((i) => [...Array(n).keys()].includes(-i - 1)));
    expect((await squared(1000)).visits / (await squared(250)).visits).toBeGreaterThan(12);
  });
});
