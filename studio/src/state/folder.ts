// The folder of this machine that `lacec studio` serves: its scripts are the project, and what is changed here is changed there.
// In: a token out of the address. Out: a project that follows the folder, both ways. Invariants: a file that changed in both places is not written over: the person says which one
// stays; without a token there is no folder.
import { effect, signal } from "@preact/signals";
import { change, files, project, projectOf, type FileContent } from "./project.js";

interface FolderFile {
  readonly path: string;
  readonly size: number;
  readonly version?: string;
  readonly text?: string;
  readonly gone?: true;
}

/** A script that was changed here and on the disk. */
export interface Conflict {
  readonly path: string;
  readonly theirs: string;
  readonly version: string | undefined;
}

export const folderName = signal<string | undefined>(undefined);
export const conflict = signal<Conflict | undefined>(undefined);
/** What could not be written, in words. */
export const folderTrouble = signal<string | undefined>(undefined);

/** How long keys are waited for before the file is written, in milliseconds. */
const REST_MS = 300;
const KEY = "lace-token";

/** The token of the address, which is taken out of it; or that of this tab. */
export function takeToken(): string | undefined {
  const given = /(?:^#|&)token=([\w-]+)/.exec(location.hash)?.[1];
  try {
    if (given !== undefined) {
      sessionStorage.setItem(KEY, given);
      history.replaceState(null, "", location.pathname + location.search);
    }
    return given ?? sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return given;
  }
}

export class FolderSync {
  /** Versions and texts as they are on the disk, by path. */
  private readonly disk = new Map<string, { readonly version: string; readonly text: string }>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly token: string,
    /** Told of a text that came from the disk. */
    private readonly onText: (path: string, text: string) => void,
  ) {}

  /** Opens the folder as the project. Gives whether there is one behind the token. */
  async open(): Promise<boolean> {
    const answer = await this.ask("GET", "folder").catch(() => undefined);
    if (answer?.ok !== true) return false;
    const { name, files: found } = (await answer.json()) as {
      readonly name: string;
      readonly files: readonly FolderFile[];
    };
    const contents: Record<string, FileContent> = {};
    for (const { path, text, version } of found) {
      if (text === undefined || version === undefined) continue;
      contents[path] = text;
      this.disk.set(path, { version, text });
    }
    const scripts = Object.keys(contents).sort(
      (a, b) => a.split("/").length - b.split("/").length || a.localeCompare(b),
    );
    const entry = scripts[0] ?? "portraits.lace";
    if (scripts.length === 0) contents[entry] = "lace 1\n";
    for (const { path, text } of found) if (text === undefined) contents[path] = await this.bytes(path);
    project.value = projectOf(name, contents, entry);
    folderName.value = name;
    effect(() => this.write(files.value));
    void this.follow();
    return true;
  }

  /** The person's answer to a conflict. */
  async settle(keep: "mine" | "theirs"): Promise<void> {
    const now = conflict.value;
    if (now === undefined) return;
    conflict.value = undefined;
    if (now.version === undefined) this.disk.delete(now.path);
    else this.disk.set(now.path, { version: now.version, text: now.theirs });
    if (keep === "theirs") this.take(now.path, now.theirs);
    else await this.save(now.path);
  }

  private write(contents: Readonly<Record<string, FileContent>>): void {
    for (const [path, text] of Object.entries(contents)) {
      if (typeof text !== "string" || this.disk.get(path)?.text === text || conflict.peek()?.path === path) continue;
      clearTimeout(this.timers.get(path));
      this.timers.set(
        path,
        setTimeout(() => void this.save(path), REST_MS),
      );
    }
    for (const path of this.disk.keys()) if (!Object.hasOwn(contents, path)) void this.remove(path);
  }

  private async save(path: string): Promise<void> {
    const text = files.peek()[path];
    if (typeof text !== "string") return;
    const base = this.disk.get(path)?.version;
    const answer = await this.ask("PUT", `file?path=${encodeURIComponent(path)}`, text, base).catch(() => undefined);
    if (answer?.ok === true) {
      const { version } = (await answer.json()) as { readonly version: string };
      this.disk.set(path, { version, text });
      folderTrouble.value = undefined;
    } else if (answer?.status === 409) await this.conflicting(path);
    else {
      const said = answer === undefined ? "lacec studio does not answer" : await messageOf(answer);
      folderTrouble.value = `${path} was not written: ${said}. It is kept in this browser.`;
    }
  }

  private async remove(path: string): Promise<void> {
    const base = this.disk.get(path)?.version;
    this.disk.delete(path);
    const answer = await this.ask("DELETE", `file?path=${encodeURIComponent(path)}`, undefined, base).catch(
      () => undefined,
    );
    if (answer !== undefined && !answer.ok) folderTrouble.value = `${path} was not removed: ${await messageOf(answer)}`;
  }

  private async conflicting(path: string): Promise<void> {
    const bytes = await this.bytes(path).catch(() => undefined);
    const theirs = bytes === undefined ? "" : new TextDecoder().decode(bytes);
    const version = bytes === undefined ? undefined : await hashOf(bytes);
    conflict.value = { path, theirs, version };
  }

  /** Follows changes on the disk, for as long as the server answers. */
  private async follow(): Promise<void> {
    for (;;) {
      const answer = await this.ask("GET", "watch").catch(() => undefined);
      const reader = answer?.body?.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      while (reader !== undefined) {
        const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
        if (done || value === undefined) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") await this.changed(JSON.parse(line) as FolderFile);
      }
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  private async changed({ path, text, version, gone }: FolderFile): Promise<void> {
    const known = this.disk.get(path);
    const mine = files.peek()[path];
    if (gone === true) {
      // A file that was changed here is kept; it is written again when it is changed next.
      this.disk.delete(path);
      if (typeof mine === "string" && mine !== known?.text) return;
      const left = Object.fromEntries(Object.entries(files.peek()).filter(([p]) => p !== path));
      if (Object.keys(left).some((p) => p.endsWith(".lace")) && project.peek().active !== path) change({ files: left });
      return;
    }
    if (text === undefined || version === undefined) {
      const bytes = await this.bytes(path).catch(() => undefined);
      if (bytes !== undefined) change({ files: { ...files.peek(), [path]: bytes } });
      return;
    }
    if (version === known?.version || text === mine) {
      this.disk.set(path, { version, text });
      return;
    }
    if (typeof mine === "string" && mine !== known?.text) {
      conflict.value = { path, theirs: text, version };
      return;
    }
    this.disk.set(path, { version, text });
    this.take(path, text);
  }

  private take(path: string, text: string): void {
    change({ files: { ...files.peek(), [path]: text } });
    this.onText(path, text);
  }

  private async bytes(path: string): Promise<Uint8Array> {
    const answer = await this.ask("GET", `file?path=${encodeURIComponent(path)}`);
    if (!answer.ok) throw new Error(await messageOf(answer));
    return new Uint8Array(await answer.arrayBuffer());
  }

  private ask(method: string, what: string, body?: string, base?: string): Promise<Response> {
    const headers = { "x-lace-token": this.token, ...(base !== undefined && { "x-lace-base": base }) };
    return fetch(`./api/${what}`, { method, headers, ...(body !== undefined && { body }) });
  }
}

async function messageOf(answer: Response): Promise<string> {
  const said = (await answer.json().catch(() => undefined)) as { readonly message?: string } | undefined;
  return said?.message ?? answer.statusText;
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return [...digest].map((b) => b.toString(16).padStart(2, "0")).join("");
}
