// Short notes to the person, at the bottom of the page; read out, and gone after a while or by a click.
import { signal } from "@preact/signals";

interface Note {
  readonly id: number;
  readonly text: string;
}

const notes = signal<readonly Note[]>([]);
/** How long a note stays, in milliseconds, and how much longer for each of its letters. */
const STAYS_MS = 4000;
const LETTER_MS = 60;

const counter = { last: 0 };

/** Shows a note. */
export function say(text: string): void {
  const id = ++counter.last;
  notes.value = [...notes.value, { id, text }];
  setTimeout(() => drop(id), STAYS_MS + LETTER_MS * text.length);
}

function drop(id: number): void {
  notes.value = notes.value.filter((n) => n.id !== id);
}

export function Notes() {
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.value.map(({ id, text }) => (
        <button key={id} type="button" class="note" onClick={() => drop(id)}>
          {text}
        </button>
      ))}
    </div>
  );
}
