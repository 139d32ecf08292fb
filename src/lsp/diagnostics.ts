// Diagnostics, told and asked for. An editor that asks (pull) gets those of open texts by asking; files that are not open are told in any case.
// In: changes of texts. Out: publishDiagnostics, and answers to textDocument/diagnostic.
// Invariants: a file is told of only when its diagnostics changed; while someone types, the last text alone is analysed.
import {
  DocumentDiagnosticReportKind,
  type Diagnostic as ProtocolDiagnostic,
  type DocumentDiagnosticParams,
  type DocumentDiagnosticReport,
} from "vscode-languageserver";
import { guarded, type Feature, type Site } from "./feature.js";
import { gathered, protocolDiagnostics } from "./protocol-diagnostics.js";
import { pathOf } from "./uris.js";
import type { OpenText } from "./workspace.js";

/** The longest wait after a key that follows another, in milliseconds; it is as long as the last analysis took. */
const LONGEST_WAIT = 200;

const NOTHING: DocumentDiagnosticReport = { kind: DocumentDiagnosticReportKind.Full, items: [] };

/** What tells of diagnostics as texts change. */
export interface DiagnosticTeller {
  /** Something changed: open texts are analysed soon. */
  changed(): void;
  /** A text was closed: what only it told is taken back. */
  closed(uri: string): void;
}

/** The feature, and what the server tells of changes. */
export function diagnosticsFeature(): Feature & { readonly teller: (site: Site) => DiagnosticTeller } {
  return {
    capabilities: () => ({
      diagnosticProvider: { identifier: "lacec", interFileDependencies: true, workspaceDiagnostics: false },
    }),
    register: (site) => {
      const ids = new Map<string, { readonly id: string; readonly json: string }>();
      site.connection.languages.diagnostics.on(
        guarded<DocumentDiagnosticParams, DocumentDiagnosticReport>(site, "diagnostics", NOTHING, async (params) => {
          const { uri } = params.textDocument;
          const snapshot = await site.workspace.snapshot(pathOf(uri));
          const items =
            snapshot === undefined ? [] : gathered([protocolDiagnostics(snapshot, site.errorsPage).get(uri) ?? []]);
          const json = JSON.stringify(items);
          const known = ids.get(uri);
          const id = known?.json === json ? known.id : String(Number(known?.id ?? 0) + 1);
          ids.set(uri, { id, json });
          if (params.previousResultId === id) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId: id };
          return { kind: DocumentDiagnosticReportKind.Full, resultId: id, items: [...items] };
        }),
      );
    },
    teller: (site) => new Teller(site),
  };
}

class Teller implements DiagnosticTeller {
  /** What each open script says of each file. */
  private readonly said = new Map<string, ReadonlyMap<string, readonly ProtocolDiagnostic[]>>();
  private readonly told = new Map<string, string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private cost = 0;
  private changedAt = -Infinity;
  private busy = false;
  private again = false;

  constructor(private readonly site: Site) {}

  changed(): void {
    clearTimeout(this.timer);
    // A key after a rest is answered at once; keys that follow one another wait for the last of them.
    const now = this.site.workspace.files.now();
    const rested = !this.busy && now - this.changedAt > LONGEST_WAIT;
    this.changedAt = now;
    this.timer = setTimeout(() => void this.run(), rested ? 0 : Math.min(this.cost, LONGEST_WAIT));
  }

  closed(uri: string): void {
    this.said.delete(uri);
    this.tell();
    this.changed();
  }

  private async run(): Promise<void> {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      const { workspace } = this.site;
      // The text that was edited last first: it is the one that is looked at.
      const stale = workspace.openTexts.filter((t) => !this.said.has(t.uri) || !workspace.isPresent(t.path));
      for (const text of stale) {
        await this.analyse(text);
        this.tell();
      }
      for (const text of workspace.openTexts) if (!stale.includes(text)) await this.analyse(text);
      this.tell();
    } catch (error) {
      this.site.connection.console.error(`diagnostics: ${String(error)}`);
    }
    this.busy = false;
    if (!this.again) return;
    this.again = false;
    this.changed();
  }

  private async analyse(text: OpenText): Promise<void> {
    const snapshot = await this.site.workspace.snapshot(text.path);
    if (snapshot === undefined || this.site.workspace.openText(text.path) === undefined) return;
    this.cost = snapshot.cost;
    this.said.set(text.uri, protocolDiagnostics(snapshot, this.site.errorsPage));
  }

  /** Tells of each file whose diagnostics are others than it was told last. */
  private tell(): void {
    const { workspace, connection, client } = this.site;
    const asks = client().textDocument?.diagnostic !== undefined;
    const files = new Set([...[...this.said.values()].flatMap((m) => [...m.keys()]), ...this.told.keys()]);
    for (const uri of files) {
      const open = workspace.openText(pathOf(uri));
      // An editor that asks for what it has open is not told of it as well.
      const skipped = asks && open !== undefined;
      const items = skipped ? [] : gathered([...this.said.values()].map((m) => m.get(uri) ?? []));
      const json = JSON.stringify(items);
      const nothing = items.length === 0 && (skipped || (open === undefined && !this.told.has(uri)));
      if (nothing ? !this.told.has(uri) || this.told.get(uri) === "[]" : this.told.get(uri) === json) continue;
      this.told.set(uri, json);
      const version = open?.version;
      void connection.sendDiagnostics({
        uri,
        diagnostics: [...items],
        ...(version !== undefined && { version }),
      });
    }
  }
}
