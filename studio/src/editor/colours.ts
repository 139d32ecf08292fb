// Colours of a script, by what the language server says each word is: no second grammar.
// In: semantic tokens. Out: marks, which move with the text until the next answer. Invariant: colours never hold up a key.
import { StateEffect, StateField, type EditorState, type Extension, type Range } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import { LSPPlugin, type LSPClient } from "@codemirror/lsp-client";

interface Legend {
  readonly tokenTypes: readonly string[];
  readonly tokenModifiers: readonly string[];
}

/** How long keys are waited for before colours are asked for anew, in milliseconds. */
const REST_MS = 40;

const paint = StateEffect.define<DecorationSet>();
const painted = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, transaction) => {
    const fresh = transaction.effects.find((e) => e.is(paint));
    return fresh === undefined ? marks.map(transaction.changes) : fresh.value;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const marksOf = new Map<string, Decoration>();

function markOf(type: string): Decoration {
  const known = marksOf.get(type) ?? Decoration.mark({ class: `tok-${type}` });
  marksOf.set(type, known);
  return known;
}

/** What stands at a place of the text, by the server's last answer: its end counts too. */
export function tokenAt(
  state: EditorState,
  at: number,
): { readonly from: number; readonly to: number; readonly kind: string } | undefined {
  const found: { readonly from: number; readonly to: number; readonly kind: string }[] = [];
  state.field(painted, false)?.between(at, at, (from, to, { spec }) => {
    const { class: name } = spec as { readonly class: string };
    found.push({ from, to, kind: name.replace(/^tok-/, "") });
  });
  // Of two words that meet there, the one that begins.
  return found.at(-1);
}

class Painter {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private gone = false;

  constructor(
    private readonly view: EditorView,
    private readonly client: LSPClient,
  ) {
    void this.client.initializing.then(() => this.ask()).catch(() => undefined);
  }

  update(update: ViewUpdate): void {
    if (!update.docChanged) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), REST_MS);
  }

  destroy(): void {
    this.gone = true;
    clearTimeout(this.timer);
  }

  /** Asked after a wait: it may have gone meanwhile. */
  private isGone(): boolean {
    return this.gone;
  }

  private async ask(): Promise<void> {
    const plugin = LSPPlugin.get(this.view);
    const legend = (
      this.client.serverCapabilities as { readonly semanticTokensProvider?: { readonly legend: Legend } } | null
    )?.semanticTokensProvider?.legend;
    if (this.gone || plugin === null || legend === undefined) return;
    this.client.sync();
    const { doc } = this.view.state;
    const answer = await this.client
      .request<unknown, { readonly data?: readonly number[] } | null>("textDocument/semanticTokens/full", {
        textDocument: { uri: plugin.uri },
      })
      .catch(() => null);
    // A text that changed meanwhile asks again by itself.
    if (this.isGone() || answer?.data === undefined || this.view.state.doc !== doc) return;
    const marks: Range<Decoration>[] = [];
    let line = 1;
    let column = 0;
    for (let k = 0; k + 4 < answer.data.length; k += 5) {
      const [down = 0, right = 0, length = 0, type = 0] = answer.data.slice(k, k + 4);
      line += down;
      column = down === 0 ? column + right : right;
      if (line > doc.lines) break;
      const from = doc.line(line).from + column;
      const kind = legend.tokenTypes[type];
      if (kind !== undefined && from + length <= doc.length) marks.push(markOf(kind).range(from, from + length));
    }
    this.view.dispatch({ effects: paint.of(Decoration.set(marks, true)) });
  }
}

/** Colours by the server of a client. */
export function colours(client: LSPClient): Extension {
  return [painted, ViewPlugin.define((view) => new Painter(view, client))];
}
