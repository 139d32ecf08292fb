// lacec check --sarif: against the schema of SARIF, and against what --json says.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { folderWith, lacec, root, type Ended } from "../support/lacec.js";

vi.setConfig({ testTimeout: 60_000 });

interface Region {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}
interface Place {
  readonly artifactLocation: { readonly uri: string };
  readonly region?: Region;
}
interface Log {
  readonly runs: readonly {
    readonly invocations: readonly { readonly executionSuccessful: boolean; readonly exitCode: number }[];
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly { readonly physicalLocation: Place }[];
      readonly relatedLocations?: readonly { readonly physicalLocation: Place }[];
      readonly fixes?: readonly object[];
    }[];
  }[];
}
interface JsonReport {
  readonly diagnostics: readonly {
    readonly code: string;
    readonly severity: string;
    readonly place: {
      readonly line: number;
      readonly column: number;
      readonly endLine: number;
      readonly endColumn: number;
    } | null;
  }[];
}

const schema = JSON.parse(readFileSync(join(root, "test/fixtures/sarif/sarif-2.1.0.json"), "utf8")) as object;
const validate = new Ajv2020({ allErrors: true, validateFormats: false, strict: false }).compile(schema);

let folder: ReturnType<typeof folderWith>;
const verb = (...args: string[]): Promise<Ended> => lacec(args, { cwd: folder.path });
const head = 'lace 1\nmodel avatar from "builtin:avatar"\n';
beforeAll(() => {
  folder = folderWith({
    "good one.lace": `${head}sample r from avatar { where glasses count 1 seed 1 }\nsave r to "r-{index}.png"\n`,
    "bad ü.lace": `${head}let x = 1\nlet x = 2\nsample r from avatar { where glases count 1 seed 1 }\nsave r to "r-{index}.png"\n`,
  });
});
afterAll(() => folder.remove());

async function log(...files: string[]): Promise<{ readonly code: number | null; readonly run: Log["runs"][number] }> {
  const { code, out, err } = await verb("check", ...files, "--sarif");
  const json = JSON.parse(out) as Log;
  validate(json);
  expect(validate.errors ?? []).toEqual([]);
  expect(err).toBe("");
  return { code, run: json.runs[0]! };
}

describe("lacec check --sarif", () => {
  test("is valid, names the places that --json names, and every result's rule", async () => {
    const files = ["good one.lace", "bad ü.lace"];
    const [{ code, run }, plain] = await Promise.all([log(...files), verb("check", ...files, "--json")]);
    const { diagnostics } = JSON.parse(plain.out) as JsonReport;
    expect([code, run.invocations]).toEqual([2, [{ executionSuccessful: true, exitCode: 2 }]]);
    expect(diagnostics.length).toBeGreaterThanOrEqual(2);
    const said = run.results.map(({ ruleId, level, locations }) => {
      const { artifactLocation, region } = locations[0]!.physicalLocation;
      expect(artifactLocation).toEqual({ uri: "bad%20%C3%BC.lace", uriBaseId: "%SRCROOT%" });
      return [ruleId, level, region?.startLine, region?.startColumn, region?.endLine, region?.endColumn];
    });
    expect(said).toEqual(
      diagnostics.map(({ code: id, severity, place: p }) => [
        id,
        severity,
        p?.line,
        p?.column,
        p?.endLine,
        p?.endColumn,
      ]),
    );
    for (const { ruleId, ruleIndex } of run.results) expect(run.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    const unknown = run.results.find((r) => r.ruleId === "L2001");
    expect(unknown?.message.text).toContain("did you mean `glasses`");
    expect(unknown?.fixes).toEqual([
      expect.objectContaining({
        artifactChanges: [expect.objectContaining({ replacements: expect.anything() as unknown })],
      }),
    ]);
    expect(run.results.some((r) => (r.relatedLocations ?? []).length > 0)).toBe(true);
  });

  test("of scripts without mistakes has no results; of a script that is not there one without a region", async () => {
    const [good, gone] = await Promise.all([log("good one.lace"), log("good one.lace", "nobody.lace")]);
    expect([good.code, good.run.results]).toEqual([0, []]);
    expect(gone.code).not.toBe(0);
    expect(gone.run.results.map((r) => r.locations[0]!.physicalLocation)).toEqual([
      { artifactLocation: { uri: "nobody.lace", uriBaseId: "%SRCROOT%" } },
    ]);
  });

  test("and --json exclude each other", async () => {
    const { code, err } = await verb("check", "good one.lace", "--sarif", "--json");
    expect([code, err]).toEqual([2, expect.stringContaining("cannot be used with")]);
  });

  test("the schema refuses what is no log", () => {
    expect(validate({ version: "2.1.0", runs: [{ results: [{}] }] })).toBe(false);
  });
});
