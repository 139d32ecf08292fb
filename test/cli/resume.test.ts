// Runs that are split, stopped, killed, or find no room: what was finished stays, what is left is whole, the union is one run.
// LACEC_KILLS=200 npx vitest run test/cli/resume.test.ts -t "kills at random" makes the full count of kills; the suite makes a few.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LaceError, run, type RunEvent, type RunOptions } from "../../src/node.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 }); // many processes, on machines that have other work

const KILLS = Number(process.env["LACEC_KILLS"] ?? 3);

const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
input level: number = 0.4
sample faces from tiny { where glasses and tilt > level count 20 seed 5 }
sweep tilts over t in 0..1 by 0.5 from tiny { where tilt is t count 3 seed 2 }
edit made of faces[0] { step hair is brown layers 0..1 }
save faces to "faces/{index}.png"
save made to "made/{step}.png"
save faces to "faces.png" as grid
save tilts to "tilts/{index}.webp"
save tilts to "tilts.png" as grid
`;

let folder: ReturnType<typeof folderWith>;
let script = "";
let whole: ReadonlyMap<string, string>;
const at = (...path: string[]): string => join(folder.path, ...path);

/** SHA-256 of each picture below a folder. */
function pictures(name: string): Map<string, string> {
  const files = filesIn(at(name)).filter((f) => !f.endsWith(".json") && !f.startsWith(".lace"));
  return new Map(
    files.map((f) => [
      f,
      createHash("sha256")
        .update(readFileSync(at(name, f)))
        .digest("hex"),
    ]),
  );
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof LaceError)) return String(error);
  const [first] = error.diagnostics;
  return `${first!.code}: ${first!.message}; ${first!.hints.join()}`;
}

beforeAll(async () => {
  folder = folderWith({ "faces.lace": SCRIPT });
  writeFileSync(at("tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
  script = at("faces.lace");
  await run(script, { out: at("whole"), engine: "onnx-cpu" });
  whole = pictures("whole");
});
afterAll(() => folder.remove());

describe("shards", () => {
  test("their union is one run, byte for byte, without the sheets", async () => {
    for (const number of [3, 1, 2])
      await run(script, { out: at("shards"), engine: "onnx-cpu", shard: { number, of: 3 } });
    const single = new Map([...whole].filter(([name]) => name.includes("/")));
    expect(pictures("shards")).toEqual(single);
    const records = filesIn(at("shards")).filter((f) => f.endsWith(".json"));
    expect(records).toEqual([1, 2, 3].map((n) => `run.shard-${n}-of-3.json`));
    const indices = records.map((file) => {
      const { tasks } = JSON.parse(readFileSync(at("shards", file), "utf8")) as {
        tasks: { samples: { index: number }[] }[];
      };
      return tasks[0]!.samples.map((s) => s.index);
    });
    const drawn = [...new Set(indices.flat())].sort((a, b) => a - b); // sample 0 twice: the edit needs it too
    expect([drawn, indices.flat().length]).toEqual([Array.from({ length: 20 }, (_, i) => i), 21]);
  });

  test("more shards than samples leave some with nothing to do, and no error", async () => {
    const results = await run(script, { out: at("many"), engine: "onnx-cpu", count: 1, shard: { number: 1, of: 2 } });
    expect([results.outputs, results.diagnostics]).toEqual([[], []]);
  });

  test("the command line names what is left to a run of all", async () => {
    const args = ["run", "faces.lace", "--out", "said", "--engine", "tfjs-cpu", "--shard", "4/4", "--count", "1"];
    const { code, err } = await lacec(args, { cwd: folder.path });
    expect(code).toBe(0);
    expect(err).toMatch(/^note: left to a run without --shard, after all shards: .*\.png/m);
    expect(err).not.toContain("{index}");
  });
});

describe("what was finished is not computed again", () => {
  const phases: string[] = [];
  const again = async (out: string, inputs: Record<string, number> = {}, count?: number): Promise<string[]> => {
    phases.length = 0;
    const onEvent = (e: RunEvent): void => {
      if (e.kind === "start") phases.push(e.phase);
    };
    const counted = count === undefined ? {} : { count };
    await run(script, { out: at(out), engine: "onnx-cpu", cache: at(".lace"), inputs, onEvent, ...counted });
    return [...phases];
  };

  test("a second run takes everything from the cache and gives the same bytes", async () => {
    expect(await again("first")).toContain("sample");
    expect(pictures("first")).toEqual(whole);
    const second = await again("second");
    expect(second).toEqual(["load", "synthesise", "synthesise", "compile", "sample", "synthesise", "save"]); // the edit's read-out
    expect(pictures("second")).toEqual(whole);
  });

  test("what an input changes is drawn, the rest is not", async () => {
    const other = await again("other", { level: 0.6 });
    expect(other).toEqual(["load", "compile", "sample", "synthesise", "synthesise", ...other.slice(5)]); // not the sweep
    await run(script, { out: at("other-fresh"), engine: "onnx-cpu", inputs: { level: 0.6 } });
    expect(pictures("other")).toEqual(pictures("other-fresh"));
  });

  test("films, and samples that share their steps, come from the cache, and what shards have solved of an edit too", async () => {
    writeFileSync(
      at("films.lace"),
      `lace 1
model tiny from "tiny.safetensors"
sample crowd from tiny { where glasses count 3 seed 5 sampler ode { control batch } }
traverse walk from tiny { where glasses between seed 3 and seed 4 frames 3 }
edit made of crowd { step hair is brown }
save crowd to "crowd.png" as grid
save walk to "walk.webp" as animation { tween 2 }
save made to "made.webp" as animation { tween 2 }
save made to "made/{index}.png"
`,
    );
    const sampled = async (out: string, options: RunOptions): Promise<(string | undefined)[]> => {
      const ends: string[] = [];
      const onEvent = (e: RunEvent): void => {
        if (e.kind === "end" && e.phase === "sample" && e.note !== "0 evaluations") ends.push(e.task ?? "");
      };
      await run(at("films.lace"), { out: at(out), engine: "onnx-cpu", onEvent, ...options });
      return ends;
    };
    expect(await sampled("films", {})).toEqual(["crowd", "walk", "made"]);
    expect(await sampled("films-1", { cache: at(".lace-films") })).toEqual(["crowd", "walk", "made"]);
    expect(await sampled("films-2", { cache: at(".lace-films") })).toEqual([]);
    for (const out of ["films-1", "films-2"]) expect(pictures(out)).toEqual(pictures("films"));
    const cache = at(".lace-film-shards");
    for (const number of [1, 2]) await sampled("film-shards", { cache, shard: { number, of: 2 } });
    expect(await sampled("film-shards", { cache })).toEqual(["walk"]); // between its frames
    expect(pictures("film-shards")).toEqual(pictures("films"));
  });

  test("a run that was stopped goes on where it was", async () => {
    const controller = new AbortController();
    const cache = at(".lace-stopped");
    let wrote = 0;
    const stopped = run(script, {
      out: at("stopped"),
      engine: "onnx-cpu",
      cache,
      signal: controller.signal,
      onEvent: (e) => {
        if (e.kind === "wrote" && ++wrote === 5) controller.abort();
      },
    });
    expect(await codeOf(stopped)).toMatch(/^L4106/);
    const events: RunEvent[] = [];
    await run(script, { out: at("stopped"), engine: "onnx-cpu", cache, onEvent: (e) => events.push(e) });
    const sampled = events.filter((e) => e.kind === "start" && e.phase === "sample");
    expect(sampled.map((e) => "task" in e && e.task)).toEqual(["tilts", "made"]);
    expect(pictures("stopped")).toEqual(whole);
  });
});

describe("kill -9", () => {
  test(
    `${KILLS} kills at random moments leave whole files only, and a run after them completes`,
    async () => {
      const args = ["run", "faces.lace", "--out", "killed", "--engine", "onnx-cpu"];
      const { ms } = await lacec([...args.slice(0, 3), "warm", ...args.slice(4), "--no-cache"], { cwd: folder.path });
      let killed = 0;
      for (let k = 0; k < KILLS; k++) {
        const { code } = await lacec(args, {
          cwd: folder.path,
          during: (kill) => void setTimeout(() => kill("SIGKILL"), Math.random() * ms * 1.1),
        });
        if (code === null) killed += 1;
        if (!existsSync(at("killed"))) continue; // killed before its first file
        for (const [name, hash] of pictures("killed")) {
          if (name.includes(".lacec-")) continue; // a temporary file or a lock: cleared away by the next run
          expect(hash, `${name} after kill ${k}`).toBe(whole.get(name));
        }
        if (k % 3 === 2) rmSync(at("killed"), { recursive: true, force: true });
      }
      const last = await lacec(args, { cwd: folder.path });
      expect([last.code, last.err.includes("error")]).toEqual([0, false]);
      expect(pictures("killed")).toEqual(whole);
      expect(filesIn(at("killed")).filter((f) => f.includes(".lacec-"))).toEqual([]);
      expect(killed).toBeGreaterThan(0);
    },
    60_000 + KILLS * 10_000,
  );

  test("two runs of one script at one time: one of them is told of the other", async () => {
    const args = ["run", "faces.lace", "--out", "twice", "--engine", "onnx-cpu", "--no-cache"];
    const both = await Promise.all([lacec(args, { cwd: folder.path }), lacec(args, { cwd: folder.path })]);
    const [first, second] = both.sort((a, b) => (a.code ?? 0) - (b.code ?? 0));
    expect([first.code, second.code]).toEqual([0, 3]);
    expect(second.err).toMatch(/error\[L5309\]: another lacec \(process \d+\) is writing these outputs/);
    expect(pictures("twice")).toEqual(whole);
  });
});

describe("when the environment fails", () => {
  /** Mounts a small file system; false where that is not allowed. */
  function mounted(name: string, options: string): boolean {
    mkdirSync(at(name));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "lacec-test", at(name)], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }
  const unmount = (name: string): void => void execFileSync("umount", ["-l", at(name)]);

  test("a disk that fills up: the error says so, finished files are whole, and the run can go on elsewhere", async (context) => {
    if (!mounted("small", "size=32k")) return context.skip("file systems cannot be mounted here");
    try {
      const cache = at(".lace-full");
      const full = await codeOf(run(script, { out: at("small"), engine: "onnx-cpu", cache }));
      expect(full).toMatch(/^L5003: no space left to write .*; free some space, or choose another folder with --out/);
      for (const [name, hash] of pictures("small")) expect(hash, name).toBe(whole.get(name));
      const events: RunEvent[] = [];
      await run(script, { out: at("large"), engine: "onnx-cpu", cache, onEvent: (e) => events.push(e) });
      expect(events.some((e) => e.kind === "start" && e.phase === "sample" && e.task === "faces")).toBe(false);
      expect(pictures("large")).toEqual(whole);
    } finally {
      unmount("small");
    }
  });

  test("a cache without room ends nothing", async (context) => {
    if (!mounted("tight", "size=16k")) return context.skip("file systems cannot be mounted here");
    try {
      await run(script, { out: at("roomy"), engine: "onnx-cpu", cache: at("tight/.lace") });
      expect(pictures("roomy")).toEqual(whole);
    } finally {
      unmount("tight");
    }
  });

  test("folders that cannot be written: for outputs an error, for lace.lock a warning", async (context) => {
    if (!mounted("sealed", "size=256k")) return context.skip("file systems cannot be mounted here");
    try {
      writeFileSync(at("sealed/faces.lace"), SCRIPT);
      writeFileSync(at("sealed/tiny.safetensors"), readFileSync(at("tiny.safetensors")));
      execFileSync("mount", ["-o", "remount,ro", at("sealed")], { stdio: "ignore" });
      const args = ["run", "sealed/faces.lace", "--engine", "onnx-cpu", "--count", "1", "--no-cache"];
      const [outside, inside] = await Promise.all([
        lacec([...args, "--out", "beside"], { cwd: folder.path }),
        lacec([...args, "--out", "sealed/out"], { cwd: folder.path }),
      ]);
      expect([outside.code, outside.err]).toEqual([0, expect.stringContaining("warning[L5308]")]);
      expect([inside.code, inside.err]).toEqual([3, expect.stringMatching(/error\[L5002\][^]*--out DIR/)]);
    } finally {
      unmount("sealed");
    }
  });

  test("a model that has gone is named, and nothing is written", async () => {
    renameSync(at("tiny.safetensors"), at("moved.safetensors"));
    try {
      expect(await codeOf(run(script, { out: at("gone") }))).toMatch(/^L5001: there is no file .*tiny.safetensors/);
      expect(existsSync(at("gone"))).toBe(false);
    } finally {
      renameSync(at("moved.safetensors"), at("tiny.safetensors"));
    }
  });
});
