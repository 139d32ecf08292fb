// The project as the language client sees it: the file in the editor, and those that are not, which a rename changes too.
// In: the project's files. Out: a Workspace. Invariant: a change of a file that no editor shows goes to the project.
import { Text, type ChangeSet, type TransactionSpec } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import { LSPPlugin, Workspace, type LSPClient, type WorkspaceFile } from "@codemirror/lsp-client";
import { pathOf } from "./addresses.js";

/** What the language needs of the project. */
export interface FilesOfProject {
  read(path: string): string | Uint8Array | undefined;
  paths(): readonly string[];
  /** Puts a text in place of a file's that no editor shows. */
  write(path: string, text: string): void;
  /** Shows a file in the editor; undefined if there is none. */
  show(path: string): EditorView | undefined;
}

interface Shown extends WorkspaceFile {
  doc: Text;
  version: number;
  readonly view: EditorView | undefined;
}

export class StudioWorkspace extends Workspace {
  override files: Shown[] = [];
  private readonly versions = new Map<string, number>();

  constructor(
    client: LSPClient,
    private readonly project: FilesOfProject,
  ) {
    super(client);
  }

  override syncFiles(): readonly { file: WorkspaceFile; prevDoc: Text; changes: ChangeSet }[] {
    const updates: { file: WorkspaceFile; prevDoc: Text; changes: ChangeSet }[] = [];
    for (const file of this.files) {
      const plugin = file.view && LSPPlugin.get(file.view);
      if (plugin === undefined || plugin === null || plugin.unsyncedChanges.empty) continue;
      updates.push({ file, prevDoc: file.doc, changes: plugin.unsyncedChanges });
      file.doc = plugin.view.state.doc;
      file.version = this.next(file.uri);
      plugin.clear();
    }
    return updates;
  }

  override openFile(uri: string, languageId: string, view: EditorView): void {
    this.files = this.files.filter((f) => f.uri !== uri);
    const file: Shown = { uri, languageId, version: this.next(uri), doc: view.state.doc, view, getView: () => view };
    this.files.push(file);
    this.client.didOpen(file);
  }

  override closeFile(uri: string, view: EditorView): void {
    if (!this.files.some((f) => f.uri === uri && f.view === view)) return;
    this.files = this.files.filter((f) => f.uri !== uri);
    this.client.didClose(uri);
  }

  override requestFile(uri: string): Promise<WorkspaceFile | null> {
    const open = this.getFile(uri);
    if (open !== null) return Promise.resolve(open);
    const path = pathOf(uri);
    const text = path === undefined ? undefined : this.project.read(path);
    if (typeof text !== "string") return Promise.resolve(null);
    const doc = Text.of(text.split("\n"));
    return Promise.resolve({ uri, languageId: "lace", version: 0, doc, getView: () => null });
  }

  override updateFile(uri: string, update: TransactionSpec): void {
    const view = this.getFile(uri)?.getView();
    if (view !== undefined && view !== null) {
      view.dispatch(update);
      return;
    }
    const path = pathOf(uri);
    const text = path === undefined ? undefined : this.project.read(path);
    if (path === undefined || typeof text !== "string" || update.changes === undefined) return;
    const changes = Array.isArray(update.changes) ? update.changes : [update.changes];
    const edits = changes as readonly {
      readonly from: number;
      readonly to?: number;
      readonly insert?: string | Text;
    }[];
    const changed = [...edits]
      .sort((a, b) => b.from - a.from)
      .reduce((t, e) => t.slice(0, e.from) + (e.insert ?? "").toString() + t.slice(e.to ?? e.from), text);
    this.project.write(path, changed);
    this.client.notification("workspace/didChangeWatchedFiles", { changes: [{ uri, type: 2 }] });
  }

  override displayFile(uri: string): Promise<EditorView | null> {
    const path = pathOf(uri);
    return Promise.resolve((path === undefined ? undefined : this.project.show(path)) ?? null);
  }

  private next(uri: string): number {
    const version = (this.versions.get(uri) ?? 0) + 1;
    this.versions.set(uri, version);
    return version;
  }
}
