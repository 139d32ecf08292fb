import type { CodeAction, CodeLens, InlayHint, TextEdit } from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import type { RunRequest, ScriptRuns } from "../../src/lsp.js";
import {
  applied,
  CAPABLE,
  HEAD,
  marked,
  openMarked,
  positionAt,
  uriOf,
  withClient,
  type ClientOptions,
  type LanguageClient,
} from "../support/language-client.js";

const A = uriOf("a.lace");

async function actionsAt(
  client: LanguageClient,
  source: string,
  only?: readonly string[],
): Promise<readonly CodeAction[]> {
  const { positions } = await openMarked(client, source);
  return client.request<CodeAction[]>("textDocument/codeAction", {
    textDocument: { uri: A },
    range: { start: positions[0], end: positions[0] },
    context: { diagnostics: [], ...(only && { only }) },
  });
}

/** Holds that an action makes one text of another. */
async function expectFix(
  before: string,
  title: string | RegExp,
  after: string,
  only?: readonly string[],
): Promise<void> {
  await withClient(
    { files: { "/w/looks.lace": "lace 1\nenergy wise = glasses\nenergy keen = smile\n" } },
    async (client) => {
      const actions = await actionsAt(client, before, only);
      const action = actions.find((a) => (typeof title === "string" ? a.title === title : title.test(a.title)));
      expect(actions.map((a) => a.title)).toContain(action?.title);
      const edits = action!.edit!.changes![A] as TextEdit[];
      expect(applied(marked(before).text, edits)).toBe(after);
    },
  );
}

const use = (where: string): string => `sample s from avatar { where ${where} }\nsave s to "s.png" as grid\n`;

describe("quick fixes", () => {
  test("the nearest name", () =>
    expectFix(`${HEAD}${use("glas§es")}`, "Change to `glasses`", `${HEAD}${use("glasses")}`));

  test("the missing edition", () =>
    expectFix(
      `§model avatar from "builtin:avatar"\n${use("hat")}`,
      "Begin with `lace 1`",
      `lace 1\n\nmodel avatar from "builtin:avatar"\n${use("hat")}`,
    ));

  test("a declaration of the number, the input or the energy", async () => {
    const before = `${HEAD}${use("light > wh§atever")}`;
    await expectFix(before, "Declare the number `whatever`", `${HEAD}let whatever = 1\n${use("light > whatever")}`);
    await expectFix(
      before,
      "Declare the input `whatever`",
      `${HEAD}input whatever: number = 1\n${use("light > whatever")}`,
    );
    await expectFix(
      `${HEAD}${use("whatev§er(1, 2)")}`,
      "Declare the energy `whatever`",
      `${HEAD}energy whatever(x: number, x2: number) = glasses\n${use("whatever(1, 2)")}`,
    );
  });

  test("the removal of what is unused: a line, an import, one name of several", async () => {
    await expectFix(`${HEAD}let un§used = 1\n${use("hat")}`, "Remove it", `${HEAD}${use("hat")}`);
    await expectFix(`${HEAD}imp§ort "looks.lace"\n${use("hat")}`, "Remove it", `${HEAD}${use("hat")}`);
    await expectFix(
      `${HEAD}import { wise, ke§en } from "looks.lace"\n${use("wise")}`,
      "Remove it",
      `${HEAD}import { wise } from "looks.lace"\n${use("wise")}`,
    );
    await expectFix(
      `${HEAD}import { wi§se, keen } from "looks.lace"\n${use("keen")}`,
      "Remove it",
      `${HEAD}import { keen } from "looks.lace"\n${use("keen")}`,
    );
  });

  test.each(["hair is black or br§own", "hair is bl§ack or hair is brown", "(hair is black or b§rown)"])(
    "`%s` as a set",
    (where) =>
      expectFix(
        `${HEAD}${use(where)}`,
        /^Write as a set/,
        `${HEAD}${use(where.startsWith("(") ? "(hair in { black, brown })" : "hair in { black, brown }")}`,
      ),
  );

  test("all at once, where asked for", () =>
    expectFix(`${HEAD}${use("glases and smil§e and hta")}`, /^Fix all/, `${HEAD}${use("glasses and smile and hat")}`, [
      "source.fixAll",
    ]));

  test("are none where nothing is wrong", () =>
    withClient({}, async (client) => {
      expect(await actionsAt(client, `${HEAD}${use("gla§sses")}`, ["quickfix"])).toEqual([]);
    }));
});

/** A record of a run, as `lacec run` leaves it. */
const RECORD = JSON.stringify({
  format: 1,
  script: { file: "a.lace" },
  tasks: [{ name: "s", seconds: { sample: 3, synthesise: 1 }, samples: Array.from({ length: 8 }, () => ({})) }],
  expectations: [
    { task: "s", text: "hat", fraction: 0.9, heads: { satisfied: 7, counted: 8 }, labeller: null, passed: false },
  ],
  outputs: [{ file: "s.png", task: "s" }],
});
const SCRIPT = `${HEAD}let half = 1 / 2\nsample s from avatar { where hat and light > half  count 4 }\nedit e of s {\n  step smile layers middle\n}\nexpect s: hat >= 0.9\nsave s to "s.png" as grid\nsave e to "e.png" as strip\n`;

describe("inlay hints", () => {
  const hints = async (client: LanguageClient): Promise<readonly string[]> => {
    await client.open(A, SCRIPT);
    const range = { start: { line: 0, character: 0 }, end: positionAt(SCRIPT, SCRIPT.length) };
    const found = await client.request<InlayHint[]>("textDocument/inlayHint", { textDocument: { uri: A }, range });
    return found.map((h) => `${h.position.line}:${h.label as string}`);
  };

  test("tell values, images, defaults and layers", () =>
    withClient({}, async (client) => {
      expect(await hints(client)).toEqual([
        "2:: number = 0.5",
        "3:4 images",
        expect.stringMatching(/^3:seed 0 {2}truncation 0.7 {2}sampler ode \{ solver \w+ \}$/) as string,
        "4:4 images",
        expect.stringMatching(/^4:sampler/) as string,
        "5:4..7",
      ]);
    }));

  test("tell how long it may take, by the last run", () =>
    withClient({ files: { "/w/run.json": RECORD } }, async (client) => {
      expect(await hints(client)).toContain("3:4 images, about 2.0 s");
    }));

  test("are none where they are turned off", () =>
    withClient(
      {
        configuration: { inlayHints: { enabled: false } },
        capabilities: { ...CAPABLE, workspace: { configuration: true } },
      },
      async (client) => {
        expect(await hints(client)).toEqual([]);
      },
    ));
});

const idle: ScriptRuns = { run: () => Promise.resolve({ ok: true, message: "done", outputs: [] }) };

describe("lenses", () => {
  const titles = async (client: LanguageClient): Promise<readonly string[]> => {
    await client.open(A, SCRIPT);
    const found = await client.request<CodeLens[]>("textDocument/codeLens", { textDocument: { uri: A } });
    return found.map((l) => l.command!.title);
  };

  test("offer to run, to see the plan and the energies, and tell how expectations went", () =>
    withClient({ files: { "/w/run.json": RECORD }, server: { runs: idle } }, async (client) => {
      expect(await titles(client)).toEqual([
        "Run",
        "Run 4 small",
        "Lock",
        "Plan",
        "Show energy",
        "Show energy",
        "✗ hat: 7 of 8 the last time",
      ]);
    }));

  test("offer no run where nothing can run, and are actions too", () =>
    withClient({}, async (client) => {
      expect(await titles(client)).toEqual(["Plan", "Show energy", "Show energy"]);
      const actions = await actionsAt(client, SCRIPT.replace("sample s", "sam§ple s"));
      expect(actions.map((a) => a.title)).toEqual(expect.arrayContaining(["Plan", "Show energy"]));
    }));

  test("never slow typing: they are of the last analysis, and stay where there are mistakes", () =>
    withClient({}, async (client) => {
      const before = await titles(client);
      expect(before).toEqual(["Plan", "Show energy", "Show energy"]);
      const start = { line: 3, character: 0 };
      await client.edit(A, "sample more from avatar { where nonsense }\n", { start, end: start });
      const ask = async () => {
        const found = await client.request<CodeLens[]>("textDocument/codeLens", { textDocument: { uri: A } });
        return found.map((l) => l.command!.title);
      };
      expect(await ask()).toEqual(before);
      await client.diagnostics(A, (p) => p.version === 2 && p.diagnostics.length > 0);
      expect(await ask()).toEqual([...before, "Show energy"]);
    }));

  test("of a damaged or foreign record are told as if there were none", async () => {
    for (const text of ["{", "[]", '{"format": 1}', RECORD.replace("a.lace", "b.lace")])
      await withClient({ files: { "/w/run.json": text } }, async (client) => {
        expect(await titles(client)).toEqual(["Plan", "Show energy", "Show energy"]);
      });
  });
});

describe("commands", () => {
  const execute = <R>(client: LanguageClient, command: string, ...args: unknown[]): Promise<R> =>
    client.request<R>("workspace/executeCommand", { command, arguments: args });
  const withScript = (
    options: ClientOptions,
    body: (client: LanguageClient) => Promise<void>,
    text = SCRIPT,
  ): Promise<void> =>
    withClient(options, async (client) => {
      await client.open(A, text);
      await body(client);
    });

  test("a run is given the open text, tells its steps and its pictures, and gives what it made", async () => {
    const asked: RunRequest[] = [];
    const runs: ScriptRuns = {
      run: (request, onStep) => {
        asked.push(request);
        onStep({ message: "sample s", part: 0.5 });
        onStep({ message: "wrote", wrote: "/w/s.png" });
        return Promise.resolve({ ok: true, message: "done", outputs: ["/w/s.png"] });
      },
    };
    await withScript({ server: { runs } }, async (client) => {
      const pictures: object[] = [];
      const progress: { kind: string; percentage?: number; message?: string }[] = [];
      client.connection.onNotification("lace/picture", (p: object) => void pictures.push(p));
      client.connection.onNotification("$/progress", (p: { value: { kind: string } }) => void progress.push(p.value));
      const end = await execute(client, "lace.runSmall", A);
      expect(end).toMatchObject({ ok: true, pictures: [uriOf("s.png")] });
      expect(asked).toEqual([
        { script: "/w/a.lace", out: "/w", engine: "auto", count: 4, texts: { "/w/a.lace": SCRIPT } },
      ]);
      expect(pictures).toEqual([{ script: A, picture: uriOf("s.png"), task: "s" }]);
      expect(progress.map((p) => p.kind)).toEqual(["begin", "report", "report", "end"]);
      expect(progress[1]).toMatchObject({ percentage: 50, message: "sample s" });
    });
  });

  test("a run is cancelled through its progress, and a second one of the script waits for no one: it is refused", async () => {
    let token: unknown;
    const runs: ScriptRuns = {
      run: (_, __, signal) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve({ ok: false, message: "cancelled", outputs: [] })),
        ),
    };
    await withScript({ server: { runs } }, async (client) => {
      const begun = new Promise<void>((resolve) =>
        client.connection.onNotification("$/progress", (p: { token: unknown }) => {
          token = p.token;
          resolve();
        }),
      );
      const run = execute<{ message: string }>(client, "lace.run", A);
      await begun;
      await expect(execute(client, "lace.run", A)).rejects.toThrow("running already");
      await client.connection.sendNotification("window/workDoneProgress/cancel", { token: token as string });
      expect((await run).message).toBe("cancelled");
    });
  });

  test("a run that nobody has asked for is not begun above its limit of images", () =>
    withScript({ server: { runs: idle } }, async (client) => {
      const run = (mostImages: number) => execute<{ message: string }>(client, "lace.run", A, { mostImages });
      expect(await run(7)).toMatchObject({ ok: true, message: "not run: 8 images are more than 7", pictures: [] });
      expect((await run(8)).message).toBe("done");
    }));

  test("a script with mistakes is not run", () =>
    withScript(
      { server: { runs: idle } },
      (client) => expect(execute(client, "lace.run", A)).rejects.toThrow("mistakes"),
      `${HEAD}let x = y\n`,
    ));

  test("the plan and the energy of a task are text", () =>
    withScript({}, async (client) => {
      expect(await execute(client, "lace.plan", A)).toContain("sample s from avatar");
      expect(await execute(client, "lace.showEnergy", A, "s")).toContain("hat is yes");
      expect(await execute(client, "lace.showEnergy", A, "e")).toContain("// step 0: smile");
      await expect(execute(client, "lace.showEnergy", A, "nothing")).rejects.toThrow("no task nothing");
    }));

  test("a code is explained from the page of errors", () =>
    withScript(
      {
        files: { "/docs/errors.md": "# E\n\n### L2001: unknown name\n\nWhat.\n\n### L2002: x\n" },
        server: { errorsPage: "file:///docs/errors.md" },
      },
      async (client) => {
        expect(await execute(client, "lace.explain", "l2001")).toBe("### L2001: unknown name\n\nWhat.\n");
      },
    ));

  test("a picture leads back to its task, by the recipe in it or by the record beside it", async () => {
    const line = SCRIPT.split("\n").findIndex((l) => l.startsWith("sample s"));
    const place = { uri: A, range: { start: { line, character: 7 }, end: { line, character: 8 } } };
    await withScript({ files: { "/w/run.json": RECORD } }, async (client) => {
      expect(await execute(client, "lace.reveal", uriOf("s.png"))).toEqual(place);
      expect(await execute(client, "lace.reveal", uriOf("other.png"))).toBeNull();
    });
  });

  test("an unknown command is refused", () =>
    withScript({}, (client) => expect(execute(client, "lace.nonsense", A)).rejects.toThrow("no command")));
});
