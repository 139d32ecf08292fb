// Link: the entry file and everything it imports, each parsed once.
// In: a path and a reader of files. Out: Program, the modules with their imports and references resolved.
// Invariants: no cycles; `files` has dependencies before their users and the entry last; the same file reached by two
// paths is one LinkedFile; a file's tasks, expectations and saves are kept only in its tree: check looks at the entry's.
import type { Damage } from "../parser/lenient.js";
import { parseLenient, type LenientParse } from "../parser/parse.js";
import type { Expr, ImportDecl, Module, Setting, StringLit } from "../parser/ast.js";
import { walk, type AnyNode } from "../parser/walk.js";
import type { Diagnostic, Outcome } from "../source/diagnostic.js";
import { NOWHERE, type Span } from "../source/span.js";

/** The part of a Host that linking needs. */
export interface SourceReader {
  readText(path: string): Promise<string>;
  exists(path: string): Promise<boolean>;
  /** Absolute path of `reference` as named in `fromFile`. */
  resolve(fromFile: string, reference: string): string;
  /** The same for what a `model` comes from, which may be a name; without it, `resolve` does. */
  resolveModel?(fromFile: string, reference: string): string;
  /** Trees that are kept from one linking to the next, as an editor does; without it, each text is parsed. */
  parse?(text: string, path: string): LenientParse;
}

export interface LinkedImport {
  readonly decl: ImportDecl;
  readonly file: LinkedFile;
}
export interface LinkedFile {
  /** As shown to people; the `file` of every span in it. */
  readonly path: string;
  /** As the reader resolves it: what it is read by. */
  readonly resolved: string;
  readonly module: Module;
  readonly imports: readonly LinkedImport[];
  /** What its mistakes of grammar, and imports that could not be read, may have hidden. */
  readonly damage: Damage;
  /** The resolved form of each path after `from` in this file. */
  readonly references: ReadonlyMap<string, string>;
}
export interface Program {
  readonly entry: LinkedFile;
  readonly files: readonly LinkedFile[];
  /** The text of each file by its shown path, for rendering and for quoting. */
  readonly sources: ReadonlyMap<string, string>;
  /** Whether nothing stopped the reading of any file: only then is it the whole script. */
  readonly complete: boolean;
}
/** The texts are there even when an error stopped the linking: its diagnostics need them to be shown. */
export interface LinkOutcome extends Outcome<Program> {
  readonly sources: ReadonlyMap<string, string>;
}

/** A model that tasks of the entry can name. The caller loads it before `check`. */
export interface ModelReference {
  readonly alias: string;
  readonly reference: string;
  readonly span: Span;
}

/**
 * Reads and parses a script and its imports.
 *
 * Errors   L1xxx of the parser; L2021 for an import that is missing or unreadable; L2022 for a cycle. The value is then what could
 *          be read (not `complete`), for `analyse` to look at; an unreadable entry is L2021 at no place (NOWHERE), without value.
 */
export async function link(entryFile: string, reader: SourceReader): Promise<LinkOutcome> {
  const linker = new Linker(reader);
  const entry = await linker.entry(entryFile);
  const diagnostics = linker.diagnostics;
  const complete = !diagnostics.some((d) => d.severity === "error");
  return {
    ...(entry !== undefined && { value: { entry, files: linker.files, sources: linker.sources, complete } }),
    diagnostics,
    sources: linker.sources,
  };
}

/** The models that the entry declares or imports, in source order, without repeats. */
export function modelsOf(program: Program): readonly ModelReference[] {
  const found = new Map<string, ModelReference>();
  const add = (file: LinkedFile, only: ReadonlySet<string> | undefined): void => {
    for (const item of file.module.items) {
      if (item.kind !== "ModelDecl" || (only !== undefined && !only.has(item.name.text))) continue;
      const reference = file.references.get(item.path.value) ?? item.path.value;
      if (!found.has(item.name.text)) found.set(item.name.text, { alias: item.name.text, reference, span: item.span });
    }
  };
  for (const { decl, file } of program.entry.imports) {
    add(file, decl.names === undefined ? undefined : new Set(decl.names.map((n) => n.text)));
  }
  add(program.entry, undefined);
  return [...found.values()];
}

/** The resolved paths of the files of heads that declarations name, those of imported files too, without repeats. */
export function headFilesOf(program: Program): readonly string[] {
  const found = program.files.flatMap(({ module, references }) =>
    module.items.flatMap((item) =>
      item.kind === "AttributeDecl" && item.from !== undefined
        ? [references.get(item.from.value) ?? item.from.value]
        : [],
    ),
  );
  return [...new Set(found)];
}

/** The resolved paths of the files that tasks of the entry start from, without repeats: of latents, and photographs with what lies beside them. */
export function startFilesOf({ entry }: Program): Readonly<Record<Start["kind"], readonly string[]>> {
  const of = (kind: Start["kind"]): readonly string[] => {
    const own = startsOf(entry.module).filter((start) => start.kind === kind);
    const beside = kind === "photo" ? entry.module.items.flatMap(filesOfPhoto) : [];
    const paths = [...own.map(({ path }) => path), ...beside];
    return [...new Set(paths.map(({ value }) => entry.references.get(value) ?? value))];
  };
  return { latents: of("latents"), photo: of("photo") };
}

/** What a photograph names besides the picture: its encoder, a file of landmarks. */
function filesOfPhoto(item: Module["items"][number]): readonly StringLit[] {
  if (item.kind !== "PhotoDecl") return [];
  return item.settings.flatMap((s) => {
    if (s.kind !== "EncoderSetting" && s.kind !== "LandmarksSetting") return [];
    return s.path ?? [];
  });
}

/** The files beside models and heads that the energies and tasks of a module look at pictures with, or that photographs name, with the name that a recipe asks for them by. */
export function networksOf({
  items,
}: Pick<Module, "items">): readonly { readonly name: string; readonly path: StringLit }[] {
  const found: { readonly name: string; readonly path: StringLit }[] = [];
  for (const item of items) {
    const owner = "name" in item ? item.name.text : "target" in item ? item.target.text : undefined;
    if (owner === undefined) continue;
    const counts = new Map<string, number>();
    const add = (what: string, path: StringLit | undefined): void => {
      if (path === undefined) return;
      const count = (counts.get(what) ?? 0) + 1;
      counts.set(what, count);
      found.push({ name: `${owner}.${what}${count === 1 ? "" : count}`, path });
    };
    walk(item, (node) => {
      const at = node as AnyNode & (Setting | Expr);
      if (at.kind === "KeepSetting") add("identity", at.by);
      if (at.kind === "CompareSetting") add("identity", at.by);
      if (at.kind === "EncoderSetting") add("encoder", at.path);
      if (at.kind === "LandmarksSetting") add("landmarks", at.path);
      if (at.kind === "PromptExpr") add("clip", at.by);
      if (at.kind !== "LikeExpr") return;
      add("picture", at.picture);
      add("mask", at.mask);
      add("network", at.by);
    });
  }
  return found;
}

/** A file that a task starts from. */
export interface Start {
  readonly kind: "latents" | "photo";
  readonly path: StringLit;
}

/** What the tasks of a file start from. */
export function startsOf({ items }: Pick<Module, "items">): readonly Start[] {
  return items.flatMap((item): readonly Start[] => {
    if (item.kind === "PhotoDecl") return [{ kind: "photo", path: item.path }];
    const settings = "settings" in item ? item.settings : [];
    return settings.flatMap((s) => (s.kind === "StartSetting" ? [{ kind: "latents" as const, path: s.path }] : []));
  });
}

class Linker {
  readonly sources = new Map<string, string>();
  readonly files: LinkedFile[] = [];
  readonly diagnostics: Diagnostic[] = [];
  /** By resolved path; absent while the file is being read, undefined after it failed. */
  private readonly done = new Map<string, LinkedFile | undefined>();
  private readonly open: { readonly resolved: string; readonly path: string }[] = [];

  constructor(private readonly reader: SourceReader) {}

  async entry(path: string): Promise<LinkedFile | undefined> {
    const text = await this.read(path);
    if (text !== undefined) return this.file(path, this.reader.resolve(path, baseName(path)), text);
    this.fail("L2021", NOWHERE, `cannot read \`${path}\``, [], []);
    return undefined;
  }

  private async file(path: string, resolved: string, text: string): Promise<LinkedFile> {
    this.sources.set(path, text);
    const { module, diagnostics, damage } = this.reader.parse?.(text, path) ?? parseLenient(text, path);
    for (const d of diagnostics) this.diagnostics.push(d);
    const names = new Set(damage.names);
    let { open } = damage;
    this.open.push({ resolved, path });
    const imports: LinkedImport[] = [];
    for (const item of module.items) {
      if (item.kind !== "ImportDecl") continue;
      const file = await this.follow(path, item.path);
      if (file !== undefined) {
        imports.push({ decl: item, file });
        file.damage.names.forEach((name) => names.add(name));
        if (file.damage.open) open = true;
      } else if (item.names === undefined) open = true;
      else item.names.forEach((name) => names.add(name.text));
    }
    this.open.pop();
    const references = this.references(path, module);
    const linked: LinkedFile = { path, resolved, module, imports, damage: { ...damage, names, open }, references };
    this.done.set(resolved, linked);
    this.files.push(linked);
    return linked;
  }

  private async follow(from: string, literal: StringLit): Promise<LinkedFile | undefined> {
    const resolved = this.reader.resolve(from, literal.value);
    if (this.done.has(resolved)) return this.done.get(resolved);
    const path = shownPath(from, literal.value);
    const start = this.open.findIndex((o) => o.resolved === resolved);
    if (start >= 0) {
      const chain = [...this.open.slice(start).map((o) => o.path), path].join(" -> ");
      const hint = "move the declarations that both need into a third file";
      this.fail(
        "L2022",
        literal.span,
        `these files import each other: ${chain}`,
        ["this import closes the circle"],
        [hint],
      );
      return undefined;
    }
    const text = await this.read(resolved);
    if (text === undefined) {
      const hint = `paths are relative to the file that names them; this one was looked for at ${resolved}`;
      this.fail("L2021", literal.span, `cannot read the imported file "${literal.value}"`, ["no such file"], [hint]);
      this.done.set(resolved, undefined);
      return undefined;
    }
    return this.file(path, resolved, text);
  }

  /** The text, or undefined where there is no file. Other failures (permissions, disk) are the environment's: they are thrown. */
  private async read(path: string): Promise<string | undefined> {
    return (await this.reader.exists(path)) ? this.reader.readText(path) : undefined;
  }

  private references(path: string, module: Module): ReadonlyMap<string, string> {
    const references = new Map<string, string>();
    const add = (literal: StringLit | undefined): void => {
      if (literal !== undefined) references.set(literal.value, this.reader.resolve(path, literal.value));
    };
    for (const item of module.items) {
      if (item.kind === "ModelDecl") {
        const { value } = item.path;
        references.set(value, this.reader.resolveModel?.(path, value) ?? this.reader.resolve(path, value));
      } else if (item.kind === "AttributeDecl") add(item.from);
    }
    for (const { path: literal } of [...startsOf(module), ...networksOf(module)]) add(literal);
    return references;
  }

  private fail(
    code: "L2021" | "L2022",
    span: Span,
    message: string,
    text: readonly string[],
    hints: readonly string[],
  ): void {
    this.diagnostics.push({ code, severity: "error", message, at: { span, text: text.join() }, related: [], hints });
  }
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** `reference` beside `from`, as a person would write it from where `from` was named: "examples/a.lace" and "lib/b.lace" give "examples/lib/b.lace". */
function shownPath(from: string, reference: string): string {
  if (/^([/\\]|[A-Za-z]:)/.test(reference)) return reference;
  const folder = from.slice(0, from.length - baseName(from).length);
  const parts: string[] = [];
  for (const part of `${folder}${reference}`.split("/")) {
    if (part === "." || (part === "" && parts.length > 0)) continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== ".." && parts.at(-1) !== "") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}
