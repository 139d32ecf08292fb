// The script's side: tabs of files, the editor, what the last run said.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Editor } from "../editor/editor.js";
import { change, files, paths, project } from "../state/project.js";
import { conflict, folderTrouble } from "../state/folder.js";
import { isPath, putFile, removeFile, renameFile } from "../state/project.js";
import type { Studio } from "./app.js";
import { Inputs } from "./inputs.js";
import { Menu, MenuItem } from "./menu.js";
import { say } from "./notes.js";

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
    const present = files.value[active];
    const key = `${id} ${active}`;
    if (key === last.current) {
      // A change from elsewhere: the disk, a rename, a run of the past.
      if (typeof present === "string") editor.current?.follow(active, present);
      return;
    }
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
      <FileTabs studio={studio} />
      <FolderBar studio={studio} />
      <div class="editor" ref={place} />
      <Inputs />
    </section>
  );
}

function FileTabs({ studio }: { readonly studio: Studio }) {
  const { active, entry } = project.value;
  const scripts = paths.value.filter((p) => typeof files.value[p] === "string");
  return (
    <div class="file-bar">
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
      <FileMenu studio={studio} />
    </div>
  );
}

function FileMenu({ studio }: { readonly studio: Studio }) {
  const { active, entry } = project.value;
  return (
    <Menu label="File" align="end">
      <MenuItem onPick={() => newFile()}>New file</MenuItem>
      <MenuItem onPick={() => rename(studio)}>Rename {active}</MenuItem>
      {active !== entry && <MenuItem onPick={() => change({ entry: active })}>Run {active} from now on</MenuItem>}
      {paths.value.filter((p) => p.endsWith(".lace")).length > 1 && (
        <MenuItem onPick={() => removeFile(active)}>Delete {active}</MenuItem>
      )}
      <MenuItem onPick={() => studio.pickFiles()}>Open a picture, script or model</MenuItem>
      {paths.value
        .filter((p) => typeof files.value[p] !== "string")
        .map((p) => (
          <MenuItem key={p} onPick={() => removeFile(p)}>
            Take out {p}
          </MenuItem>
        ))}
    </Menu>
  );
}

function newFile(): void {
  const path = asked("Name of the new file", "new.lace");
  if (path === undefined) return;
  if (Object.hasOwn(files.value, path)) say(`${path} is there already`);
  else {
    putFile(path, "lace 1\n");
    change({ active: path });
  }
}

function rename(studio: Studio): void {
  const { active } = project.value;
  const path = asked(`New name of ${active}`, active);
  if (path === undefined || path === active) return;
  if (Object.hasOwn(files.value, path)) say(`${path} is there already`);
  else {
    studio.forget(active);
    renameFile(active, path);
  }
}

/** A path that the person gives. */
function asked(question: string, example: string): string | undefined {
  const given = prompt(question, example)?.trim();
  if (given === undefined || given === "") return undefined;
  const path = /\.\w+$/.test(given) ? given : `${given}.lace`;
  if (isPath(path)) return path;
  say(`${path} cannot be the name of a file`);
  return undefined;
}

function FolderBar({ studio }: { readonly studio: Studio }) {
  const now = conflict.value;
  if (now !== undefined)
    return (
      <div class="warning-bar" role="alert">
        <span>{now.path} was changed here and on the disk.</span>
        <button type="button" onClick={() => studio.settle("mine")}>
          Keep mine
        </button>
        <button type="button" onClick={() => studio.settle("theirs")}>
          Take the one on the disk
        </button>
      </div>
    );
  return folderTrouble.value === undefined ? null : (
    <div class="warning-bar" role="alert">
      {folderTrouble.value}
    </div>
  );
}
