import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");

interface Import {
  readonly from: string;
  /** A package as it is written; a file relative to src. */
  readonly to: string;
  /** `import type`: nothing is loaded. */
  readonly types: boolean;
  /** `import()`: loaded when it is reached. */
  readonly lazy: boolean;
}
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((f) => f.endsWith(".ts"))
  .map((f) => f.replaceAll("\\", "/"))
  .sort();
const texts = new Map(files.map((f) => [f, readFileSync(join(src, f), "utf8")]));
const textOf = (file: string): string => texts.get(file) ?? "";

const imports: Import[] = [];
/** Every name that is used as a variable (not as a property), by file: `process` of `process.exit`. */
const variables = new Map<string, Set<string>>();
for (const file of files) {
  const names = new Set<string>();
  variables.set(file, names);
  const add = (specifier: ts.Node | undefined, types: boolean, lazy = false): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const local = text.startsWith(".")
      ? posix.normalize(posix.join(posix.dirname(file), text)).replace(/\.js$/, ".ts")
      : text;
    imports.push({ from: file, to: local, types, lazy });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    else if (ts.isIdentifier(node) && !isPropertyName(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, textOf(file), ts.ScriptTarget.ES2023, true));
}

function isPropertyName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) &&
      parent.name === node)
  );
}

/** The pipeline, top to bottom (STYLE.md, section 1); an import may stay in its stage or point up. */
const STAGES: readonly (readonly [string, RegExp])[] = [
  ["source", /^source\//],
  ["ports", /^ports\//],
  ["parser", /^parser\//],
  ["compiler", /^compiler\//],
  ["models", /^models\//],
  ["runtime", /^runtime\//],
  ["learn", /^learn\//],
  ["app", /^app\//],
  ["library", /^index\.ts$/],
  ["node", /^node\//],
  ["doors", /^(node|worker)\.ts$/],
  ["cli", /^cli\//],
];
const stageOf = (file: string): number => STAGES.findIndex(([, pattern]) => pattern.test(file));
const show = ({ from, to }: Import): string => `${from} imports ${to}`;

describe("the tree is the pipeline", () => {
  test("every source file belongs to a stage", () => {
    expect(files.filter((f) => stageOf(f) < 0)).toEqual([]);
  });

  test("imports only point up the pipeline", () => {
    const local = imports.filter((i) => files.includes(i.to));
    expect(local.length).toBeGreaterThan(100);
    expect(local.filter((i) => stageOf(i.to) > stageOf(i.from)).map(show)).toEqual([]);
  });

  test("every relative import names a file that exists", () => {
    const relativeImports = imports.filter((i) => /^\.|\.ts$/.test(i.to));
    expect(relativeImports.filter((i) => !files.includes(i.to)).map(show)).toEqual([]);
  });

  test("inside the compiler the checker, the energies and the graphs know no target, and no graph knows the checker", () => {
    const inside = (i: Import, a: RegExp, b: RegExp): boolean => a.test(i.from) && b.test(i.to);
    const breaches = imports.filter(
      (i) =>
        inside(i, /^compiler\/(check|energy|graph|passes)\//, /^compiler\/targets\//) ||
        inside(i, /^compiler\/(graph|passes|targets)\//, /^compiler\/(check\/|link|lower)/) ||
        inside(i, /^compiler\/graph\//, /^compiler\/passes\//),
    );
    expect(breaches.map(show)).toEqual([]);
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
    expect(breaches.map(show)).toEqual([]);
  });

  test("the way to the gradients, read-outs and syntheses of a task is compileTask", () => {
    // The painter draws images without a task, labelling has no energies, training has graphs of its own.
    const others = [
      ...["compileTask", "compileSynthesis", "compileMapping", "compileWishGradient", "compileRowMapping"],
      ...["compileHeadOutputs", "compileTrainingGradient", "buildAdam"],
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
    expect(breaches.map(show)).toEqual([]);
  });
});

describe("the compiler runs in a browser", () => {
  const pure = files.filter((f) => !/^(node|cli)\/|^(node|worker)\.ts$/.test(f));
  const nodePackages = [
    "sharp",
    "onnxruntime-node",
    "webgpu",
    "@tensorflow/tfjs-node",
    "@tensorflow/tfjs-node-gpu",
    "commander",
  ];

  test("files outside src/node import nothing of Node, nor a file that may", () => {
    const breaches = imports.filter((i) => {
      if (i.types || !pure.includes(i.from)) return false;
      return i.to.startsWith("node:") || /^(node\/|node\.ts|worker\.ts)/.test(i.to) || nodePackages.includes(i.to);
    });
    expect(breaches.map(show)).toEqual([]);
  });

  test("files outside src/node use neither Buffer nor process nor require", () => {
    expect(variables.get("cli/io.ts")?.has("process")).toBe(true); // the names are really found
    const ofNode = ["Buffer", "process", "require", "__dirname", "NodeJS"];
    const breaches = pure.filter((f) => ofNode.some((name) => variables.get(f)?.has(name)));
    expect(breaches).toEqual([]);
  });

  test("only the command line touches the console", () => {
    expect(files.filter((f) => !f.startsWith("cli/") && variables.get(f)?.has("console"))).toEqual([]);
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
      /^(onnxruntime|sharp|@tensorflow|protobufjs|webgpu)|^runtime\/(engine|execute|image|ode|sample)\/|^compiler\/targets\//;
    expect(loaded.filter((f) => heavy.test(f))).toEqual([]);
  });
});

describe("files are of a size to read", () => {
  test("no source file is longer than 450 lines, unless its header says why", () => {
    const long = files.filter((f) => {
      const text = textOf(f);
      const header = text.slice(0, text.search(/^(?!\/\/)/m));
      return text.split("\n").length > 450 && !/long because/i.test(header);
    });
    expect(long).toEqual([]);
  });

  test("every source file begins with a comment on what it is", () => {
    const bare = files.filter((f) => !/^(#!.*\n)?\/\/ \S/.test(textOf(f)));
    expect(bare).toEqual([]);
  });

  test("there is no module-level let, no TODO without an issue number", () => {
    const breaches = files.filter((f) => /^(export )?let /m.test(textOf(f)) || /\bTODO\b(?!\(#\d+\))/.test(textOf(f)));
    expect(breaches).toEqual([]);
  });
});
