import { deflateSync, strToU8 } from "fflate";
import { expect, test } from "vitest";
import { sharedProject, shareLink } from "../../studio/src/state/share.js";
import { commandLine } from "../../studio/src/state/command-line.js";
import { fieldOf } from "../../studio/src/state/inputs.js";

const project = {
  ...{ id: "1", name: "two files", entry: "a.lace", active: "a.lace", changed: 0 },
  inputs: { seed: 7, mood: "happy" },
  files: {
    "a.lace": 'lace 1\nimport "lib/b.lace"\n',
    "lib/b.lace": "lace 1\n// ünïcode\n",
    "m.safetensors": new Uint8Array(9),
  },
};
const fragmentOf = (value: unknown): string =>
  `#p=${Buffer.from(deflateSync(strToU8(JSON.stringify(value)))).toString("base64url")}`;

test("a project goes through an address and back, without the bytes that do not fit into one", () => {
  const { link, left } = shareLink(project, "https://example.org/studio/?x=1#token=abc");
  expect(link).toMatch(/^https:\/\/example\.org\/studio\/\?x=1#p=[\w-]+$/);
  expect(left).toEqual(["m.safetensors"]);
  const back = sharedProject(new URL(link).hash)!;
  const scripts = Object.fromEntries(Object.entries(project.files).filter(([path]) => path !== "m.safetensors"));
  expect(back).toMatchObject({ name: "two files", entry: "a.lace", inputs: project.inputs, files: scripts });
  expect(back.id).not.toBe(project.id);
});

test.each([
  ["no project", "#token=abc"],
  ["damage", "#p=AAAA"],
  ["a path that leads out", fragmentOf({ name: "x", entry: "../a.lace", inputs: {}, files: { "../a.lace": "" } })],
  ["an entry that is not there", fragmentOf({ name: "x", entry: "b.lace", inputs: {}, files: { "a.lace": "" } })],
  ["a file that is no text", fragmentOf({ name: "x", entry: "a.lace", inputs: {}, files: { "a.lace": 7 } })],
  [
    "a text that inflates without end",
    fragmentOf({ name: "x", entry: "a.lace", inputs: {}, files: { "a.lace": "0".repeat(1 << 22) } }),
  ],
])("an address with %s opens nothing", (_, fragment) => {
  expect(sharedProject(fragment)).toBeUndefined();
});

test("the command line that makes the same is quoted for a shell", () => {
  expect(commandLine("a.lace", { seed: 7 })).toBe("lacec run a.lace --set seed=7");
  expect(commandLine("my looks.lace", { mood: "it's" })).toBe(`lacec run 'my looks.lace' --set 'mood=it'\\''s'`);
});

test.each([
  ["input light: number = 0.5 // 0..2 by 0.25", 0.5, { kind: "slider", min: 0, max: 2, step: 0.25 }],
  ["input light: number = 0.5", 0.5, { kind: "slider", min: 0, max: 1, step: 0.01 }],
  ["input tilt: number = -3 // -5 .. 5", -3, { kind: "slider", min: -5, max: 5, step: 0.1 }],
  ["input hats: number = 0 // switch", 0, { kind: "switch" }],
  ['input mood: text = "a // b" // happy | sad', "a // b", { kind: "menu", choices: ["happy", "sad"] }],
  ["input seed: number = 42", 42, { kind: "whole" }],
  ["input shift: number = -0.5", -0.5, { kind: "number" }],
  ['input title: text = "x"', "x", { kind: "text" }],
])("%s is shown as it says", (line, value, form) => {
  const name = /input (\w+)/.exec(line)![1]!;
  expect(fieldOf(name, value, `lace 1\n${line}\n`)).toEqual({ name, value, form });
});
