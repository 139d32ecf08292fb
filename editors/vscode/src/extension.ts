// The extension on a desktop: the server is the lacec that is found, in a process of its own.
import * as vscode from "vscode";
import { LanguageClient, TransportKind } from "vscode-languageclient/node";
import { Extension } from "./client.js";
import { findLacec, type FoundLacec } from "./find-lacec.js";

let extension: Extension | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  extension = new Extension(context, (options) => {
    const found = vscode.workspace.isTrusted ? find() : undefined;
    if (found === undefined) {
      if (vscode.workspace.isTrusted) void offerInstall();
      return Promise.resolve(undefined);
    }
    const { command, args } = found;
    // The client adds `--stdio` itself.
    return Promise.resolve(
      new LanguageClient("lace", "Lace", { command, args: [...args, "lsp"], transport: TransportKind.stdio }, options),
    );
  });
  context.subscriptions.push(
    vscode.commands.registerCommand("lace.install", install),
    vscode.tasks.registerTaskProvider("lace", { provideTasks: () => tasks(), resolveTask: (task) => resolved(task) }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void vscode.commands.executeCommand("lace.restart")),
  );
  await extension.activate();
}

export async function deactivate(): Promise<void> {
  await extension?.deactivate();
}

function find(): FoundLacec | undefined {
  const folders = (vscode.workspace.workspaceFolders ?? [])
    .filter((f) => f.uri.scheme === "file")
    .map((f) => f.uri.fsPath);
  return findLacec(vscode.workspace.getConfiguration("lace").get("path", ""), folders);
}

async function offerInstall(): Promise<void> {
  const answer = await vscode.window.showInformationMessage(
    "Lace: this workspace has no lacec.",
    "Install it",
    "Not now",
  );
  if (answer === "Install it") install();
}

function install(): void {
  const terminal = vscode.window.createTerminal("lacec");
  terminal.show();
  terminal.sendText("npm install --save-dev lacec");
}

function tasks(): vscode.Task[] {
  return ["run", "check", "fmt"].flatMap(
    (verb) => resolved(new vscode.Task({ type: "lace", verb }, vscode.TaskScope.Workspace, verb, "lace")) ?? [],
  );
}

function resolved(task: vscode.Task): vscode.Task | undefined {
  const found = find();
  if (found === undefined) return undefined;
  const { verb = "run", file = "${file}" } = task.definition as { verb?: string; file?: string };
  const execution = new vscode.ProcessExecution(found.command, [...found.args, verb, file]);
  return new vscode.Task(task.definition, task.scope ?? vscode.TaskScope.Workspace, verb, "lace", execution, "$lacec");
}
