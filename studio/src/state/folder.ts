// The folder of this machine that `lacec studio` serves: its scripts are the project, and what is changed here is changed there.
// In: a token out of the address. Out: a project that follows the folder, both ways. Invariants: a file that changed in both places is not written over: the person says which one
// stays; what a crash kept from being written is written when the page comes back; without a token there is no folder.
import { computed, effect, signal } from "@preact/signals";
import { change, files, project, projectOf, type FileContent, type Project } from "./project.js";
import type { Store } from "./store.js";

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
const conflicts = signal<readonly Conflict[]>([]);
/** What the person is asked about now. */
export const conflict = computed(() => conflicts.value[0]);
/** What could not be written, in words. */
export const folderTrouble = signal<string | undefined>(undefined);

/** How long keys are waited for before the file is written, in milliseconds. */
const REST_MS = 300;
/** How long a server that does not answer is left alone, in milliseconds. */
const AWAY_MS = 2000;
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

/** What the folder tells the rest of the page. */
export interface FolderEvents {
  /** A text came from the disk. */
  onText(path: string, text: string): void;
  /** Something happened there that the person should know. */
  onNote(sentence: string): void;
}

export class FolderSync {
  /** Versions and texts as they are on the disk, by path. */
  private readonly disk = new Map<string, { readonly version: string; readonly text: string }>();
  /** Models and heads that are on the disk. */
  private readonly models = new Set<string>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** What is being written: its echo is no change of somebody else. */
  private readonly sending = new Map<string, string>();
  private id = "";

  constructor(
    private readonly token: string,
    private readonly store: Store,
    private readonly events: FolderEvents,
  ) {}

  /** Opens the folder as the project, with what a crash kept from being written. Gives whether there is one behind the token. */
  async open(): Promise<boolean> {
    const found = await this.list().catch(() => undefined);
    if (found === undefined) return false;
    const { name } = found;
    this.id = `folder ${name}`;
    const contents: Record<string, FileContent> = {};
    for (const { path, text, version } of found.files) {
      if (text === undefined || version === undefined) {
        this.models.add(path);
        contents[path] = await this.bytes(path);
        continue;
      }
      contents[path] = text;
      this.disk.set(path, { version, text });
    }
    const kept = await this.store.get<Project>("projects", this.id);
    if (kept !== undefined) Object.assign(contents, await this.unwritten(kept.files));
    const scripts = Object.keys(contents)
      .filter((path) => typeof contents[path] === "string")
      .sort((a, b) => a.split("/").length - b.split("/").length || a.localeCompare(b));
    const first = scripts[0] ?? "portraits.lace";
    if (scripts.length === 0) contents[first] = "lace 1\n";
    const known = (path: string | undefined): string =>
      path !== undefined && typeof contents[path] === "string" ? path : first;
    project.value = {
      ...projectOf(name, contents, known(kept?.entry)),
      ...{ id: this.id, active: known(kept?.active), inputs: kept?.inputs ?? {} },
    };
    folderName.value = name;
    this.keepVersions();
    effect(() => this.write(files.value));
    void this.follow();
    return true;
  }

  /** The person's answer to a conflict. */
  async settle(keep: "mine" | "theirs"): Promise<void> {
    const now = conflict.value;
    if (now === undefined) return;
    conflicts.value = conflicts.value.slice(1);
    if (now.version === undefined) this.disk.delete(now.path);
    else this.disk.set(now.path, { version: now.version, text: now.theirs });
    this.keepVersions();
    if (keep === "theirs") this.take(now.path, now.theirs);
    else await this.save(now.path);
  }

  /** Writes what a run made. Errors: Error, in words. */
  async put(path: string, blob: Blob): Promise<void> {
    const answer = await this.ask("PUT", `file?path=${encodeURIComponent(path)}`, blob);
    if (!answer.ok) throw new Error(await messageOf(answer));
  }

  /** Of what this browser kept, what never reached the disk; what was changed there too is asked about. */
  private async unwritten(kept: Readonly<Record<string, FileContent>>): Promise<Record<string, FileContent>> {
    const versions = (await this.store.get<Record<string, string>>("settings", this.id)) ?? {};
    const found: Record<string, FileContent> = {};
    for (const [path, text] of Object.entries(kept)) {
      if (typeof text !== "string") continue;
      const there = this.disk.get(path);
      const base = versions[path];
      if (there === undefined) {
        // Written once and gone since: it was removed there.
        if (base === undefined) found[path] = text;
        continue;
      }
      if (text === there.text || base === undefined) continue;
      if ((await hashOf(new TextEncoder().encode(text))) === base) continue;
      found[path] = text;
      if (there.version !== base) this.conflicting({ path, theirs: there.text, version: there.version });
    }
    return found;
  }

  /** Keeps which versions the project is based on, beside the project itself. */
  private keepVersions(): void {
    const versions = Object.fromEntries([...this.disk].map(([path, { version }]) => [path, version]));
    this.store.put("settings", this.id, versions);
  }

  private known(path: string, version: string, text: string): void {
    this.disk.set(path, { version, text });
    this.keepVersions();
  }

  private conflicting(now: Conflict): void {
    conflicts.value = [...conflicts.peek().filter((c) => c.path !== now.path), now];
  }

  private write(contents: Readonly<Record<string, FileContent>>): void {
    for (const [path, content] of Object.entries(contents)) {
      if (conflicts.peek().some((c) => c.path === path)) continue;
      if (typeof content !== "string") {
        if (!this.models.has(path)) void this.saveModel(path, content);
      } else if (this.disk.get(path)?.text !== content) this.soon(path);
    }
    for (const path of this.disk.keys()) if (!Object.hasOwn(contents, path)) void this.remove(path);
  }

  private soon(path: string): void {
    clearTimeout(this.timers.get(path));
    this.timers.set(
      path,
      setTimeout(() => void this.save(path), REST_MS),
    );
  }

  private async save(path: string): Promise<void> {
    const text = files.peek()[path];
    if (typeof text !== "string" || this.disk.get(path)?.text === text) return;
    // One write at a time, each based on the one before.
    if (this.sending.has(path)) {
      this.soon(path);
      return;
    }
    const base = this.disk.get(path)?.version;
    this.sending.set(path, text);
    const answer = await this.ask("PUT", `file?path=${encodeURIComponent(path)}`, text, base).catch(() => undefined);
    this.sending.delete(path);
    if (answer?.ok === true) {
      const { version } = (await answer.json()) as { readonly version: string };
      this.known(path, version, text);
      folderTrouble.value = undefined;
    } else if (answer?.status === 409) await this.lookAt(path);
    else {
      const said = answer === undefined ? "lacec studio does not answer" : await messageOf(answer);
      folderTrouble.value = `${path} was not written: ${said}. It is kept in this browser.`;
    }
  }

  /** A model that was dropped on the page lies in the folder from then on: scripts name it, here and on the command line. */
  private async saveModel(path: string, bytes: Uint8Array): Promise<void> {
    this.models.add(path);
    await this.put(path, new Blob([new Uint8Array(bytes)])).catch((error: unknown) => {
      folderTrouble.value = `${path} was not written: ${error instanceof Error ? error.message : String(error)}`;
    });
  }

  private async remove(path: string): Promise<void> {
    const base = this.disk.get(path)?.version;
    this.disk.delete(path);
    this.keepVersions();
    const answer = await this.ask("DELETE", `file?path=${encodeURIComponent(path)}`, undefined, base).catch(
      () => undefined,
    );
    if (answer !== undefined && !answer.ok && answer.status !== 404)
      folderTrouble.value = `${path} was not removed: ${await messageOf(answer)}`;
  }

  /** What lies on the disk in place of what was expected there. */
  private async lookAt(path: string): Promise<void> {
    const bytes = await this.bytes(path).catch(() => undefined);
    const theirs = bytes === undefined ? "" : new TextDecoder().decode(bytes);
    const version = bytes === undefined ? undefined : await hashOf(bytes);
    this.conflicting({ path, theirs, version });
  }

  /** Follows changes on the disk, for as long as the page is there. */
  private async follow(): Promise<void> {
    for (;;) {
      const answer = await this.ask("GET", "watch").catch(() => undefined);
      if (answer?.ok === true) await this.catchUp().catch(() => undefined);
      const reader = answer?.body?.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      while (reader !== undefined) {
        const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
        if (done || value === undefined) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") await this.changed(JSON.parse(line) as FolderFile);
      }
      await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    }
  }

  /** What happened while nobody was told: before the first word, and while the server was away. */
  private async catchUp(): Promise<void> {
    const { files: found } = await this.list();
    for (const file of found) if (file.text !== undefined || !this.models.has(file.path)) await this.changed(file);
    const there = new Set(found.map(({ path }) => path));
    for (const [path, { version }] of [...this.disk])
      if (!there.has(path) && version !== "") await this.changed({ path, size: 0, gone: true });
    // What could not be written meanwhile is written now.
    this.write(files.peek());
  }

  private async changed({ path, text, version, gone }: FolderFile): Promise<void> {
    const known = this.disk.get(path);
    const mine = files.peek()[path];
    if (gone === true) {
      this.gone(path, typeof mine === "string" && mine !== known?.text);
      return;
    }
    if (text === undefined || version === undefined) {
      const bytes = await this.bytes(path).catch(() => undefined);
      this.models.add(path);
      if (bytes !== undefined) change({ files: { ...files.peek(), [path]: bytes } });
      return;
    }
    if (version === known?.version) return;
    if (text === mine || text === this.sending.get(path)) {
      this.known(path, version, text);
      return;
    }
    if (typeof mine === "string" && mine !== known?.text) {
      this.conflicting({ path, theirs: text, version });
      return;
    }
    this.known(path, version, text);
    this.take(path, text);
  }

  /** A file that is not there any more. One that is changed here, or shown, stays, and is written again when it is changed next. */
  private gone(path: string, isChanged: boolean): void {
    const wasThere = this.disk.delete(path) || this.models.delete(path);
    this.keepVersions();
    if (!wasThere || !Object.hasOwn(files.peek(), path)) return;
    const left = Object.fromEntries(Object.entries(files.peek()).filter(([p]) => p !== path));
    const { active, entry } = project.peek();
    const isNeeded = active === path || entry === path || !Object.keys(left).some((p) => p.endsWith(".lace"));
    if (isChanged || isNeeded) {
      this.events.onNote(`${path} was removed on the disk. It stays here, and is written again when it is changed.`);
      // Until then nothing is written: what is there is known to be gone.
      const text = files.peek()[path];
      if (!isChanged && typeof text === "string") this.disk.set(path, { version: "", text });
    } else change({ files: left });
  }

  private take(path: string, text: string): void {
    change({ files: { ...files.peek(), [path]: text } });
    this.events.onText(path, text);
  }

  private async list(): Promise<{ readonly name: string; readonly files: readonly FolderFile[] }> {
    const answer = await this.ask("GET", "folder");
    if (!answer.ok) throw new Error(await messageOf(answer));
    return (await answer.json()) as { readonly name: string; readonly files: readonly FolderFile[] };
  }

  private async bytes(path: string): Promise<Uint8Array> {
    const answer = await this.ask("GET", `file?path=${encodeURIComponent(path)}`);
    if (!answer.ok) throw new Error(await messageOf(answer));
    return new Uint8Array(await answer.arrayBuffer());
  }

  private ask(method: string, what: string, body?: string | Blob, base?: string): Promise<Response> {
    const headers = { "x-lace-token": this.token, ...(base !== undefined && base !== "" && { "x-lace-base": base }) };
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
