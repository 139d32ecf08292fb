import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TEMPORARY_PREFIX } from "../../src/node/host.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { filesIn, folderWith, lacec, type Ended } from "../support/lacec.js";
import { randomModel } from "../support/model.js";

const SCRIPT = `lace 1
model tiny from "tiny.safetensors"
sample faces from tiny {
  where glasses
  count 400
  seed 1
}
save faces to "many/{index}.png"
save faces to "sheet.png" as grid
`;

let folder: ReturnType<typeof folderWith>;
beforeAll(() => {
  folder = folderWith({
    "many.lace": SCRIPT,
    "missed.lace": `${SCRIPT}expect faces: glasses and not glasses >= 0.5\n`,
  });
  writeFileSync(join(folder.path, "tiny.safetensors"), writePack(randomModel(), { source: "a test" }));
});
afterAll(() => folder.remove());

const pictures = (out: string): string[] => filesIn(join(folder.path, out)).filter((f) => f.endsWith(".png"));

/** Runs the script and kills it as soon as `files` of its pictures are there. */
function killedAt(out: string, files: number, signal: NodeJS.Signals): Promise<Ended> {
  return lacec(["run", "many.lace", "--out", out, "--engine", "onnx-cpu"], {
    cwd: folder.path,
    during: (kill) => {
      const timer = setInterval(() => {
        if (countOrZero(out) < files) return;
        clearInterval(timer);
        kill(signal);
      }, 2);
    },
  });
}
function countOrZero(out: string): number {
  try {
    return pictures(out).length;
  } catch {
    return 0; // the folder is not there yet
  }
}

describe("an interrupted run", () => {
  test.each([
    ["SIGINT", 1],
    ["SIGINT", 60],
    ["SIGTERM", 20],
  ] as const)("%s after %d pictures: exit 130, whole files only, nothing temporary", async (signal, files) => {
    const out = `${signal}-${files}`;
    const ended = await killedAt(out, files, signal);
    expect(ended.code).toBe(130);
    expect(ended.err).toContain("interrupted");
    const left = filesIn(join(folder.path, out));
    expect(left.length).toBeGreaterThanOrEqual(files);
    expect(left).not.toContain("run.json");
    expect(left.filter((f) => f.includes(TEMPORARY_PREFIX))).toEqual([]);
    for (const file of pictures(out))
      await sharp(join(folder.path, out, file))
        .raw()
        .toBuffer();
  });

  test("even SIGKILL leaves no torn picture at a target's name", async () => {
    await killedAt("SIGKILL", 30, "SIGKILL");
    const whole = pictures("SIGKILL").filter((f) => !f.includes(TEMPORARY_PREFIX));
    expect(whole.length).toBeGreaterThanOrEqual(30);
    for (const file of whole)
      await sharp(join(folder.path, "SIGKILL", file))
        .raw()
        .toBuffer();
  });
});

describe("a command whose main thread is busy", () => {
  test("says that it is at work after one signal, and ends at the second", async () => {
    const terms = Array.from({ length: 100_000 }, (_, i) => `tilt > ${(i * 1e-5).toFixed(5)}`).join(" and ");
    writeFileSync(join(folder.path, "long.lace"), SCRIPT.replace("where glasses", `where ${terms}`));
    const ended = await lacec(["run", "long.lace", "--out", "long", "--engine", "onnx-cpu"], {
      cwd: folder.path,
      during: (kill, { stderr }) => {
        stderr.on("data", (text: string) => {
          if (text.includes("✓ load")) setTimeout(() => kill("SIGTERM"), 1000); // deep in the graph by then
          if (text.includes("still at work")) kill("SIGTERM");
        });
      },
    });
    expect(ended.code).toBeNull();
    expect(ended.err).toContain("a second Ctrl-C ends it at once");
  });
});

describe("lacec run, to its end", () => {
  test("plain lines on stderr, files and table on stdout, 1 for a missed expectation, --json and --quiet", async () => {
    const args = ["--engine", "onnx-cpu", "--count", "2", "--no-cache"];
    const [plain, json, quiet] = await Promise.all([
      lacec(["run", "missed.lace", "--out", "plain", ...args], { cwd: folder.path }),
      lacec(["run", "missed.lace", "--out", "json", "--json", ...args], { cwd: folder.path }),
      lacec(["run", "many.lace", "--out", "quiet", "--quiet", ...args], { cwd: folder.path }),
    ]);
    expect(plain.code).toBe(1);
    expect(plain.err).toMatch(
      /✓ load[^]*✓ compile faces[^]*✓ sample faces[^]*evaluations[^]*✓ synthesise faces[^]*error\[L4104\]/,
    );
    expect(plain.err).not.toContain("\u001b");
    expect(plain.out).toMatch(/✗ faces: glasses and not glasses +>= 0.5 +0\/2 = 0.00/);
    expect(plain.out).toContain(`wrote ${join("plain", "sheet.png")}`);
    expect(filesIn(join(folder.path, "plain"))).toEqual(["many/0.png", "many/1.png", "run.json", "sheet.png"]);

    const document = JSON.parse(json.out) as { exitCode: number; run: unknown; diagnostics: { code: string }[] };
    expect([json.code, json.err, document.exitCode]).toEqual([1, "", 1]);
    expect(document.diagnostics.map((d) => d.code)).toContain("L4104");
    const record = JSON.parse(readFileSync(join(folder.path, "json/run.json"), "utf8")) as object;
    expect(document.run).toEqual({ recordFile: "run.json", ...record });

    expect([quiet.code, quiet.out, quiet.err]).toEqual([0, "", ""]);
  });

  test("an environment that fails is 3, and says what to do", async () => {
    writeFileSync(join(folder.path, "taken"), "");
    const [engine, disk] = await Promise.all([
      lacec(["run", "many.lace", "--out", "no-engine", "--engine", "tfjs-gpu"], { cwd: folder.path }),
      lacec(["run", "many.lace", "--out", "taken"], { cwd: folder.path }),
    ]);
    expect(engine.code).toBe(3);
    expect(engine.err).toMatch(/error\[L52\d\d\][^]*hint:/);
    expect(disk.code).toBe(3);
    expect(disk.err).toMatch(/error\[L5004\]/);
  });
});
