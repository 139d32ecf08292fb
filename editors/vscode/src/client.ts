// What both extensions share, that of the desktop and that of the browser: the client of the language server, its commands and their results.
// In: a client that can be started. Out: commands, texts beside the editor, the preview. Invariants: a command without arguments means the open script.
import * as vscode from "vscode";
import type { BaseLanguageClient, LanguageClientOptions } from "vscode-languageclient";
import { Preview, type PictureNote } from "./preview.js";

/** The scheme of texts that commands show: plans, energies, explanations. */
const SHOWN = "lace-shown";

/** How a run ended, as the server tells it. */
interface RunEnd {
  readonly ok: boolean;
  readonly message: string;
  readonly pictures: readonly string[];
}

/** Texts that are shown beside a script. */
class ShownTexts implements vscode.TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  async show(name: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SHOWN, path: `/${name}` });
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
  }
}

/** The client's options: which texts, and what becomes of the results of commands that lenses call. */
export function clientOptions(
  shown: (command: string, args: readonly unknown[], result: unknown) => Promise<void>,
): LanguageClientOptions {
  return {
    documentSelector: [{ language: "lace" }],
    middleware: {
      executeCommand: async (command, args: unknown[], next) => {
        const given = args.length > 0 ? args : openScript();
        const result: unknown = await next(command, given);
        await shown(command, given, result);
        return result;
      },
    },
  };
}

function openScript(): unknown[] {
  const document = vscode.window.activeTextEditor?.document;
  return document?.languageId === "lace" ? [document.uri.toString()] : [];
}

/** The extension around a client. `start` makes one, or says in its own way why it cannot. */
export class Extension {
  private client: BaseLanguageClient | undefined;
  private readonly texts = new ShownTexts();
  private readonly preview: Preview;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly make: (options: LanguageClientOptions) => Promise<BaseLanguageClient | undefined>,
  ) {
    const icon = vscode.Uri.joinPath(context.extensionUri, "media/icon.png");
    this.preview = new Preview((command, ...args) => this.ask(command, ...args), icon);
  }

  async activate(): Promise<void> {
    const { subscriptions } = this.context;
    subscriptions.push(vscode.workspace.registerTextDocumentContentProvider(SHOWN, this.texts), this.preview);
    const command = (name: string, run: () => Promise<unknown>): void => {
      subscriptions.push(vscode.commands.registerCommand(name, run));
    };
    const onScript = (name: string, server: string): void =>
      command(name, async () => {
        const args = openScript();
        if (args.length > 0) await this.show(server, args, await this.ask(server, ...args));
      });
    onScript("lace.runFile", "lace.run");
    onScript("lace.runFileSmall", "lace.runSmall");
    onScript("lace.showPlan", "lace.plan");
    onScript("lace.lockFile", "lace.lock");
    command("lace.preview", async () => {
      const [uri] = openScript();
      if (typeof uri === "string") await this.preview.open(uri);
    });
    command("lace.explainCode", async () => {
      const code = await vscode.window.showInputBox({ prompt: "A code, such as L2001" });
      if (code !== undefined) await this.show("lace.explain", [code], await this.ask("lace.explain", code));
    });
    command("lace.restart", () => this.restart());
    await this.start();
  }

  async deactivate(): Promise<void> {
    await this.client?.stop();
  }

  /** A command of the server. */
  private async ask(command: string, ...args: readonly unknown[]): Promise<unknown> {
    if (this.client === undefined) {
      void vscode.window.showWarningMessage("Lace: no language server is running.");
      return undefined;
    }
    try {
      return await this.client.sendRequest("workspace/executeCommand", { command, arguments: args });
    } catch (error) {
      void vscode.window.showErrorMessage(`Lace: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  private async start(): Promise<void> {
    this.client = await this.make(clientOptions((c, a, r) => this.show(c, a, r)));
    if (this.client === undefined) return;
    await this.client.start();
    this.client.onNotification("lace/picture", (note: PictureNote) => this.preview.add(note));
  }

  private async restart(): Promise<void> {
    await this.client?.stop();
    this.client = undefined;
    await this.start();
  }

  private async show(command: string, args: readonly unknown[], result: unknown): Promise<void> {
    if (typeof result === "string") {
      const end = command === "lace.explain" ? "md" : "txt";
      await this.texts.show(
        `${command.replace("lace.", "")} ${String(args[1] ?? args[0]).replace(/^.*\//, "")}.${end}`,
        result,
      );
    } else if (isRunEnd(result)) {
      if (result.ok) void vscode.window.setStatusBarMessage(`Lace: ${result.message}`, 5000);
      else void vscode.window.showErrorMessage(`Lace: ${result.message}`);
      const [script] = args;
      if (result.pictures.length > 0 && typeof script === "string" && command !== "lace.lock")
        await this.preview.open(script);
    }
  }
}

function isRunEnd(value: unknown): value is RunEnd {
  return typeof value === "object" && value !== null && "ok" in value && "pictures" in value;
}
