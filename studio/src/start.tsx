// The page: the project that was open, the engine and the language in their workers, then the interface.
// Invariant: what the first picture does not need (recipes out of pictures, the service worker) is loaded after it, or when it is asked for.
import { effect } from "@preact/signals";
import { render } from "preact";
import { Editor } from "./editor/editor.js";
import { startLanguage } from "./editor/language.js";
import { EngineClient, type JobOfRun } from "./engine/client.js";
import { browserLink, machineLink } from "./engine/links.js";
import { followInputs } from "./state/analysis.js";
import { chooseEngine, engineChoice, hasMachine, restoreChoice } from "./state/engine-choice.js";
import { FolderSync, takeToken } from "./state/folder.js";
import { keepRun, openHistory } from "./state/history.js";
import { followLive, live } from "./state/live.js";
import { change, files, keepProject, paths, project, putFile, restore } from "./state/project.js";
import { begin, listener, run } from "./state/runs.js";
import { sharedProject } from "./state/share.js";
import { Store } from "./state/store.js";
import { applyTheme } from "./state/theme.js";
import { App, type Studio } from "./ui/app.js";
import { say } from "./ui/notes.js";

const models = new URL("./models/", document.baseURI).href;
const store = new Store();
applyTheme();

const shown: { editor: Editor | undefined } = { editor: undefined };
const language = startLanguage(
  {
    read: (path) => files.value[path],
    paths: () => paths.value,
    write: (path, text) => {
      putFile(path, text);
      shown.editor?.forget(path);
    },
    show: (path) => {
      if (typeof files.value[path] !== "string") return undefined;
      change({ active: path });
      return shown.editor?.view;
    },
  },
  models,
);

// In a frame of another page (lace-editor.js) the studio keeps nothing.
const query = new URLSearchParams(location.search);
const embedded = query.has("embed");
if (embedded) document.documentElement.dataset["embed"] = query.has("run") ? "live" : "true";

const token = embedded ? undefined : takeToken();
restoreChoice(token !== undefined);
const engineClient = new EngineClient(
  listener,
  {
    browser: (hear) => browserLink(models, hear),
    machine: (hear) => machineLink(token ?? "", hear),
  },
  engineChoice.value,
);
const folder =
  token === undefined ? undefined : new FolderSync(token, store, { onText: fromOutside, onNote: (text) => say(text) });

/** A text that came from outside the editor. */
function fromOutside(path: string, text: string): void {
  if (project.value.active !== path) shown.editor?.forget(path);
  else shown.editor?.follow(path, text);
}

/** What a run of the project is asked for now. */
function presentJob(): JobOfRun {
  const { entry, inputs, overrides } = project.value;
  return { files: files.value, entry, inputs, ...overrides };
}

const studio: Studio = {
  store,
  engine: engineClient,
  openEditor: (parent) => {
    const editor = new Editor(parent, language, {
      changed: (path, text) => {
        putFile(path, text);
        if (!embedded) store.put("undo", `${project.value.id} ${path}`, editor.stored());
      },
      run: () => studio.run(),
    });
    shown.editor = editor;
    return editor;
  },
  run: () => {
    const job = presentJob();
    begin(engineClient.run(job), job);
  },
  stop: () => engineClient.cancel(),
  choose: (choice) => {
    chooseEngine(choice);
    engineClient.choose(choice);
  },
  forget: (path) => shown.editor?.forget(path),
  pickFiles: () => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.onchange = () => studio.take([...(input.files ?? [])]);
    input.click();
  },
  take: (dropped) => {
    void import("./state/drop.js").then(async ({ takeFiles }) => {
      const remake = (image: Uint8Array) => engineClient.remake(files.value, image);
      for (const sentence of await takeFiles(dropped, remake)) say(sentence);
    });
  },
  settle: (keep) => void folder?.settle(keep),
  writeFiles: (made) => {
    void (async () => {
      try {
        for (const { path, blob } of made) await folder?.put(path, blob);
        say(`${made.length === 1 ? "1 file is" : `${made.length} files are`} in the folder.`);
      } catch (error) {
        say(`Not written: ${error instanceof Error ? error.message : String(error)}`);
      }
    })();
  },
};

const isFolder = (await folder?.open()) ?? false;
// The token of a server that has ended: this browser is left.
if (token !== undefined && !isFolder) {
  hasMachine.value = false;
  if (engineChoice.value.place === "machine") {
    engineChoice.value = { place: "browser", engine: "auto" };
    engineClient.choose(engineChoice.value);
  }
}
const shared = isFolder ? undefined : sharedProject(location.hash);
if (shared !== undefined) project.value = shared;
else if (!isFolder && !embedded) await restore(store);
if (!embedded) keepProject(store);
void openHistory(store);
followInputs(language);
followLive(
  () => studio.run(),
  () => engineClient.estimate(presentJob()),
);
// Wherever the focus is; the editor's own key has prevented the default by then.
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  studio.run();
});
const kept: { id: number } = { id: 0 };
effect(() => {
  const now = run.value;
  if (now === undefined || now.state === "running" || now.state === "failed" || now.id === kept.id) return;
  kept.id = now.id;
  if (!embedded) keepRun(store, now);
});
const root = document.getElementById("app");
if (root !== null) render(<App studio={studio} />, root);
if (embedded && query.has("run")) {
  live.value = true;
  studio.run();
}
// For tests and the curious: what is shown, as data.
Object.assign(globalThis, { laceStudio: { project, run, store } });

// Without a network from the second visit on; and isolated where the host gives no headers for it.
if ("serviceWorker" in navigator && !embedded && import.meta.env.PROD)
  void navigator.serviceWorker.register("./sw.js").then(
    () => navigator.serviceWorker.ready.then(() => reloadIsolated()),
    () => undefined,
  );

/** A page that came without the headers comes again, once, through the service worker. */
function reloadIsolated(): void {
  const key = "lace-isolated";
  try {
    if (crossOriginIsolated || sessionStorage.getItem(key) !== null || run.value !== undefined) return;
    sessionStorage.setItem(key, "tried");
  } catch {
    return;
  }
  location.reload();
}
