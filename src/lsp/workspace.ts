// What the server knows of the scripts: the texts that are open, and of each script the last analysis.
// In: changes of texts and files. Out: Snapshots. Invariants: a snapshot is consistent in itself, whatever is edited meanwhile; `snapshot`
// gives one of the present texts, `latest` the last one that was made, at once; a tree is parsed once for each text.
import type { TextDocumentContentChangeEvent } from "vscode-languageserver";
import { loadTables, lookInto } from "../app/compile-script.js";
import { analyse, type Analysis } from "../compiler/analyse.js";
import { headFilesOf, startFilesOf, link, modelsOf, type LinkedFile, type Program } from "../compiler/link.js";
import type { ModelCard } from "../models/pack/model-card.js";
import { parseLenient, type LenientParse } from "../parser/parse.js";
import type { Diagnostic } from "../source/diagnostic.js";
import type { Span } from "../source/span.js";
import { editorReader, scriptsBelow, type EditorFiles } from "./files.js";
import { ModelShelf } from "./models.js";
import { PlacedText, type Encoding } from "./positions.js";
import { pathOf, uriOf } from "./uris.js";

/** A text that the editor has open. */
export class OpenText {
  readonly path: string;
  readonly placed: PlacedText;

  constructor(
    readonly uri: string,
    readonly version: number,
    text: string,
    encoding: Encoding,
  ) {
    this.path = pathOf(uri);
    this.placed = new PlacedText(this.path, text, encoding);
  }

  get text(): string {
    return this.placed.text;
  }

  /** The text after some changes, each of them of the text that those before it left. */
  edited(changes: readonly TextDocumentContentChangeEvent[], version: number): OpenText {
    const { encoding } = this.placed;
    let { placed } = this;
    for (const change of changes) {
      let { text } = change;
      if ("range" in change) {
        const { start, end } = placed.span(change.range);
        text = placed.text.slice(0, Math.min(start, end)) + text + placed.text.slice(Math.max(start, end));
      }
      placed = new PlacedText(this.path, text, encoding);
    }
    return new OpenText(this.uri, version, placed.text, encoding);
  }
}

/** A file of a program, as the editor addresses it. */
export interface ProgramFile {
  readonly uri: string;
  /** What it is read by. */
  readonly path: string;
  readonly linked: LinkedFile;
  readonly placed: PlacedText;
  readonly parse: LenientParse;
}

/** A model of a script, as far as its header tells. */
export type FoundModel = ModelCard & {
  /** What it is read by. */
  readonly reference: string;
};

/** A script with all that it imports, analysed. */
export interface Snapshot {
  readonly uri: string;
  readonly path: string;
  /** Of the open text; undefined of a file that is not open. */
  readonly version: number | undefined;
  readonly entry: ProgramFile;
  /** By the name that spans give them. */
  readonly files: ReadonlyMap<string, ProgramFile>;
  readonly program: Program;
  readonly analysis: Analysis;
  /** The models that could be read, by alias. */
  readonly models: ReadonlyMap<string, FoundModel>;
  /** All that is wrong, in all files. */
  readonly diagnostics: readonly Diagnostic[];
  /** Milliseconds that it took. */
  readonly cost: number;
}

/** The file and the range of a span. */
export function placeOf(
  snapshot: Snapshot,
  span: Span,
): { uri: string; range: ReturnType<PlacedText["range"]> } | undefined {
  const file = snapshot.files.get(span.file);
  return file && { uri: file.uri, range: file.placed.range(span) };
}

interface Made {
  readonly snapshot: Snapshot | undefined;
  /** The revision of each path that was looked at. */
  readonly looked: ReadonlyMap<string, number>;
  readonly epoch: number;
}

export class Workspace {
  readonly models: ModelShelf;
  /** Folders of the editor, as paths. */
  roots: readonly string[] = [];
  encoding: Encoding = "utf-16";
  private readonly texts = new Map<string, OpenText>();
  private readonly trees = new Map<string, LenientParse & { readonly text: string }>();
  private readonly made = new Map<string, Made>();
  private readonly making = new Map<string, Promise<Made>>();
  private readonly lastOf = new Map<string, Snapshot>();
  private readonly revisions = new Map<string, number>();
  /** Rises when anything on the disk may have changed. */
  private epoch = 0;

  private readonly reader: ReturnType<typeof editorReader>;

  constructor(readonly files: EditorFiles) {
    this.models = new ModelShelf(files);
    this.reader = editorReader(
      files,
      (path) => this.texts.get(path)?.text,
      () => this.roots[0],
    );
  }

  get openTexts(): readonly OpenText[] {
    return [...this.texts.values()];
  }

  openText(path: string): OpenText | undefined {
    return this.texts.get(path);
  }

  /** A text was opened or changed. */
  put(text: OpenText): void {
    this.texts.set(text.path, text);
    this.touch(text.path);
  }

  /** A text was closed: the file counts again. */
  remove(path: string): void {
    this.texts.delete(path);
    this.lastOf.delete(path);
    this.made.delete(path);
    this.touch(path);
  }

  /** A file changed. */
  touch(path: string): void {
    this.revisions.set(path, this.revisionOf(path) + 1);
  }

  /** Anything may have changed: files and models are read again where they are asked for. */
  touchAll(): void {
    this.epoch += 1;
    this.models.forget();
  }

  /** The tree of a text, kept until the text of its path is another. */
  parse(text: string, path: string): LenientParse {
    const known = this.trees.get(path);
    if (known?.text === text) return known;
    const tree = { ...parseLenient(text, path), text };
    this.trees.set(path, tree);
    return tree;
  }

  /** The last analysis of a script, of whatever text it was; at once. */
  latest(path: string): Snapshot | undefined {
    return this.lastOf.get(path);
  }

  /** Whether an analysis is of the present texts. */
  isPresent(path: string): boolean {
    const made = this.made.get(path);
    return made !== undefined && this.isFresh(made);
  }

  /** The analysis of the present text of a script; undefined if there is no such file. */
  async snapshot(path: string): Promise<Snapshot | undefined> {
    for (;;) {
      const known = this.made.get(path);
      if (known !== undefined && this.isFresh(known)) return known.snapshot;
      const making = this.making.get(path) ?? this.make(path);
      this.making.set(path, making);
      try {
        const made = await making;
        this.made.set(path, made);
        if (made.snapshot !== undefined) this.lastOf.set(path, made.snapshot);
      } finally {
        if (this.making.get(path) === making) this.making.delete(path);
      }
    }
  }

  /** Whether a script's program has the file of a path, or looked for it. */
  isBuiltOn(path: string, other: string): boolean {
    return this.made.get(path)?.looked.has(other) === true;
  }

  /** The scripts of the workspace: those below its roots and those that are open. */
  async scripts(): Promise<readonly string[]> {
    return [...new Set([...this.texts.keys(), ...(await scriptsBelow(this.files, this.roots))])];
  }

  /** The path of `reference` as named in a script. */
  resolve(from: string, reference: string): string {
    return this.reader.resolve(from, reference);
  }

  /** Whether there is a file, open or not. */
  exists(path: string): Promise<boolean> {
    return this.reader.exists(path);
  }

  /** The text of a script, as it is open or on the disk; undefined if it cannot be read. */
  async textOf(path: string): Promise<string | undefined> {
    return this.reader.readText(path).catch(() => undefined);
  }

  /** Whether a script has an import, by its text: cheap, and never wrong where it says no. */
  async mayImport(path: string): Promise<boolean> {
    return /\bimport\b/.test((await this.textOf(path)) ?? "");
  }

  /** The version of the open text of an address; null if it is not open. */
  openVersion(uri: string): number | null {
    return this.texts.get(pathOf(uri))?.version ?? null;
  }

  /** The address of a path, as the editor writes it where it has the file open. */
  uriOf(path: string): string {
    return this.texts.get(path)?.uri ?? uriOf(path);
  }

  private revisionOf(path: string): number {
    return this.revisions.get(path) ?? 0;
  }

  private isFresh({ looked, epoch }: Made): boolean {
    return epoch === this.epoch && [...looked].every(([path, revision]) => this.revisionOf(path) === revision);
  }

  private async make(path: string): Promise<Made> {
    const start = this.files.now();
    const { epoch } = this;
    const looked = new Map<string, number>();
    const read = new Map<string, string>();
    const { reader } = this;
    const open = this.texts.get(path);
    const linked = await link(path, {
      ...reader,
      exists: async (p) => {
        looked.set(p, this.revisionOf(p));
        if (!(await reader.exists(p))) return false;
        try {
          read.set(p, await reader.readText(p));
          return true;
        } catch {
          return false; // a file that may not be read is as good as none
        }
      },
      readText: (p) => Promise.resolve(read.get(p) ?? ""),
      parse: (text, p) => this.parse(text, p),
    });
    const program = linked.value;
    if (program === undefined) return { snapshot: undefined, looked, epoch };
    const models = new Map<string, FoundModel>();
    const tables = await loadTables(modelsOf(program), async (reference) => (await this.models.card(reference)).info);
    for (const { alias, reference } of modelsOf(program)) {
      if (tables.tables.has(alias)) models.set(alias, { ...(await this.models.card(reference)), reference });
    }
    const heads = await lookInto(headFilesOf(program), (file) => this.models.heads(file));
    const starts = startFilesOf(program);
    const latents = new Map([
      ...(await lookInto(starts.latents, (file) => this.models.latents(file))),
      ...(await lookInto(starts.photo, (file) => this.models.photograph(file))),
    ]);
    const analysis = analyse(program, tables.tables, {}, heads, latents);
    const diagnostics = [...linked.diagnostics, ...tables.diagnostics, ...analysis.diagnostics];
    const files = new Map(program.files.map((file) => [file.path, this.fileOf(file, program)]));
    const entry = files.get(program.entry.path) ?? this.fileOf(program.entry, program);
    const cost = this.files.now() - start;
    const version = open?.version;
    const uri = this.uriOf(path);
    return {
      snapshot: { uri, path, version, entry, files, program, analysis, models, diagnostics, cost },
      looked,
      epoch,
    };
  }

  private fileOf(linked: LinkedFile, program: Program): ProgramFile {
    const text = program.sources.get(linked.path) ?? "";
    const placed = new PlacedText(linked.path, text, this.encoding);
    const parse = this.parse(text, linked.path);
    return { uri: this.uriOf(linked.resolved), path: linked.resolved, linked, placed, parse };
  }
}
