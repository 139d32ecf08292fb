// A number or a class of the text is turned, as a knob is: dragged with Alt, or by Alt and the keys . and , at the cursor; by a finger, with the handle beside the cursor.
// In: the text, what the language server says each word is, the classes that it offers. Out: changes of the text, each a step that can be undone, read out to who does not see.
// Invariants: a number keeps its digits behind the point, and one without a sign stays at 0 or above; comments, strings and names that hold digits are left alone; without a value under the
// pointer Alt selects a rectangle, as elsewhere.
import { StateField, type EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, showTooltip, ViewPlugin, type Tooltip } from "@codemirror/view";
import { LSPPlugin, type LSPClient } from "@codemirror/lsp-client";
import { tokenAt } from "./colours.js";
import { turned, valueAt, type Valued } from "./turned-number.js";

/** How far the pointer goes for one step, in pixels. */
const STEP_PX = 6;
/** Steps that Shift makes of one. */
const COARSE = 10;

/** EnumMember, of the protocol's kinds of completions. */
const CLASS = 20;

interface Offered {
  readonly label: string;
  readonly kind?: number;
}

/** Turning in the files of a client. */
export function turning(client: LSPClient): Extension {
  const key = (direction: 1 | -1) => (view: EditorView) => {
    const { head } = view.state.selection.main;
    return turnNumber(view, head, direction) || turnClass(client, view, head, direction);
  };
  const coarse = (direction: 1 | -1) => (view: EditorView) =>
    turnNumber(view, view.state.selection.main.head, direction * COARSE);
  return [
    keymap.of([
      { key: "Alt-.", run: key(1), shift: coarse(1), preventDefault: true },
      { key: "Alt-,", run: key(-1), shift: coarse(-1), preventDefault: true },
    ]),
    ViewPlugin.define((view) => new AltMarks(view)),
    ...(matchMedia("(pointer: coarse)").matches ? [handle(client)] : []),
    EditorView.domEventHandlers({
      mousedown: (event, view) => {
        if (!event.altKey || event.button !== 0) return false;
        const at = view.posAtCoords({ x: event.clientX, y: event.clientY });
        if (at === null) return false;
        const found = numberAt(view.state, at);
        if (found !== undefined) drag(view, found, event);
        else if (!turnClass(client, view, at, event.shiftKey ? -1 : 1)) return false;
        event.preventDefault();
        return true;
      },
    }),
  ];
}

function numberAt(state: EditorState, at: number): Valued | undefined {
  const kind = tokenAt(state, at)?.kind;
  // Before the server has answered no word has a kind.
  if (kind !== undefined && kind !== "number") return undefined;
  const line = state.doc.lineAt(at);
  return valueAt(line.text, at - line.from, line.from);
}

function turnNumber(view: EditorView, at: number, steps: number): boolean {
  const found = numberAt(view.state, at);
  if (found === undefined) return false;
  put(view, found.from, found.text.length, turned(found.text, steps));
  return true;
}

/** Follows the pointer until it is let go. */
function drag(view: EditorView, { from, text }: Valued, { clientX }: Pick<MouseEvent, "clientX">): void {
  const present = { text };
  const move = (event: PointerEvent): void => {
    const steps = Math.round((event.clientX - clientX) / STEP_PX) * (event.shiftKey ? COARSE : 1);
    const next = turned(text, steps);
    if (next === present.text) return;
    // Somebody else changed the text meanwhile: what is there is not ours to turn.
    if (view.state.sliceDoc(from, from + present.text.length) !== present.text) {
      end();
      return;
    }
    put(view, from, present.text.length, next);
    present.text = next;
  };
  const end = (): void => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}

/** The handle beside a value at the cursor. */
function handle(client: LSPClient): Extension {
  const tooltipOf = (state: EditorState, before: Tooltip | null): Tooltip | null => {
    const { head, empty } = state.selection.main;
    const isClass = tokenAt(state, head)?.kind === "enumMember";
    const at = isClass ? tokenAt(state, head)?.from : numberAt(state, head)?.from;
    if (!empty || at === undefined) return null;
    // The same one stays while its value is turned: a finger lies on it.
    if (before?.pos === at) return before;
    return { pos: at, above: true, create: (view) => ({ dom: handleDom(client, view, isClass) }) };
  };
  return StateField.define<Tooltip | null>({
    create: (state) => tooltipOf(state, null),
    // By an effect the server's words for the text come.
    update: (before, { docChanged, selection, effects, state }) =>
      docChanged || selection !== undefined || effects.length > 0 ? tooltipOf(state, before) : before,
    provide: (field) => showTooltip.from(field),
  });
}

function handleDom(client: LSPClient, view: EditorView, isClass: boolean): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "turn-handle";
  dom.setAttribute("role", "group");
  dom.setAttribute("aria-label", isClass ? "Turn the class" : "Turn the number");
  const head = (): number => view.state.selection.main.head;
  const button = (label: string, text: string, className: string): HTMLButtonElement => {
    const made = dom.appendChild(document.createElement("button"));
    made.type = "button";
    made.textContent = text;
    made.className = className;
    made.setAttribute("aria-label", label);
    // The keyboard of a phone stays as it is.
    made.addEventListener("pointerdown", (event) => event.preventDefault());
    return made;
  };
  const turn = (direction: 1 | -1) => () => {
    if (!turnNumber(view, head(), direction)) turnClass(client, view, head(), direction);
  };
  button(isClass ? "The class before" : "One less", "−", "less").addEventListener("click", turn(-1));
  if (!isClass) {
    const knob = button("Drag to the left or right", "◂ drag ▸", "knob");
    knob.addEventListener("pointerdown", (event) => {
      const found = numberAt(view.state, head());
      if (found !== undefined) drag(view, found, event);
    });
  }
  button(isClass ? "The next class" : "One more", "+", "more").addEventListener("click", turn(1));
  return dom;
}

/** Puts the next class of the same attribute in place of one, when the server has said which there are. */
function turnClass(client: LSPClient, view: EditorView, at: number, direction: 1 | -1): boolean {
  const token = tokenAt(view.state, at);
  const plugin = LSPPlugin.get(view);
  if (token?.kind !== "enumMember" || plugin === null) return false;
  const { from, to } = token;
  const word = view.state.sliceDoc(from, to);
  client.sync();
  void client
    .request<unknown, { readonly items: readonly Offered[] } | readonly Offered[] | null>("textDocument/completion", {
      textDocument: { uri: plugin.uri },
      position: plugin.toPosition(from),
    })
    .then((answer) => {
      const items = answer === null ? [] : "items" in answer ? answer.items : answer;
      const classes = items.filter((i) => i.kind === CLASS).map((i) => i.label);
      const place = classes.indexOf(word);
      const next = classes[(place + direction + classes.length) % classes.length];
      if (place < 0 || next === undefined || view.state.sliceDoc(from, to) !== word) return;
      put(view, from, word.length, next);
    })
    .catch(() => undefined); // the server is busy: it is turned by the next key
  return true;
}

function put(view: EditorView, from: number, length: number, text: string): void {
  view.dispatch({
    changes: { from, to: from + length, insert: text },
    userEvent: "input.turn",
    effects: EditorView.announce.of(text),
  });
}

/** While Alt is held, what can be turned is shown. */
class AltMarks {
  private readonly show = (event: KeyboardEvent): void => {
    this.view.dom.classList.toggle("turns", event.type === "keydown" && event.key === "Alt");
  };
  private readonly hide = (): void => this.view.dom.classList.remove("turns");

  constructor(private readonly view: EditorView) {
    addEventListener("keydown", this.show);
    addEventListener("keyup", this.show);
    addEventListener("blur", this.hide);
  }

  destroy(): void {
    removeEventListener("keydown", this.show);
    removeEventListener("keyup", this.show);
    removeEventListener("blur", this.hide);
  }
}
