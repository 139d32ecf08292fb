// Films as they fill up, and saves that are refused before any work.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LaceError, run } from "../../src/node.js";
import type { Save, SaveForm, Task } from "../../src/compiler/plan.js";
import { FilmBuilder, planFilm } from "../../src/runtime/plan/film.js";
import { checkSizes } from "../../src/runtime/plan/sizes.js";
import { MAX_FILM_PIXELS } from "../../src/runtime/services/codec.js";
import { longestSide } from "../../src/runtime/plan/path-template.js";
import { solidImage } from "../../src/runtime/image/rgb.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { folderWith } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const span = { file: "a.lace", start: 0, end: 0 };
const walk = (frames: number, count = 1): Task => ({ kind: "traverse", name: "walk", frames, count }) as Task;
const film = (tween = 0) => ({ kind: "animation", fps: 4, tween }) as const;

describe("a film", () => {
  test("has its images in their frames and places, whatever order they come in; what is missing is grey", () => {
    const builder = new FilmBuilder(walk(3, 2), film(1));
    const tone = (index: number, part: number): number => 20 + 100 * index + 20 * part;
    for (const [index, part] of [
      [1, 2],
      [0, 0],
      [1, 0],
      [0, 0.5],
      [0, 2],
    ] as const) {
      const t = tone(index, part);
      builder.add(solidImage(8, 8, [t, t, t]), { index, part });
    }
    const { width, height, frames, data } = builder.finish()!;
    const plan = planFilm(walk(3, 2), film(1), { width: 8, height: 8 });
    expect([plan.frames, frames, width, height]).toEqual([5, 3, plan.width, plan.height]); // two frames had no image
    const at = (frame: number, row: number): number => {
      const [x, y] = plan.corner(row);
      return data[((frame * height + y + 3) * width + x + 3) * 3]!;
    };
    expect([0, 1, 2].map((f) => [at(f, 0), at(f, 1)])).toEqual([
      [tone(0, 0), tone(1, 0)],
      [tone(0, 0.5), 208],
      [tone(0, 2), tone(1, 2)],
    ]);
    expect(data.length).toBe(frames * width * height * 3);
  });
  test("of an edit begins with what was before it; without any image there is none", () => {
    const edit = { kind: "edit", steps: [{}, {}], source: { kind: "seed", count: 1 } } as unknown as Task;
    const builder = new FilmBuilder(edit, film(0));
    expect(builder.finish()).toBeUndefined();
    for (const part of [1, 0, -1]) builder.add(solidImage(4, 4, [part + 1, 0, 0]), { index: 0, part });
    const { frames, data } = builder.finish()!;
    expect([frames, data[0], data[48], data[96]]).toEqual([3, 0, 1, 2]);
  });
});

describe("saves are measured before any work", () => {
  const refusals = (path: string, form: SaveForm, task: Task, side: number): string[] => {
    try {
      checkSizes([{ save: { path, form, tasks: [0], span } satisfies Save, tasks: [task] }], () => ({
        width: side,
        height: side,
      }));
      return [];
    } catch (error) {
      if (!(error instanceof LaceError)) throw error;
      return error.diagnostics.map((d) => `${d.code} ${d.message}; ${d.hints.join("; ")}`);
    }
  };
  test.each([
    ["webp", 31, 32],
    ["avif", 31, 32],
    ["jpg", 126, 127],
    ["png", 4000, undefined],
  ] as const)("a strip as .%s of %i images of 500 px fits, and one of more does not", (extension, fits, toomany) => {
    const strip = (frames: number) => refusals(`a.${extension}`, { kind: "strip" }, walk(frames), 500);
    expect(strip(fits)).toEqual([]);
    if (toomany !== undefined) expect(strip(toomany)).toEqual([expect.stringMatching(/^L5006 a\..*\.png.*\{index\}/)]);
  });
  test("a sheet is measured as it will be shown: halved where that is needed", () => {
    // 200 images of 1024 px are shown at 256 px.
    expect(refusals("a.webp", { kind: "grid", columns: 60 }, walk(200), 1024)).toEqual([]);
    expect(refusals("a.webp", { kind: "grid", columns: 70 }, walk(200), 1024)).toHaveLength(1);
  });
  test("a film that memory has no room for says how long it may be", () => {
    const most = Math.floor(MAX_FILM_PIXELS / 1024 ** 2);
    expect(refusals("a.webp", film(), walk(most), 1024)).toEqual([]);
    expect(refusals("a.gif", film(), walk(most + 1), 1024)).toEqual([expect.stringContaining(`at most ${most} are`)]);
    expect(refusals("a.webp", film(9), walk(most), 1024)).toEqual([expect.stringMatching(/18\.\d GB.*tween/)]);
  });
  test("the limits are those of the documentation", () => {
    const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
    const sides = (["webp", "avif", "jpeg", "gif"] as const).map((f) => longestSide(f).toLocaleString("en"));
    for (const side of [...sides, `${MAX_FILM_PIXELS / 1e6} megapixels`, `${(MAX_FILM_PIXELS * 3) / 1e9} GB`])
      expect(page).toContain(side);
  });
  test("a run refuses before anything is drawn", async () => {
    const folder = folderWith({
      "long.lace": `lace 1
model tiny from "tiny.safetensors"
traverse walk from tiny { where glasses between seed 1 and seed 2 frames 950 }
save walk to "walk.webp" as strip
`,
    });
    writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
    const phases: string[] = [];
    const work = run(join(folder.path, "long.lace"), {
      out: folder.path,
      engine: "tfjs-cpu",
      onEvent: (e) => phases.push(e.kind === "start" ? e.phase : ""),
    });
    await expect(work).rejects.toThrow(/L5006.*walk\.webp would be 17\d\d\dx\d+ pixels/);
    expect(phases).not.toContain("sample");
    folder.remove();
  });
});
