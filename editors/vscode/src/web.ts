// The extension in a browser: the same server in a worker. It reads files through the editor, and of built-in models what ships with the extension.
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/browser";
import { Extension } from "./client.js";

let extension: Extension | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  extension = new Extension(context, async (options) => {
    const worker = await startWorker(vscode.Uri.joinPath(context.extensionUri, "dist/server.js"));
    const client = new LanguageClient("lace", "Lace", worker, options);
    const placeOf = (uri: string): vscode.Uri =>
      uri.startsWith("builtin:")
        ? vscode.Uri.joinPath(
            context.extensionUri,
            "dist",
            `${uri.slice("builtin:".length).replace(/[^\w-]/g, "")}.header`,
          )
        : vscode.Uri.parse(uri);
    client.onRequest("lace/read", async ({ uri }: { readonly uri: string }) => {
      try {
        return { data: base64(await vscode.workspace.fs.readFile(placeOf(uri))) };
      } catch {
        return null; // no such file
      }
    });
    client.onRequest("lace/list", async ({ uri }: { readonly uri: string }) => {
      try {
        const entries = await vscode.workspace.fs.readDirectory(vscode.Uri.parse(uri));
        return entries.map(([name, type]) => ({ name, folder: (type & vscode.FileType.Directory) !== 0 }));
      } catch {
        return null;
      }
    });
    return client;
  });
  await extension.activate();
}

export async function deactivate(): Promise<void> {
  await extension?.deactivate();
}

/** A worker of a script of the extension. Where that lies on another machine its text is read first: the editor starts no worker by such an address. */
async function startWorker(script: vscode.Uri): Promise<Worker> {
  try {
    return new Worker(script.toString(true));
  } catch {
    const bytes = await vscode.workspace.fs.readFile(script);
    return new Worker(URL.createObjectURL(new Blob([Uint8Array.from(bytes)], { type: "text/javascript" })));
  }
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
