// Workflows and the action: valid by their schemas, and pinned: no tag of somebody else decides what runs here.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { validateAction, validateWorkflow } from "@action-validator/core";
import { describe, expect, test } from "vitest";
import { root } from "../support/lacec.js";

const workflows = readdirSync(join(root, ".github/workflows")).map((name) => `.github/workflows/${name}`);
const read = (file: string): string => readFileSync(join(root, file), "utf8");

describe("workflows", () => {
  test("are valid, and so is the action; one that is not is found", () => {
    expect(workflows.length).toBeGreaterThanOrEqual(3);
    for (const file of workflows) expect([file, validateWorkflow(read(file)).errors]).toEqual([file, []]);
    expect(validateAction(read("action/action.yml")).errors).toEqual([]);
    const broken = read(workflows[0]!).replace("runs-on:", "runs-in:");
    expect(validateWorkflow(broken).errors.length).toBeGreaterThan(0);
  });

  test.each([...workflows, "action/action.yml"])(
    "%s takes actions by commit alone, and says which release that is",
    (file) => {
      const used = [...read(file).matchAll(/uses: (.*)/g)].map(([, what = ""]) => what);
      expect(used.length).toBeGreaterThan(0);
      for (const what of used) expect(what).toMatch(/^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+(\.\d+)*$/);
    },
  );

  test.each(workflows)("%s may do no more than it says", (file) => {
    expect(read(file)).toMatch(/^permissions:\n {2}contents: read\n/m);
    expect(read(file)).not.toMatch(/pull_request_target|secrets\./);
  });
});
