// Mistakes under the text, as the language server tells them, with a button for the fix where there is one.
// In: publishDiagnostics. Out: lint marks. Invariants: what is told of a text a moment ago is shown too, at the places that fit the present one: the server tells nothing
// twice, so nothing is dropped; changes are sent soon after a key.
import { setDiagnostics, type Action, type Diagnostic } from "@codemirror/lint";
import { ViewPlugin, type EditorView, type ViewUpdate } from "@codemirror/view";
import { LSPPlugin, type LSPClient, type LSPClientExtension } from "@codemirror/lsp-client";

interface Position {
  readonly line: number;
  readonly character: number;
}
interface Range {
  readonly start: Position;
  readonly end: Position;
}
interface Told {
  readonly range: Range;
  readonly severity?: number;
  readonly code?: string | number;
  readonly message: string;
  readonly data?: { readonly fix?: { readonly range: Range; readonly newText: string } };
}

/** How long keys are waited for before the server is told, in milliseconds. */
const REST_MS = 30;

/** Shows what the server says of open files. */
export function mistakes(): LSPClientExtension {
  return {
    clientCapabilities: { textDocument: { publishDiagnostics: { versionSupport: true } } },
    notificationHandlers: { "textDocument/publishDiagnostics": shows },
    editorExtension: ViewPlugin.define((view) => {
      const plugin = { timer: setTimeout(() => undefined) };
      const sync = (): void => LSPPlugin.get(view)?.client.sync();
      return {
        update: (update: ViewUpdate) => {
          if (!update.docChanged) return;
          clearTimeout(plugin.timer);
          plugin.timer = setTimeout(sync, REST_MS);
        },
        destroy: () => clearTimeout(plugin.timer),
      };
    }),
  };
}

function shows(client: LSPClient, params: { readonly uri: string; readonly diagnostics: readonly Told[] }): boolean {
  const view = client.workspace.getFile(params.uri)?.getView();
  if (view === undefined || view === null) return true;
  const shown = params.diagnostics.map((d) => shownOf(view, d));
  view.dispatch(setDiagnostics(view.state, shown));
  return true;
}

function shownOf(view: EditorView, { range, severity, code, message, data }: Told): Diagnostic {
  const from = offsetOf(view, range.start);
  const to = Math.max(from, offsetOf(view, range.end));
  const fix = data?.fix;
  const actions: Action[] = [];
  if (fix !== undefined) {
    const name = fix.newText === "" ? "Remove" : `Change to ${fix.newText.trim().slice(0, 40)}`;
    actions.push({
      name,
      apply: (target) =>
        target.dispatch({
          changes: {
            from: offsetOf(target, fix.range.start),
            to: offsetOf(target, fix.range.end),
            insert: fix.newText,
          },
        }),
    });
  }
  return {
    ...{ from, to, severity: severity === 1 || severity === undefined ? "error" : "warning", actions },
    message: code === undefined ? message : `${message}\n${code}`,
  };
}

/** The place in the present text, as near as there is one. */
function offsetOf(view: EditorView, { line, character }: Position): number {
  const { doc } = view.state;
  if (line >= doc.lines) return doc.length;
  const { from, to } = doc.line(line + 1);
  return Math.min(to, from + character);
}
