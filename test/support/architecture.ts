// The rules of the tree (ARCHITECTURE.md), as functions over a list of files: what test/architecture.test.ts asks of src/, and of lists
// in which a breach was planted. Every rule answers with its breaches, as sentences; none is no breach.
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import ts from "typescript";

/** A source and its path: relative to src/, except for the rules of documents, where it is relative to the repository. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

export interface Import {
  readonly from: string;
  /** A package as it is written; a file relative to src. */
  readonly to: string;
  /** `import type`: nothing is loaded. */
  readonly types: boolean;
  /** `import()`: loaded when it is reached. */
  readonly lazy: boolean;
}

/** The function, asked once of a file: a rule that is asked of many lists reads the files that they share once. */
function once<T>(read: (source: SourceFile) => T): (source: SourceFile) => T {
  const known = new WeakMap<SourceFile, { readonly value: T }>();
  return (source) => {
    const found = known.get(source) ?? { value: read(source) };
    known.set(source, found);
    return found.value;
  };
}

const treeOf = once(({ file, text }) => ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true));

function everyNode(source: SourceFile, visit: (node: ts.Node) => void): void {
  const walk = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, walk);
  };
  walk(treeOf(source));
}

/** All imports and re-exports, in the order of the files. An import type, `import("./a.js").A`, is one. */
export function importsOf(files: readonly SourceFile[]): readonly Import[] {
  return files.flatMap(importsOfOne);
}

const importsOfOne = once((source: SourceFile): readonly Import[] => {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, types: boolean, lazy = false): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    found.push({ from: source.file, to: target(source.file, specifier.text), types, lazy });
  };
  everyNode(source, (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
  });
  return found;
});

/** A package as it is written, a file relative to src. */
function target(from: string, specifier: string): string {
  return specifier.startsWith(".")
    ? posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.js$/, ".ts")
    : specifier;
}

/** Every name that a file uses as a variable, not as a property: `process` of `process.exit`. */
export const variablesOf = once((source: SourceFile): ReadonlySet<string> => {
  const names = new Set<string>();
  everyNode(source, (node) => {
    if (ts.isIdentifier(node) && !isPropertyName(node)) names.add(node.text);
  });
  return names;
});

function isPropertyName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) &&
      parent.name === node)
  );
}

const show = ({ from, to }: Import): string => `${from} imports ${to}`;

/**
 * Rule 1: imports stay in their room or go up the list of rooms.
 * A room is a folder (`graph/`) or a file; a file belongs to the room with the longest name that it begins with.
 */
export function orderBreaches(files: readonly SourceFile[], rooms: readonly string[]): readonly string[] {
  const names = new Set(files.map((f) => f.file));
  const rank = (file: string): number => {
    const matches = rooms.filter((room) => (room.endsWith("/") ? file.startsWith(room) : file === room));
    const [longest] = matches.sort((a, b) => b.length - a.length);
    return longest === undefined ? -1 : rooms.indexOf(longest);
  };
  const homeless = files.filter((f) => rank(f.file) < 0).map((f) => `${f.file} is in no room`);
  const down = importsOf(files).filter((i) => names.has(i.to) && rank(i.to) > rank(i.from));
  return [...homeless, ...down.map(show)];
}

/** Rule 2: no circle of files, imports of types included. Each circle is told once, as its shortest round from its first file. */
export function circles(files: readonly SourceFile[]): readonly string[] {
  const names = new Set(files.map((f) => f.file));
  const next = new Map<string, Set<string>>();
  for (const { from, to } of importsOf(files)) if (names.has(to)) next.set(from, (next.get(from) ?? new Set()).add(to));
  const told = new Set<string>();
  const found: string[] = [];
  for (const file of [...names].sort()) {
    if (told.has(file)) continue;
    const round = shortestRound(file, next);
    if (round === undefined) continue;
    for (const f of round) told.add(f);
    found.push([...round, file].join(" -> "));
  }
  return found;
}

/** Breadth first from a file until it is reached again: the files on the way, itself first. */
function shortestRound(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const before = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const to of next.get(file) ?? []) {
      if (to === start) {
        const round = [file];
        for (let f = file; f !== start;) {
          f = before.get(f) ?? start;
          round.unshift(f);
        }
        return round;
      }
      if (before.has(to)) continue;
      before.set(to, file);
      queue.push(to);
    }
  }
  return undefined;
}

/** Packages that hold machine code, or that are made for Node. */
const OF_NODE =
  /^(node:.*|sharp|commander|picocolors|tinyglobby|webgpu|onnxruntime-node|@tensorflow\/tfjs-node(-gpu)?|@huggingface\/transformers)$/;
/** Where Node may be touched. */
const NODE_ROOMS = /^(node|cli)\/|^(node|worker)\.ts$/;

/** Rule 3: `node:`, packages of Node and names that only Node has are used in src/node, src/cli, src/node.ts and src/worker.ts alone. */
export function nodeBreaches(files: readonly SourceFile[]): readonly string[] {
  const elsewhere = files.filter((f) => !NODE_ROOMS.test(f.file));
  const imported = importsOf(elsewhere).filter((i) => OF_NODE.test(i.to));
  const globals = ["Buffer", "process", "require", "__dirname", "NodeJS"];
  const used = elsewhere.flatMap((f) => {
    const names = variablesOf(f);
    return globals.filter((name) => names.has(name)).map((name) => `${f.file} uses ${name}`);
  });
  return [...imported.map(show), ...used];
}

/** What the command line may take: verbs, what is said of scripts and events, this machine, and what serves on it: editors, the studio, pieces of a queue. */
const OF_CLI =
  /^(cli|app|parser|ports|source)\/|^node\/(platform|language-server|editor-run|studio-server|serve-studio-engine|many\/serve-pieces)\.ts$/;

/** Rule 4: app knows neither node nor cli, and cli reaches everything else through app and the factory of this machine's Platform. */
export function verbBreaches(files: readonly SourceFile[]): readonly string[] {
  return importsOf(files)
    .filter(
      ({ from, to }) =>
        (from.startsWith("app/") && /^((node|cli)\/|(node|worker)\.ts$)/.test(to)) ||
        (from.startsWith("cli/") && to.endsWith(".ts") && !OF_CLI.test(to)),
    )
    .map(show);
}

/**
 * Rule 5: what others take from passes/ is a graph and gives a graph; graph/ knows neither energies nor what is made of it.
 * Helpers that the passes share among themselves may have any form.
 */
export function passBreaches(files: readonly SourceFile[]): readonly string[] {
  const isPass = /^compiler\/passes\//;
  const breaches = importsOf(files)
    .filter(({ from, to }) => from.startsWith("compiler/graph/") && /^compiler\/(?!graph\/)/.test(to))
    .map(show);
  for (const source of files) {
    if (isPass.test(source.file)) continue;
    for (const node of treeOf(source).statements) {
      if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) continue;
      const from = target(source.file, node.moduleSpecifier.text);
      const pass = isPass.test(from) ? files.find((f) => f.file === from) : undefined;
      const bindings = node.importClause?.namedBindings;
      if (pass === undefined || bindings === undefined || !ts.isNamedImports(bindings)) continue;
      const types = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      for (const element of bindings.elements) {
        const { text } = element.propertyName ?? element.name;
        if (!types && !element.isTypeOnly && !isGraphToGraph(pass, text))
          breaches.push(`${source.file} imports ${text} of ${from}, which is not graph -> graph`);
      }
    }
  }
  return breaches;
}

function isGraphToGraph(source: SourceFile, name: string): boolean {
  return treeOf(source).statements.some(
    (s) =>
      ts.isFunctionDeclaration(s) &&
      s.name?.text === name &&
      s.parameters[0]?.type?.getText() === "Graph" &&
      s.type?.getText() === "Graph",
  );
}

/**
 * Rule 6: a door for browsers bundles, with the packages it needs, and nothing of Node is left in the bundle.
 * `door` is a file of the list; files of the list stand for those on disk.
 */
export async function browserBreaches(files: readonly SourceFile[], door: string): Promise<readonly string[]> {
  const src = fileURLToPath(new URL("../../src/", import.meta.url));
  const texts = new Map(files.map((f) => [src + f.file, f.text]));
  const unresolved: string[] = [];
  const bundle = await rolldown({
    input: src + door,
    platform: "browser",
    logLevel: "silent",
    plugins: [
      {
        name: "files-of-the-list",
        resolveId(specifier, importer) {
          if (texts.has(specifier)) return specifier;
          if (OF_NODE.test(specifier)) {
            unresolved.push(`${door} reaches ${specifier} by ${importer?.replace(src, "") ?? "itself"}`);
            return { id: specifier, external: true };
          }
          if (importer === undefined || !texts.has(importer) || !specifier.startsWith(".")) return null;
          const file = src + target(importer.slice(src.length), specifier);
          return texts.has(file) ? file : null;
        },
        load: (id) => {
          const text = texts.get(id);
          return text === undefined ? null : { code: text, moduleType: "ts" };
        },
      },
    ],
  });
  const { output } = await bundle.generate({ format: "esm" });
  await bundle.close();
  const own = new Set(output.map((o) => o.fileName));
  const outside = output
    .flatMap((o) => (o.type === "chunk" ? [...o.imports, ...o.dynamicImports] : []))
    .filter((i) => !own.has(i) && !OF_NODE.test(i));
  return [...unresolved, ...outside.map((i) => `${door} leaves ${i} outside its bundle`)];
}

/** Rule 7: no two exported types, interfaces, classes or enums have one name. Re-exports of one declaration are no second type. */
export function twinTypes(files: readonly SourceFile[]): readonly string[] {
  const homes = new Map<string, string[]>();
  for (const source of files)
    for (const s of treeOf(source).statements) {
      const declares =
        ts.isInterfaceDeclaration(s) ||
        ts.isTypeAliasDeclaration(s) ||
        ts.isClassDeclaration(s) ||
        ts.isEnumDeclaration(s);
      if (!declares || !s.modifiers?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) continue;
      const name = s.name?.text ?? "default";
      homes.set(name, [...(homes.get(name) ?? []), source.file]);
    }
  return [...homes]
    .filter(([, at]) => new Set(at).size > 1)
    .map(([name, at]) => `${name} is exported by ${at.join(" and ")}`);
}

/**
 * Rule 8: every document that a comment or a page names is there. Code is read for its comments, pages and Python for all of their text;
 * in pages, paths of this repository in code spans are held to the same. A name counts from the file's folder or from the repository's.
 */
export function missingDocuments(files: readonly SourceFile[], exists: (path: string) => boolean): readonly string[] {
  return files.flatMap((source) => {
    const { file, text } = source;
    const page = file.endsWith(".md");
    const prose = /\.[cm]?[jt]s$/.test(file) ? commentsOf(source) : text;
    const names = new Set([...prose.matchAll(DOCUMENT)].map(([name]) => name));
    if (page) {
      for (const [, path = ""] of text.matchAll(SOURCE_PATH)) names.add(path);
      for (const [, link = ""] of text.matchAll(LINK)) names.add(link);
    }
    return [...names]
      .filter((name) => !exists(posix.normalize(name)) && !exists(posix.join(posix.dirname(file), name)))
      .map((name) => `${file} names ${name}`);
  });
}
/** A document's name, with or without folders, that is no part of an address. */
const DOCUMENT = /(?<![\w/.:-])(?:\.{0,2}[\w-]+\/)*[\w-]+\.(?:md|ebnf)\b/g;
/** A path of this repository in a code span: `src/parser/`, `src/index.ts`. */
const SOURCE_PATH = /`((?:src|test|docs|scripts|bench|grammar|training|\.github)\/[\w./-]*)`/g;
/** The target of a link that is no address, without its heading. */
const LINK = /\]\((?!\w+:|#)([^)#\s]+)/g;

/** The comments of a file, one after another; what follows two strokes in a string comes with them. */
function commentsOf({ text }: SourceFile): string {
  return [...text.matchAll(/\/\/.*|\/\*[^]*?\*\//g)].map(([comment]) => comment).join("\n");
}
