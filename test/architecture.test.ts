import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  browserBreaches,
  circles,
  importsOf,
  missingDocuments,
  nodeBreaches,
  orderBreaches,
  passBreaches,
  twinTypes,
  variablesOf,
  verbBreaches,
  type SourceFile,
} from "./support/architecture.js";

const root = fileURLToPath(new URL("..", import.meta.url));

function read(folder: string, wanted: RegExp, skip = /^$/): readonly SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((f) => f.replaceAll("\\", "/"))
    .filter((f) => wanted.test(f) && !skip.test(f))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(root, folder, file), "utf8") }));
}
const sources = read("src", /\.ts$/);
const files = sources.map((s) => s.file);
const imports = importsOf(sources);
const textOf = (file: string): string => sources.find((s) => s.file === file)?.text ?? "";

/** The rooms of src/, bottom up: imports point to an earlier one (ARCHITECTURE.md). */
const ROOMS = [
  "source/",
  "ports/",
  "parser/",
  // compiler
  "compiler/residuals.ts",
  "compiler/attribute.ts",
  "compiler/axes.ts",
  "compiler/defaults.ts",
  "compiler/predicate.ts",
  "compiler/onnx-network.ts",
  "compiler/decoder.ts",
  "compiler/picture-head.ts",
  "compiler/weights.ts",
  "compiler/head-table.ts",
  "compiler/latent-table.ts",
  "compiler/synthesis-weights.ts",
  "compiler/graph/",
  "compiler/passes/",
  "compiler/targets/",
  "compiler/link.ts",
  "compiler/sampling/",
  "compiler/energy/",
  "compiler/plan.ts",
  "compiler/check/",
  "compiler/lower.ts",
  "compiler/references.ts",
  "compiler/analyse.ts",
  "compiler/build/",
  "compiler/print.ts",
  "compiler/diff-plans.ts",
  "models/",
  ...["ode", "sample", "image", "services", "recipe", "plan", "draw", "show", "record", "run"].map(
    (room) => `runtime/${room}/`,
  ),
  "runtime/execute.ts",
  "learn/",
  "app/",
  "lsp/",
  "lsp.ts",
  "lsp-worker.ts",
  "browser/",
  "index.ts",
  "language.ts",
  "node/",
  "node.ts",
  "worker.ts",
  "cli/",
];
const BROWSER_DOORS = ["index.ts", "language.ts", "lsp.ts", "lsp-worker.ts"];

/** The list with a file more, or with a line more in a file of it. */
function planted(file: string, text: string): readonly SourceFile[] {
  const before = sources.find((s) => s.file === file);
  return [...sources.filter((s) => s !== before), { file, text: `${before?.text ?? ""}\n${text}\n` }];
}
/** What a rule says of the list with a breach, beyond what it says of the list. */
function added(rule: (files: readonly SourceFile[]) => readonly string[], file: string, text: string): string[] {
  const before = rule(sources);
  return rule(planted(file, text)).filter((b) => !before.includes(b));
}

describe("imports point up the list of rooms", () => {
  const rule = (list: readonly SourceFile[]): readonly string[] => orderBreaches(list, ROOMS);

  test("in the tree", () => {
    expect(imports.filter((i) => files.includes(i.to)).length).toBeGreaterThan(1000);
    expect(rule(sources)).toEqual([]);
  });

  test.each([
    ["compiler/graph/graph.ts", "../../runtime/execute.js", "runtime/execute.ts"],
    ["compiler/graph/graph.ts", "../passes/fold.js", "compiler/passes/fold.ts"],
    ["source/span.ts", "../parser/ast.js", "parser/ast.ts"],
    ["compiler/energy/energy.ts", "../build/energy.js", "compiler/build/energy.ts"],
    ["runtime/ode/solver.ts", "../draw/solves.js", "runtime/draw/solves.ts"],
    ["runtime/draw/solves.ts", "../show/painter.js", "runtime/show/painter.ts"],
  ])("and %s that takes a type of %s breaks it", (file, specifier, to) => {
    expect(added(rule, file, `import type { X } from "${specifier}";`)).toEqual([`${file} imports ${to}`]);
  });

  test("and a file in no room breaks it", () => {
    expect(added(rule, "helpers/util.ts", "")).toEqual(["helpers/util.ts is in no room"]);
  });

  test("every relative import names a file that is there", () => {
    const strays = imports.filter((i) => /^\.|\.ts$/.test(i.to) && !files.includes(i.to));
    expect(strays).toEqual([]);
  });
});

describe("no circle of files", () => {
  test("in the tree", () => {
    expect(circles(sources)).toEqual([]);
  });

  test("and two files that take types of each other are one, told from the first", () => {
    const round = [
      { file: "a.ts", text: 'import type { B } from "./b.js"; export type A = B;' },
      { file: "b.ts", text: 'export { C } from "./c.js"; export type B = 1;' },
      { file: "c.ts", text: 'export const C = (x: import("./a.js").A) => x;' },
      { file: "d.ts", text: 'import "./a.js";' },
    ];
    expect(circles(round)).toEqual(["a.ts -> b.ts -> c.ts -> a.ts"]);
    expect(circles(round.slice(1))).toEqual([]);
  });
});

describe("Node is touched in src/node, src/cli and the doors for Node alone", () => {
  test("in the tree", () => {
    expect(nodeBreaches(sources)).toEqual([]);
    const ofNode = importsOf(sources).filter((i) => i.to.startsWith("node:"));
    expect(ofNode.length).toBeGreaterThan(10); // the imports are really found
  });

  test.each([
    ['import { readFileSync } from "node:fs";', "imports node:fs"],
    ['import type { Sharp } from "sharp";', "imports sharp"],
    ['export const load = () => import("onnxruntime-node");', "imports onnxruntime-node"],
    ["export const bytes = Buffer.from([1]);", "uses Buffer"],
    ["export const home = process.cwd();", "uses process"],
  ])("and %s elsewhere breaks it", (text, breach) => {
    expect(added(nodeBreaches, "runtime/execute.ts", text)).toEqual([`runtime/execute.ts ${breach}`]);
    expect(added(nodeBreaches, "node/planted.ts", text)).toEqual([]);
  });

  test("only the command line touches the console", () => {
    const breaches = sources.filter((s) => !s.file.startsWith("cli/") && variablesOf(s).has("console"));
    expect(breaches.map((s) => s.file)).toEqual([]);
  });
});

describe("app holds the verbs", () => {
  test("in the tree", () => {
    expect(imports.filter((i) => /^(cli|app)\//.test(i.from)).length).toBeGreaterThan(200); // the imports are really found
    expect(verbBreaches(sources)).toEqual([]);
  });

  test.each([
    ["app/planted.ts", "../node/host.js", "node/host.ts"],
    ["app/planted.ts", "../node.js", "node.ts"],
    ["app/planted.ts", "../cli/run.js", "cli/run.ts"],
    ["cli/planted.ts", "../runtime/execute.js", "runtime/execute.ts"],
    ["cli/planted.ts", "../learn/train/trainer.js", "learn/train/trainer.ts"],
    ["cli/planted.ts", "../compiler/link.js", "compiler/link.ts"],
    ["cli/planted.ts", "../models/pack/pack.js", "models/pack/pack.ts"],
    ["cli/planted.ts", "../node/host.js", "node/host.ts"],
  ])("and %s that takes %s breaks it", (file, specifier, to) => {
    expect(added(verbBreaches, file, `import type { X } from "${specifier}";`)).toEqual([`${file} imports ${to}`]);
  });
});

describe("a pass is graph -> graph, and graphs know nothing of energies", () => {
  test("in the tree", () => {
    expect(passBreaches(sources)).toEqual([]);
  });

  test("and a helper of the passes that is used outside them breaks it", () => {
    expect(
      added(passBreaches, "compiler/lower.ts", 'import { finishMapped as n } from "./passes/rewrite.js";'),
    ).toEqual(["compiler/lower.ts imports finishMapped of compiler/passes/rewrite.ts, which is not graph -> graph"]);
  });

  test("and a graph that takes a type of an energy breaks it", () => {
    const text = 'import type { Energy } from "../energy/energy.js";';
    expect(added(passBreaches, "compiler/graph/graph.ts", text)).toEqual([
      "compiler/graph/graph.ts imports compiler/energy/energy.ts",
    ]);
  });
});

describe("graphs are made in one place", () => {
  /** The names that a file imports from another, by the file's text. */
  function namesFrom(file: string, pattern: RegExp): string[] {
    return [...textOf(file).matchAll(/import (?:type )?\{([^}]*)\} from "([^"]+)"/g)].flatMap(
      ([, names = "", from = ""]) =>
        pattern.test(from) ? names.split(",").map((n) => n.trim().replace(/^type /, "")) : [],
    );
  }

  test("outside the compiler no one builds a graph or runs a pass, but for what engines do with theirs, their trial and the speed test", () => {
    const own = ["node/engines/ort.ts", "node/engines/open.ts", "runtime/services/speed.ts"];
    const breaches = imports.filter(
      (i) =>
        !i.from.startsWith("compiler/") &&
        !own.includes(i.from) &&
        /^compiler\/(passes\/|graph\/builder\.ts$)/.test(i.to),
    );
    expect(breaches).toEqual([]);
  });

  test("the way to the gradients, read-outs and syntheses of a task is compileTask", () => {
    // The painter draws images without a task, labelling has no energies; training, ONNX files and searches for latents have graphs of
    // their own; a network over pictures is tried before anything is drawn.
    const others = [
      ...["compileTask", "compileSynthesis", "compileMapping", "compileWishGradient", "compileRowMapping"],
      ...["compileHeadOutputs", "compileTrainingGradient", "buildAdam", "compileOnnxNetwork", "compileMappingFit"],
      ...["compileLikeness", "compileThumbnails", "compilePictureReadout", "compilePreview", "compileEncoder"],
      ...["compileStyleReading", "compileTuning", "compileFeatures"],
    ];
    const used = files
      .filter((f) => !f.startsWith("compiler/"))
      .flatMap((f) => namesFrom(f, /compiler\/build\//).filter((n) => /^(build|compile)[A-Z]/.test(n)));
    expect(used).toContain("compileTask");
    expect(used.filter((n) => !others.includes(n))).toEqual([]);
  });

  test("passes take graphs to graphs, and the graph IR knows no energy, no model and no pass", () => {
    const breaches = imports.filter(
      (i) =>
        (i.from.startsWith("compiler/passes/") && !/^(source|compiler\/(graph|passes))\//.test(i.to)) ||
        (i.from.startsWith("compiler/graph/") && !/^(source|compiler\/graph)\//.test(i.to)),
    );
    expect(breaches).toEqual([]);
  });
});

describe("the doors for browsers bundle without Node", () => {
  test.each(BROWSER_DOORS)("%s", async (door) => {
    expect(await browserBreaches(sources, door)).toEqual([]);
  });

  test("and one that reaches Node through another file breaks it", async () => {
    const reaching = [
      { file: "planted.ts", text: 'export { a } from "./a.js"; export const b = () => import("sharp");' },
      { file: "a.ts", text: 'import { readFileSync } from "node:fs"; export const a = readFileSync;' },
    ];
    expect(await browserBreaches(reaching, "planted.ts")).toEqual([
      "planted.ts reaches sharp by planted.ts",
      "planted.ts reaches node:fs by a.ts",
    ]);
  });
});

describe("no two exported types have one name", () => {
  test("in the tree", () => {
    expect(twinTypes(sources)).toEqual([]);
  });

  test("and a second one breaks it, but a re-export and a type that is kept inside do not", () => {
    expect(added(twinTypes, "cli/planted.ts", "export interface Graph { readonly x: number }")).toEqual([
      "Graph is exported by compiler/graph/graph.ts and cli/planted.ts",
    ]);
    const harmless = 'export type { Graph } from "../compiler/graph/graph.js"; interface Node { readonly x: 1 }';
    expect(added(twinTypes, "cli/planted.ts", harmless)).toEqual([]);
  });
});

describe("every document that is named is there", () => {
  const exists = (path: string): boolean => existsSync(join(root, path));

  test("on the map, in CONTRIBUTING and in the decisions, code too", () => {
    const pages = [
      ...["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "README.md"].map((file) => ({
        file,
        text: readFileSync(join(root, file), "utf8"),
      })),
      ...read("docs/decisions", /\.md$/).map((s) => ({ ...s, file: `docs/decisions/${s.file}` })),
    ];
    expect(pages[0]?.text.match(/`src\/[\w./-]+`/g)?.length).toBeGreaterThan(50); // the names are really found
    expect(missingDocuments(pages, exists)).toEqual([]);
  });

  test("in comments of code and tests, in Python, and in all pages", () => {
    const folders = ["src", "test", "bench", "scripts", "training", "docs"].filter(exists);
    const all = folders.flatMap((folder) =>
      read(folder, /\.([cm]?[jt]s|py|md)$/, /(^|\/)(node_modules|fixtures|architecture\.test\.ts)/).map((s) => ({
        ...s,
        file: `${folder}/${s.file}`,
      })),
    );
    expect(all.length).toBeGreaterThan(500);
    expect(missingDocuments(all, exists)).toEqual([]);
  });

  test("and one that is not breaks it, in a comment, a page, a link or a path in a code span", () => {
    const plans = [
      { file: "src/a.ts", text: '// See PLAN.md, 2.\nexport const a = "NOTES.md"; // and docs/solvers.md' },
      {
        file: "src/b.ts",
        text: "export function b(): void {\n  /* docs/plan.md */\n}\n// README.md, PLAN.md at the end",
      },
      {
        file: "docs/c.md",
        text: "[this](plan.md#x), [that](solvers.md), [there](https://a.org/b.md), `src/nowhere/a.ts`",
      },
      { file: "bench/d.py", text: '"""Written from PLAN.md."""' },
    ];
    expect(missingDocuments(plans, exists)).toEqual([
      "src/a.ts names PLAN.md",
      "src/b.ts names docs/plan.md",
      "src/b.ts names PLAN.md",
      "docs/c.md names plan.md",
      "docs/c.md names src/nowhere/a.ts",
      "bench/d.py names PLAN.md",
    ]);
  });
});

describe("a quick start", () => {
  /** Everything that is loaded with a file, before any import() is reached. */
  function loadedWith(file: string, seen = new Set<string>()): Set<string> {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const i of imports) if (i.from === file && !i.types && !i.lazy) loadedWith(i.to, seen);
    return seen;
  }

  test.each(["main", "check", "fmt", "explain"])("lacec %s loads no engine, no image library, no executor", (verb) => {
    const loaded = [...loadedWith(`cli/${verb}.ts`)];
    expect(loaded.length).toBeGreaterThan(3);
    const heavy =
      /^(onnxruntime|sharp|@tensorflow|protobufjs|webgpu)|^runtime\/(execute|image|ode|sample|draw|show)|^node\/engines\/|^compiler\/targets\//;
    expect(loaded.filter((f) => heavy.test(f))).toEqual([]);
  });
});

describe("files are of a size to read", () => {
  const lines = (text: string): number => text.split("\n").length - 1;

  test("the median file has 80 to 150 lines", () => {
    const sizes = sources.map((s) => lines(s.text)).sort((a, b) => a - b);
    const median = sizes[Math.floor(sizes.length / 2)];
    expect(median).toBeGreaterThanOrEqual(80);
    expect(median).toBeLessThanOrEqual(150);
  });

  test("the largest room has at most 30% of all lines", () => {
    const rooms = new Map<string, number>();
    for (const { file, text } of sources) {
      const room = file.includes("/") ? file.slice(0, file.indexOf("/")) : "doors";
      rooms.set(room, (rooms.get(room) ?? 0) + lines(text));
    }
    const all = [...rooms.values()].reduce((a, b) => a + b, 0);
    expect([...rooms].filter(([, size]) => size > 0.3 * all)).toEqual([]);
    expect(rooms.size).toBeGreaterThan(8); // rooms are really told apart
  });

  test("no source file is longer than 450 lines, unless its header says why", () => {
    const long = sources.filter(({ text }) => {
      const header = text.slice(0, text.search(/^(?!\/\/)/m));
      return text.split("\n").length > 450 && !/long because/i.test(header);
    });
    expect(long.map((s) => s.file)).toEqual([]);
  });

  test("every source file begins with a comment on what it is", () => {
    expect(sources.filter(({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text)).map((s) => s.file)).toEqual([]);
  });

  test("there is no module-level let, no TODO without an issue number", () => {
    const breaches = files.filter((f) => /^(export )?let /m.test(textOf(f)) || /\bTODO\b(?!\(#\d+\))/.test(textOf(f)));
    expect(breaches).toEqual([]);
  });
});
