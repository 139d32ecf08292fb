// This machine's engine behind the studio's server: what a page is told, and that its files are those of the command line.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FrameReader, frameOf } from "../../src/app/live/frames.js";
import type { FromEngine, RunJob } from "../../src/app/live/messages.js";
import { StudioEngine, type EngineRequest } from "../../src/node/studio-engine.js";
import { serveStudio } from "../../src/node/studio-server.js";
import { mainFile, requireBuild } from "../support/build.js";
import { lacec } from "../support/lacec.js";

const script = `lace 1

model avatar from "builtin:avatar"
import "lib/looks.lace"
input light: number = 0.5

sample people from avatar {
  where scholar
  count 3
  seed 5
}

expect people: glasses >= 0.5
save people to "out/people-{index}.png"
save people to "out/people.webp" as grid
`;
const looks = `lace 1\n\nenergy scholar = glasses and not hat\n`;

let folder: string;
beforeEach(() => {
  requireBuild();
  folder = mkdtempSync(join(tmpdir(), "studio-engine-"));
  mkdirSync(join(folder, "lib"));
  writeFileSync(join(folder, "people.lace"), script);
  writeFileSync(join(folder, "lib/looks.lace"), looks);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const jobOf = (more: Partial<RunJob> = {}): RunJob => ({
  ...{ id: 1, files: { "people.lace": script, "lib/looks.lace": looks }, entry: "people.lace", inputs: {} },
  ...more,
});
const of = <K extends FromEngine["kind"]>(told: readonly FromEngine[], kind: K): Extract<FromEngine, { kind: K }>[] =>
  told.filter((m): m is Extract<FromEngine, { kind: K }> => m.kind === kind);

/** All that is told of a request, in a process that ends behind it. */
async function ask(request: EngineRequest, signal = new AbortController().signal): Promise<FromEngine[]> {
  const engine = new StudioEngine(folder, mainFile);
  const told: FromEngine[] = [];
  await engine.ask(request, (message) => told.push(message), signal);
  engine.close();
  return told;
}

describe("beside runs, the machine's engine", () => {
  test("says how long a run would take, more for more samples, and draws no more than it needs to know that", async () => {
    const engine = new StudioEngine(folder, mainFile);
    const told: FromEngine[] = [];
    const tell = (message: FromEngine): number => told.push(message);
    const { signal } = new AbortController();
    for (const [id, count] of [3, 300].entries())
      await engine.ask({ kind: "estimate", engine: "onnx-cpu", job: jobOf({ id, count }) }, tell, signal);
    engine.close();
    const [few, many] = of(told, "estimated").map((m) => m.found);
    expect(few).toBeGreaterThan(0);
    expect(many).toBeGreaterThan(10 * few!);
    expect(told.map((m) => m.kind)).toEqual(["estimated", "estimated"]);
  }, 120_000);

  test("makes a picture of the command line again to the bit; one without a recipe it says it cannot", async () => {
    const { code } = await lacec(["run", "people.lace", "--engine", "onnx-cpu", "--seed", "9"], { cwd: folder });
    expect(code).toBe(0);
    const image = readFileSync(join(folder, "out/people-2.png")).toString("base64");
    const remake = { kind: "remake", engine: "onnx-cpu", job: { ...jobOf(), files: {}, entry: "" } } as const;
    const [made] = of(await ask({ ...remake, image }), "remade");
    expect(made!.found).toEqual({
      ...{ width: 128, height: 128, isFilm: false, isLossy: false, differences: [], largest: 0, pixels: 0 },
    });
    expect(made!.png.length).toBeGreaterThan(1000);
    const plain = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const [refused] = of(await ask({ ...remake, image: plain.toString("base64") }), "remade");
    expect(refused!.found).toContain("cannot be read");
  }, 120_000);
});

describe("messages as a stream", () => {
  const messages: readonly FromEngine[] = [
    { kind: "progress", id: 1, text: "draw", part: 0.5 },
    { kind: "file", id: 1, path: "a.png", bytes: Uint8Array.of(1, 2, 3) },
    {
      ...{ kind: "preview", id: 1 },
      picture: { task: "t", index: 0, part: 0, label: "", width: 1, height: 1, png: Uint8Array.of(7, 8) },
    },
    { kind: "estimated", id: 2, found: 1.5 },
    { kind: "remade", id: 3, found: "no", png: new Uint8Array(0) },
    {
      ...{ kind: "picture", id: 1 },
      picture: {
        ...{ task: "t", index: 0, part: 0, label: "ünï", status: "done", logp: -Infinity, evaluations: 1, steps: 2 },
        ...{ accepted: 1, rejected: 1, width: 1, height: 1, png: Uint8Array.of(9) },
      },
    },
  ];

  test.each([1, 7, 100_000])("come back whole from chunks of %i bytes", (size) => {
    const bytes = Buffer.concat(messages.map(frameOf));
    const reader = new FrameReader();
    const back: FromEngine[] = [];
    for (let at = 0; at < bytes.length; at += size) back.push(...reader.push(bytes.subarray(at, at + size)));
    expect(back).toEqual(messages);
  });

  test("and what is none is refused", () => {
    expect(() => new FrameReader().push(new Uint8Array(9).fill(255))).toThrow(RangeError);
  });
});

test(
  "over HTTP, files are those of the command line to the byte, and each picture is told before the end",
  { timeout: 120_000 },
  async () => {
    const server = await serveStudio({ folder });
    const { port, hash } = new URL(server.url);
    const headers = { "x-lace-token": /token=(.+)$/.exec(hash)![1]!, "content-type": "application/json" };
    const url = `http://127.0.0.1:${port}/api/engine`;
    const request: EngineRequest = { kind: "run", engine: "onnx-cpu", job: jobOf({ inputs: { light: 0.25 } }) };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(request) });
    const told = new FrameReader().push(new Uint8Array(await answer.arrayBuffer()));
    expect((await fetch(url, { method: "POST", body: JSON.stringify(request) })).status).toBe(403);
    expect((await fetch(url, { method: "POST", headers, body: '{"kind":"run"}' })).status).toBe(400);
    await server.close();
    expect(told.at(-1)).toMatchObject({ kind: "end", outcome: "done" });
    const files = new Map(of(told, "file").map(({ path, bytes }) => [path, bytes]));
    const made = await lacec(["run", "people.lace", "--engine", "onnx-cpu", "--set", "light=0.25"], { cwd: folder });
    expect(made.code, made.err).toBe(0);
    for (const path of ["out/people-0.png", "out/people-1.png", "out/people-2.png", "out/people.webp"])
      expect(Buffer.from(files.get(path)!).equals(readFileSync(join(folder, path))), path).toBe(true);
    const pictures = of(told, "picture").map(({ picture }) => picture);
    expect(
      pictures.map((p) => Buffer.from(p.png).equals(readFileSync(join(folder, `out/people-${p.index}.png`)))),
    ).toEqual([true, true, true]);
    expect(pictures[0]!.terms?.kind).toBe("and");
  },
);

test(
  "a run that is given up ends at once, whatever it computes, and the next one is answered",
  { timeout: 120_000 },
  async () => {
    const engine = new StudioEngine(folder, mainFile);
    const stop = new AbortController();
    const told: FromEngine[] = [];
    // An engine that computes without a pause, and more samples than anyone waits for.
    const job = jobOf({ files: { "people.lace": script.replace("count 3", "count 5000"), "lib/looks.lace": looks } });
    const run = engine.ask({ kind: "run", engine: "tfjs-cpu", job }, (m) => told.push(m), stop.signal);
    await expect.poll(() => of(told, "progress").some((m) => m.part !== undefined), { timeout: 60_000 }).toBe(true);
    const before = performance.now();
    stop.abort();
    await run;
    expect(performance.now() - before).toBeLessThan(2000); // 80 ms, on a machine that is not busy
    expect(of(told, "end")).toEqual([]);
    const next: FromEngine[] = [];
    await engine.ask(
      { kind: "run", engine: "onnx-cpu", job: jobOf({ id: 2 }) },
      (m) => next.push(m),
      new AbortController().signal,
    );
    expect(next.at(-1)).toMatchObject({ kind: "end", id: 2, outcome: "done" });
    engine.close();
  },
);

test.each([
  ["a path that leads out", `model avatar from "../avatar.safetensors"`],
  ["an absolute path", `model avatar from "/etc/passwd"`],
  ["a link that leads out", `model avatar from "link.safetensors"`],
])("the engine reads nothing outside the folder: %s", { timeout: 60_000 }, async (_, line) => {
  symlinkSync(join(process.cwd(), "models/avatar.safetensors"), join(folder, "link.safetensors"));
  const changed = script.replace(/^model .*$/m, line);
  const told = await ask({
    kind: "run",
    engine: "auto",
    job: jobOf({ files: { "people.lace": changed, "lib/looks.lace": looks } }),
  });
  const end = of(told, "end")[0]!;
  expect(end.outcome).toBe("failed");
  expect(end.said.map((s) => s.text).join("\n")).toContain("leads out of the folder");
});

test(
  "a picture's path has its accepted steps, though the run found it in what it had kept",
  { timeout: 60_000 },
  async () => {
    const engine = new StudioEngine(folder, mainFile);
    const signal = new AbortController().signal;
    const told: FromEngine[] = [];
    for (const id of [1, 2])
      await engine.ask({ kind: "run", engine: "onnx-cpu", job: jobOf({ id }) }, (m) => told.push(m), signal);
    const picture = of(told, "picture").at(-1)!.picture;
    const { task, index, part } = picture;
    const found: FromEngine[] = [];
    const request: EngineRequest = {
      kind: "inspect",
      engine: "onnx-cpu",
      job: jobOf({ id: 3 }),
      picture: { task, index, part },
    };
    await engine.ask(request, (m) => found.push(m), signal);
    engine.close();
    const inspection = of(found, "inspected")[0]!.found;
    if (typeof inspection === "string") throw new Error(inspection);
    expect(inspection.steps).toHaveLength(picture.accepted);
    // In the flow's time from 0 to its end, which all samples share; at the end stands what was told of the picture.
    expect(inspection.steps.every(({ h }) => h > 0)).toBe(true);
    expect(inspection.steps.at(-1)!.logp).toBeCloseTo(picture.logp, 9);
    expect(inspection.energy).toContain("glasses");
    const gradient = inspection.graphs.find((g) => g.name === "gradient")!;
    expect(gradient.operations.reduce((sum, [, count]) => sum + count, 0)).toBe(gradient.nodes);
  },
);

test("an engine that cannot be had is told in words", { timeout: 60_000 }, async () => {
  const told = await ask({ kind: "open", engine: "no-engine" });
  expect(told).toEqual([
    { kind: "trouble", message: expect.stringContaining("there is no engine no-engine") as unknown },
  ]);
});
