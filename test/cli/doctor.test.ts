// lacec doctor: what it says of the engines, and that a run of the native engine leaves nothing behind on the machine.
import { afterAll, expect, test } from "vitest";
import { ENGINE_NAMES } from "../../src/runtime/services/engine.js";
import { filesIn, folderWith, lacec } from "../support/lacec.js";

const folder = folderWith({});
afterAll(() => folder.remove());

test("names every engine, says why one cannot be used, and writes nothing anywhere", async () => {
  // Where onnxruntime's telemetry is on, its log and its identifier appear in these folders, unless CI is set.
  const home = { HOME: folder.path, TMPDIR: folder.path, XDG_CACHE_HOME: folder.path, XDG_CONFIG_HOME: folder.path };
  const { code, out, err } = await lacec(["doctor", "--no-speed", "--json"], {
    cwd: folder.path,
    env: { ...home, CI: "" },
  });
  expect([code, err]).toEqual([0, ""]);
  const { auto, engines } = JSON.parse(out) as {
    auto: string;
    engines: { name: string; usable: boolean; reason: string; speed: unknown }[];
  };
  expect(engines.map(({ name }) => name)).toEqual([...ENGINE_NAMES]);
  for (const { usable, reason, speed } of engines) {
    expect(reason === "").toBe(usable);
    expect(speed).toBeNull();
  }
  expect(engines.find(({ name }) => name === auto)!.usable).toBe(true);
  expect(filesIn(folder.path)).toEqual([]);
});
