// Visual Studio Code as far as an extension is told of it: a fake of its API, in which the packed extension is activated with the real client, the real
// server and a script that is open. Words: the extension's main, a folder, a script in it. Prints what the extension did, as JSON.
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";

const [main, folder, script] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const said = { commands: [], messages: [], shown: [], pages: [] };
const commands = new Map();

class Disposable {
  static from = (...all) => new Disposable(() => all.forEach((d) => d.dispose?.()));
  constructor(end) {
    this.end = end;
  }
  dispose() {
    this.end?.();
  }
}
const event = () => new Disposable();
class EventEmitter {
  listeners = [];
  event = (listener) => {
    this.listeners.push(listener);
    return new Disposable();
  };
  fire(value) {
    for (const listener of this.listeners) listener(value);
  }
  dispose() {}
}
class Uri {
  constructor(scheme, path) {
    Object.assign(this, { scheme, path, fsPath: path, authority: "", query: "", fragment: "" });
  }
  static parse(text) {
    const [, scheme, path] = /^([a-z-]+):(?:\/\/)?(.*)$/.exec(text);
    return new Uri(scheme, path);
  }
  static file = (path) => new Uri("file", path);
  static from = ({ scheme, path }) => new Uri(scheme, path);
  static joinPath = (uri, ...parts) => new Uri(uri.scheme, [uri.path, ...parts].join("/"));
  toString() {
    return `${this.scheme}://${this.path}`;
  }
}
/** Anything that the extension or the client asks of the API and does not matter here. */
function anything(known = {}) {
  const plain = {
    dispose() {},
    set() {},
    clear() {},
    delete() {},
    append() {},
    appendLine() {},
    show() {},
    error() {},
    info() {},
  };
  return new Proxy(function () {}, {
    apply: () => anything(plain),
    get: (target, key) => {
      if (key in known) return known[key];
      if (key === "prototype") return target.prototype;
      if (typeof key === "symbol" || key === "then" || key === "toJSON") return undefined;
      if (/^on[A-Z]/.test(key)) return event;
      return /^(register|create)/.test(key) ? () => anything(plain) : anything();
    },
  });
}
const kind = (value) => ({
  value,
  append: (part) => kind(value === "" ? part : `${value}.${part}`),
  contains: () => false,
});
const document = {
  uri: Uri.file(script),
  fileName: script,
  languageId: "lace",
  version: 1,
  isClosed: false,
  getText: () => readFileSync(script, "utf8"),
};
const say = (message) => {
  said.messages.push(message);
  return Promise.resolve();
};
const known = {
  ...{ Disposable, EventEmitter, Uri, version: "1.91.0" },
  CodeActionKind: { Empty: kind(""), QuickFix: kind("quickfix") },
  CancellationTokenSource: class {
    token = { isCancellationRequested: false, onCancellationRequested: event };
    cancel() {}
    dispose() {}
  },
  env: { language: "en", appName: "fake", appRoot: "/" },
  languages: anything({ match: (_, d) => (d.languageId === "lace" ? 10 : 0) }),
  workspace: anything({
    isTrusted: true,
    textDocuments: [document],
    notebookDocuments: [],
    workspaceFolders: [{ uri: Uri.file(folder), name: "w", index: 0 }],
    getConfiguration: () => ({ get: (_, otherwise) => otherwise, has: () => false, inspect: () => undefined }),
    openTextDocument: async (uri) => ({ uri }),
  }),
  window: anything({
    visibleTextEditors: [],
    activeTextEditor: { document },
    tabGroups: { all: [], onDidChangeTabs: event, onDidChangeTabGroups: event },
    showInformationMessage: say,
    showErrorMessage: say,
    showWarningMessage: say,
    showTextDocument: async ({ uri }) => said.shown.push(uri.path),
    createWebviewPanel: (_, title) => ({
      title,
      onDidDispose: event,
      dispose() {},
      webview: {
        cspSource: "https://fake",
        asWebviewUri: (uri) => new Uri("https", uri.path),
        onDidReceiveMessage: event,
        set html(text) {
          said.pages.push(text);
        },
      },
    }),
  }),
  commands: {
    registerCommand: (name, run) => {
      commands.set(name, run);
      return new Disposable();
    },
    executeCommand: () => Promise.resolve(),
  },
};
const types = readFileSync(require.resolve("@types/vscode/index.d.ts"), "utf8");
const names = [...types.matchAll(/^\texport (?:abstract )?(?:class|enum|namespace|const) (\w+)/gm)].map(
  ([, name]) => name,
);
const vscode = Object.fromEntries([...new Set(names)].map((name) => [name, name in known ? known[name] : anything()]));
const load = Module._load;
Module._load = function (id, ...rest) {
  return id === "vscode" ? vscode : load.call(this, id, ...rest);
};

const extension = require(main);
await extension.activate({ subscriptions: [], extensionUri: Uri.file(folder) });
said.commands = [...commands.keys()];
await commands.get("lace.showPlan")();
await commands.get("lace.preview")();
await extension.deactivate();
process.stdout.write(JSON.stringify(said), () => process.exit(0));
