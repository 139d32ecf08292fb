import { expect, test } from "vitest";
import { chooseRecord, findRecord, recordNames } from "../../src/runtime/record/record-file.js";
import { memoryHost } from "../support/memory-host.js";

test("names of records say the script, and are fit for any file system", () => {
  expect(recordNames("looks/a.lace")).toEqual(["run.json", "a.run.json", "looks-a.run.json"]);
  expect(recordNames("/home/me/a.lace", { number: 2, of: 8 })).toEqual([
    "run.shard-2-of-8.json",
    "a.run.shard-2-of-8.json",
  ]);
  expect(recordNames("standard input")).toEqual(["run.json", "standard-input.run.json"]);
});

test("a script keeps its record, and writes over none of another", async () => {
  const record = (file: string): string => JSON.stringify({ script: { file } });
  const files: Record<string, string> = { "run.json": record("x/a.lace"), "a.run.json": record("y/a.lace") };
  const search = (script: string) => ({ host: memoryHost(files), script, pathOf: (name: string) => name });
  expect(await chooseRecord(search("x/a.lace"))).toBe("run.json");
  expect(await chooseRecord(search("y/a.lace"))).toBe("a.run.json");
  expect(await chooseRecord(search("z/a.lace"))).toBe("z-a.run.json");
  expect(await chooseRecord(search("b.lace"))).toBe("b.run.json");
  const others: string[] = [];
  expect(await findRecord(search("b.lace"), others)).toBeUndefined();
  expect(others).toEqual(["x/a.lace"]);
  files["run.json"] = "{ torn";
  expect(await chooseRecord(search("b.lace"))).toBe("run.json");
});
