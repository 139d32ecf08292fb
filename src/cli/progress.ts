// Progress of a run: one redrawn line on a terminal, a plain line for each finished phase elsewhere.
import type { OnEvent, RunEvent } from "../ports/events.js";
import type { Io } from "./io.js";

const BAR_WIDTH = 24;
const REDRAW_MS = 80;
/** Where lines cannot be redrawn, a long phase still shows life this often. */
const PLAIN_MS = 10_000;

export interface Progress {
  readonly onEvent: OnEvent;
  /** Clears the line being drawn: before anything else is printed. */
  readonly clear: () => void;
}

/** Draws events on `io.err`. */
export function terminalProgress(io: Io, now: () => number): Progress {
  let drawn = false;
  let last = now();
  /** Phases under way, the latest last: of those that go on side by side it is drawn. */
  const open: string[] = [];
  const keyOf = ({ phase, task = "" }: { readonly phase: string; readonly task?: string }): string =>
    `${phase} ${task}`;

  function clear(): void {
    if (drawn) io.eraseLine();
    drawn = false;
  }
  function draw(line: string): void {
    clear();
    io.err(line.slice(0, Math.max(20, io.columns - 1)));
    drawn = true;
  }
  function onEvent(event: RunEvent): void {
    switch (event.kind) {
      case "start":
        open.push(keyOf(event));
        last = now();
        if (io.live) draw(barLine(event.phase, event.task, 0, event.total, undefined));
        return;
      case "progress": {
        if (open.length > 0 && open.at(-1) !== keyOf(event)) return;
        const wait = io.live ? REDRAW_MS : PLAIN_MS;
        if (now() - last < wait && event.done < event.total) return;
        if (!io.live && event.done >= event.total) return;
        last = now();
        const line = barLine(event.phase, event.task, event.done, event.total, event.note);
        if (io.live) draw(line);
        else io.err(`${line}\n`);
        return;
      }
      case "end": {
        if (open.includes(keyOf(event))) open.splice(open.indexOf(keyOf(event)), 1);
        clear();
        const c = io.errColors;
        const note = event.note === undefined ? "" : `  ${event.note}`;
        io.err(`${c.green("✓")} ${title(event.phase, event.task)}${c.dim(`${formatSeconds(event.seconds)}${note}`)}\n`);
        return;
      }
      case "note":
        clear();
        io.err(`  ${event.text}\n`);
        return;
      case "wrote":
      case "diagnostic":
        return; // printed together at the end, where nothing scrolls them away
    }
  }
  return { onEvent, clear };
}

/** `0.042 s`, `1.31 s`, `2 min 05 s`: aligned in a column of 10. */
function formatSeconds(seconds: number): string {
  if (seconds >= 120) {
    const minutes = Math.floor(seconds / 60);
    return `${minutes} min ${String(Math.floor(seconds - minutes * 60)).padStart(2, "0")} s`;
  }
  return `${seconds.toFixed(2)} s`.padStart(8);
}

function title(phase: string, task: string | undefined): string {
  return (task === undefined ? phase : `${phase} ${task}`).padEnd(28);
}

function barLine(
  phase: string,
  task: string | undefined,
  done: number,
  total: number | undefined,
  note: string | undefined,
): string {
  if (total === undefined || total === 0) return `  ${title(phase, task)}...`;
  const full = Math.round((Math.min(done, total) / total) * BAR_WIDTH);
  const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
  return `  ${title(phase, task)}${bar} ${Math.floor(done)}/${total}${note === undefined ? "" : `  ${note}`}`;
}
