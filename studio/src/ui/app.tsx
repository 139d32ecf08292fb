// The whole page: what is above, the script, the pictures; on a narrow screen one of the two at a time.
import { signal } from "@preact/signals";
import type { Editor } from "../editor/editor.js";
import type { EngineClient } from "../engine/client.js";
import type { Store } from "../state/store.js";
import { running } from "../state/runs.js";
import { EditorPane } from "./editor-pane.js";
import { Results } from "./results.js";
import { TopBar } from "./top-bar.js";

/** What the interface asks of the rest. */
export interface Studio {
  readonly store: Store;
  readonly engine: EngineClient;
  openEditor(parent: HTMLElement): Editor;
  run(): void;
  stop(): void;
}

export type Side = "script" | "pictures";
/** Which side a narrow screen shows. */
export const side = signal<Side>("script");

export function App({ studio }: { readonly studio: Studio }) {
  return (
    <div class="studio" data-side={side.value} data-running={running.value}>
      <TopBar studio={studio} />
      <main class="panes">
        <EditorPane studio={studio} />
        <Results />
      </main>
      <nav class="sides" aria-label="Sides">
        <SideButton of="script" label="Script" />
        <SideButton of="pictures" label="Pictures" />
      </nav>
    </div>
  );
}

function SideButton({ of, label }: { readonly of: Side; readonly label: string }) {
  return (
    <button type="button" aria-pressed={side.value === of} onClick={() => (side.value = of)}>
      {label}
    </button>
  );
}
