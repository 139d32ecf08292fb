// The preview: the pictures of a script beside its text. Pictures appear as they are made; a click on one leads to its task; each input is a slider.
// In: pictures that the server tells of. Out: runs that the server is asked for. Invariants: the page loads nothing from anywhere but the workspace, and
// runs no script but its own; what is not asked for is not run above the limit.
import * as vscode from "vscode";
import { page, type Input } from "./page.js";

/** A picture that is whole, as the server tells it. */
export interface PictureNote {
  readonly script: string;
  readonly picture: string;
  readonly task?: string;
}

/** What the page says. */
type Said =
  | { readonly kind: "run" }
  | { readonly kind: "input"; readonly name: string; readonly value: number }
  | { readonly kind: "reveal"; readonly picture: string };

/** How long after the last key, or the last move of a slider, pictures are made. */
const REST_MS = 400;

export class Preview implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private script = "";
  private inputs: readonly Input[] = [];
  private readonly set = new Map<string, number>();
  /** By address, each with when it was made: a file is loaded anew only where it was made anew. */
  private readonly pictures = new Map<string, PictureNote & { readonly made: number }>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private again = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly ask: (command: string, ...args: readonly unknown[]) => Promise<unknown>,
    private readonly icon: vscode.Uri,
  ) {
    const mode = (): string => vscode.workspace.getConfiguration("lace").get("preview.run", "manual");
    this.subscriptions = [
      vscode.workspace.onDidSaveTextDocument((d) => {
        if (mode() === "save" && d.uri.toString() === this.script) this.soon(true);
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (mode() === "type" && document.uri.toString() === this.script) this.soon(true);
      }),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.panel?.dispose();
    for (const s of this.subscriptions) s.dispose();
  }

  /** Shows the pictures of a script. */
  async open(script: string): Promise<void> {
    if (script !== this.script) {
      this.pictures.clear();
      this.set.clear();
    }
    this.script = script;
    const inputs = await this.ask("lace.inputs", script);
    this.inputs = Array.isArray(inputs) ? (inputs as readonly Input[]) : [];
    if (this.panel === undefined) {
      const roots = (vscode.workspace.workspaceFolders ?? []).map((f) => f.uri);
      this.panel = vscode.window.createWebviewPanel(
        "lace.preview",
        "Lace",
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        {
          enableScripts: true,
          localResourceRoots: [...roots, vscode.Uri.joinPath(vscode.Uri.parse(script), "..")],
        },
      );
      this.panel.iconPath = this.icon;
      this.panel.onDidDispose(() => (this.panel = undefined));
      this.panel.webview.onDidReceiveMessage((said: Said) => void this.heard(said));
    }
    this.draw();
  }

  /** A picture was made. */
  add(note: PictureNote): void {
    if (note.script !== this.script) return;
    this.pictures.set(note.picture, { ...note, made: Date.now() });
    this.draw();
  }

  private async heard(said: Said): Promise<void> {
    if (said.kind === "run") await this.run();
    else if (said.kind === "input") {
      this.set.set(said.name, said.value);
      this.soon(false);
    } else {
      const place = (await this.ask("lace.reveal", said.picture)) as {
        uri: string;
        range: { start: { line: number; character: number } };
      } | null;
      if (!place) return;
      const { line, character } = place.range.start;
      const at = new vscode.Position(line, character);
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(place.uri));
      await vscode.window.showTextDocument(document, {
        viewColumn: vscode.ViewColumn.One,
        selection: new vscode.Range(at, at),
      });
    }
  }

  /** Runs when it has been quiet for a while; `limited`: only a script of few images. */
  private soon(limited: boolean): void {
    if (this.panel === undefined) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(limited), REST_MS);
  }

  private async run(limited = false): Promise<void> {
    if (this.running) {
      this.again = true;
      return;
    }
    const settings = vscode.workspace.getConfiguration("lace");
    this.running = true;
    this.draw();
    const count: number = settings.get("preview.count", 4);
    const most = limited ? { mostImages: settings.get("preview.limit", 16) } : {};
    await this.ask("lace.run", this.script, { count, inputs: Object.fromEntries(this.set), ...most });
    this.running = false;
    this.draw();
    if (!this.again) return;
    this.again = false;
    this.soon(limited);
  }

  private draw(): void {
    const { panel } = this;
    if (panel === undefined) return;
    panel.title = `Lace: ${this.script.replace(/^.*\//, "")}`;
    const nonce = Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join("");
    const pictures = [...this.pictures.values()].map(({ picture, made, task = "" }) => {
      const source = panel.webview.asWebviewUri(vscode.Uri.parse(picture)).toString();
      return { picture, task, source: `${source}?${made}` };
    });
    const inputs = this.inputs.map((i) => ({ ...i, value: this.set.get(i.name) ?? i.value }));
    panel.webview.html = page({ pictures, inputs, running: this.running, nonce, from: panel.webview.cspSource });
  }
}
