// The editor: CodeMirror with the language server behind it, one state for each file, so that each keeps its own undo.
// In: a place in the page, the project. Out: an Editor. Invariants: what it shows is the project's active file; a key never waits for the server.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import {
  defaultKeymap,
  history,
  historyField,
  historyKeymap,
  indentWithTab,
  isolateHistory,
} from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, foldService, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, Prec, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  rectangularSelection,
} from "@codemirror/view";
import {
  findReferencesKeymap,
  formatKeymap,
  jumpToDefinitionKeymap,
  renameKeymap,
  type LSPClient,
} from "@codemirror/lsp-client";
import { colours } from "./colours.js";
import { uriOf } from "./addresses.js";
import { turning } from "./turn.js";

/** A state as it is stored: text, selection and undo. */
export type StoredState = unknown;

export interface EditorEvents {
  /** The text of the file changed. */
  changed(path: string, text: string): void;
  run(): void;
}

export class Editor {
  readonly view: EditorView;
  private readonly states = new Map<string, EditorState>();
  private path = "";

  constructor(
    parent: HTMLElement,
    private readonly client: LSPClient,
    private readonly events: EditorEvents,
  ) {
    this.view = new EditorView({ parent });
  }

  /** Shows a file: as it was left, else from what was stored, else from its text. */
  show(path: string, text: string, stored?: StoredState): void {
    this.keep();
    const known = this.states.get(path);
    this.path = path;
    this.view.setState(known?.doc.toString() === text ? known : this.create(path, text, stored));
  }

  /** Lets go of the state of a file: it was renamed, deleted, or changed from outside. */
  forget(path: string): void {
    this.states.delete(path);
    if (this.path === path) this.path = "";
  }

  /** Takes the text of a file over where the file is shown and has another one, as one step that can be undone. */
  follow(path: string, text: string): void {
    if (path !== this.path) return;
    const now = this.view.state.doc.toString();
    if (now === text) return;
    // What is the same at both ends stays, and with it the cursor.
    const most = Math.min(now.length, text.length);
    let from = 0;
    while (from < most && now[from] === text[from]) from++;
    let end = 0;
    while (end < most - from && now[now.length - 1 - end] === text[text.length - 1 - end]) end++;
    const insert = text.slice(from, text.length - end);
    // Of two that come soon after one another each is a step.
    const annotations = isolateHistory.of("full");
    this.view.dispatch({ changes: { from, to: now.length - end, insert }, annotations });
  }

  /** The state of the file that is shown, to be stored. */
  stored(): StoredState {
    return this.view.state.toJSON({ history: historyField });
  }

  focus(): void {
    this.view.focus();
  }

  private keep(): void {
    if (this.path !== "") this.states.set(this.path, this.view.state);
  }

  private create(path: string, text: string, stored: StoredState): EditorState {
    const extensions = this.extensions(path);
    if (stored !== undefined) {
      try {
        const state = EditorState.fromJSON(stored, { extensions }, { history: historyField });
        if (state.doc.toString() === text) return state;
      } catch {
        // Of another version: the text is what counts.
      }
    }
    return EditorState.create({ doc: text, extensions });
  }

  private extensions(path: string): Extension {
    const own: Extension[] = path.endsWith(".lace")
      ? [this.client.plugin(uriOf(path), "lace"), colours(this.client), Prec.high(turning(this.client))]
      : [];
    return [
      lineNumbers(),
      highlightActiveLineGutter(),
      history(),
      foldGutter(),
      foldService.of(foldBlocks),
      drawSelection(),
      EditorState.allowMultipleSelections.of(true),
      indentUnit.of("  "),
      bracketMatching(),
      closeBrackets(),
      autocompletion(),
      rectangularSelection(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      lintGutter(),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        ...{ "aria-label": `Script ${path}`, spellcheck: "false", autocapitalize: "off" },
        tabindex: "0", // said, so that what checks pages knows that the keyboard reaches what scrolls
      }),
      keymap.of([
        { key: "Mod-Enter", run: () => (this.events.run(), true), preventDefault: true },
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...searchKeymap,
        ...historyKeymap,
        ...foldKeymap,
        ...completionKeymap,
        ...lintKeymap,
        ...formatKeymap,
        ...renameKeymap,
        ...jumpToDefinitionKeymap,
        ...findReferencesKeymap,
        indentWithTab,
      ]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.events.changed(path, update.state.doc.toString());
      }),
      own,
    ];
  }
}

/** Blocks fold from their brace to the brace of the same indentation. */
function foldBlocks(state: EditorState, start: number, end: number): { from: number; to: number } | null {
  const line = state.sliceDoc(start, end);
  if (!/\{\s*$/.test(line)) return null;
  const indent = /^\s*/.exec(line)?.[0] ?? "";
  for (let n = state.doc.lineAt(start).number + 1; n <= state.doc.lines; n++) {
    const { text, from } = state.doc.line(n);
    if (text.startsWith(`${indent}}`)) return { from: end, to: from + indent.length };
  }
  return null;
}
