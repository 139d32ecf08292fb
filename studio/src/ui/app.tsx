// The whole page: what is above, the script, the pictures; on a narrow screen one of the two at a time.
import { signal } from "@preact/signals";
import type { Editor } from "../editor/editor.js";
import type { EngineClient } from "../engine/client.js";
import type { EngineChoice } from "../state/engine-choice.js";
import type { Store } from "../state/store.js";
import { running, type ShownFile } from "../state/runs.js";
import { EditorPane } from "./editor-pane.js";
import { Notes } from "./notes.js";
import { PictureView } from "./picture-view.js";
import { Results } from "./results.js";
import { TopBar } from "./top-bar.js";

/** What the interface asks of the rest. */
export interface Studio {
  readonly store: Store;
  readonly engine: EngineClient;
  openEditor(parent: HTMLElement): Editor;
  run(): void;
  stop(): void;
  /** Takes another engine, and keeps the choice. */
  choose(choice: EngineChoice): void;
  /** Lets go of what the editor keeps of a file. */
  forget(path: string): void;
  /** Asks the person for files, and takes them in. */
  pickFiles(): void;
  take(files: readonly File[]): void;
  settle(keep: "mine" | "theirs"): void;
  /** Writes what a run made into the folder. */
  writeFiles(made: readonly ShownFile[]): void;
}

export type Side = "script" | "pictures";
/** Which side a narrow screen shows. */
export const side = signal<Side>("script");

export function App({ studio }: { readonly studio: Studio }) {
  return (
    <div
      class="studio"
      data-side={side.value}
      data-running={running.value}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        const { files = [] } = event.dataTransfer ?? {};
        if (files.length === 0) return;
        event.preventDefault();
        studio.take([...files]);
      }}
    >
      <TopBar studio={studio} />
      <main class="panes" aria-label="Script and pictures">
        <EditorPane studio={studio} />
        <Results studio={studio} />
      </main>
      <nav class="sides" aria-label="Sides">
        <SideButton of="script" label="Script" />
        <SideButton of="pictures" label="Pictures" />
      </nav>
      <PictureView studio={studio} />
      <Notes />
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
