// `text(...)` where there are no folders, as in browsers and on the workers of a queue: refused, with what to do.
import { expect, it } from "vitest";
import { addScriptHeads } from "../../src/learn/labellers/picture-heads.js";
import { LaceError } from "../../src/source/diagnostic.js";
import { NOWHERE } from "../../src/source/span.js";
import { memoryHost } from "../support/memory-host.js";
import { randomModel } from "../support/model.js";

it("a machine without folders refuses a text, at its place, and says where it can be drawn", async () => {
  const span = { ...NOWHERE, start: 3, end: 9 };
  const source = {
    attribute: "smiling",
    on: "image",
    prompt: "a smiling man",
    against: "a man",
    clip: "clip/",
    span,
  } as const;
  const never = (): never => {
    throw new Error("nothing is opened");
  };
  const made = addScriptHeads(memoryHost(), randomModel(), [source], { openCodec: never, openOnnx: never });
  const error = await made.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LaceError);
  const [diagnostic] = (error as LaceError).diagnostics;
  expect(diagnostic).toMatchObject({ code: "L5316", at: { span }, hints: [expect.stringContaining("command line")] });
});
