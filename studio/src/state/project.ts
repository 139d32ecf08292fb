// The project that is open: its files, which of them is shown and which is run, the values of its inputs.
// In: what the person does. Out: signals. Invariants: every change is kept in the browser at once; paths are unique and stay inside the project.
import { batch, computed, signal } from "@preact/signals";
import { examples } from "./examples.js";
import { isPath, projectOf, type FileContent, type Project } from "./project-values.js";
import type { Store } from "./store.js";

export { isPath, projectOf, type FileContent, type Project } from "./project-values.js";

/** The project that is open. */
export const project = signal<Project>(fromExample(0));
export const files = computed(() => project.value.files);
export const paths = computed(() => Object.keys(project.value.files).sort());

/** A new project from an example of the repository. */
export function fromExample(at: number): Project {
  const example = examples[at];
  const first = { "portrait.lace": "lace 1\n" };
  return projectOf(example?.name ?? "new", example?.files ?? first, example?.entry ?? "portrait.lace");
}

/** Changes the project. */
export function change(edit: Partial<Omit<Project, "id">>): void {
  project.value = { ...project.value, ...edit, changed: Date.now() };
}

/** Puts a file in place of what is there. */
export function putFile(path: string, content: FileContent): void {
  change({ files: { ...project.value.files, [path]: content } });
}

/** Takes a file away; the last script stays. */
export function removeFile(path: string): void {
  const { files: all, entry, active } = project.value;
  const left = Object.fromEntries(Object.entries(all).filter(([p]) => p !== path));
  const script = Object.keys(left).find((p) => p.endsWith(".lace"));
  if (script === undefined) return;
  change({ files: left, entry: entry === path ? script : entry, active: active === path ? script : active });
}

/** Gives a file another name. */
export function renameFile(from: string, to: string): void {
  const { files: all, entry, active } = project.value;
  if (from === to || Object.hasOwn(all, to) || !isPath(to)) return;
  const renamed = Object.fromEntries(Object.entries(all).map(([p, c]) => [p === from ? to : p, c]));
  batch(() => {
    change({ files: renamed, entry: entry === from ? to : entry, active: active === from ? to : active });
  });
}

/** Opens the project that was open last, if one was. */
export async function restore(store: Store): Promise<void> {
  const id = await store.get<string>("settings", "open");
  const kept = id === undefined ? undefined : await store.get<Project>("projects", id);
  if (kept !== undefined) project.value = kept;
}

/** Keeps every change from now on. */
export function keepProject(store: Store): () => void {
  return project.subscribe((value) => {
    store.put("projects", value.id, value);
    store.put("settings", "open", value.id);
  });
}
