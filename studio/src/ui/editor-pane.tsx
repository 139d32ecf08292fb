// The script's side: tabs of files, the editor, what the last run said.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Editor } from "../editor/editor.js";
import { change, files, paths, project } from "../state/project.js";
import type { Studio } from "./app.js";

export function EditorPane({ studio }: { readonly studio: Studio }) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | undefined>(undefined);
  const last = useRef("");
  useEffect(() => {
    if (place.current === null) return;
    editor.current = studio.openEditor(place.current);
    return () => editor.current?.view.destroy();
  }, []);
  useSignalEffect(() => {
    const { id, active } = project.value;
    const key = `${id} ${active}`;
    if (key === last.current) return;
    last.current = key;
    const text = files.peek()[active];
    if (typeof text !== "string") return;
    void studio.store.get("undo", key).then((stored) => {
      if (last.current !== key) return;
      const now = files.peek()[active];
      editor.current?.show(active, typeof now === "string" ? now : text, stored);
    });
  });
  return (
    <section class="editor-pane" aria-label="Script">
      <FileTabs />
      <div class="editor" ref={place} />
    </section>
  );
}

function FileTabs() {
  const { active, entry } = project.value;
  const scripts = paths.value.filter((p) => typeof files.value[p] === "string");
  return (
    <div class="tabs" role="tablist" aria-label="Files">
      {scripts.map((path) => (
        <button
          key={path}
          type="button"
          role="tab"
          aria-selected={path === active}
          onClick={() => change({ active: path })}
        >
          {path}
          {path === entry && scripts.length > 1 && <span class="entry-mark" title="this script is run" />}
        </button>
      ))}
    </div>
  );
}
