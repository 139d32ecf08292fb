// The page's beginning: the project that was open, the engine and the language in their workers, then the interface.
import { render } from "preact";
import "./styles.css";
import { EngineClient } from "./engine/client.js";
import { startLanguage } from "./editor/language.js";
import { begin, listener, run } from "./state/runs.js";
import { change, files, keepProject, paths, project, putFile, restore } from "./state/project.js";
import { Store } from "./state/store.js";
import { applyTheme } from "./state/theme.js";
import { App, type Studio } from "./ui/app.js";
import { Editor } from "./editor/editor.js";

const models = new URL("./models/", document.baseURI).href;
const store = new Store();
applyTheme();

const engineClient = new EngineClient(listener, models);
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

const studio: Studio = {
  store,
  engine: engineClient,
  openEditor: (parent) => {
    const editor = new Editor(parent, language, {
      changed: (path, text) => {
        putFile(path, text);
        store.put("undo", `${project.value.id} ${path}`, editor.stored());
      },
      run: () => studio.run(),
    });
    shown.editor = editor;
    return editor;
  },
  run: () => {
    const { entry, inputs } = project.value;
    begin(engineClient.run({ files: files.value, entry, inputs }));
  },
  stop: () => engineClient.cancel(),
};

await restore(store);
keepProject(store);
const root = document.getElementById("app");
if (root !== null) render(<App studio={studio} />, root);
// For tests and the curious: what is shown, as data.
Object.assign(globalThis, { laceStudio: { project, run, store } });
