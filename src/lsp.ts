// The door `lacec/lsp`: the language server, for any connection of vscode-languageserver and any files. Nothing here needs Node.
// In: a connection and files. Out: a server that answers on it. `lacec lsp --stdio` is this over standard input and output.
export type { EditorFiles, FolderEntry } from "./lsp/files.js";
export type { RunEnd, RunRequest, RunStep, ScriptRuns } from "./lsp/runs.js";
export { startServer, type ServerOptions } from "./lsp/server.js";
