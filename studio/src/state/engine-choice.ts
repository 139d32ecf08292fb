// What scripts are run on: an engine of this browser, or of this machine, where lacec serves the page.
// In: what the person chose, now or earlier. Out: a signal. Invariant: a choice is kept for the next visit; one that cannot be had here is not taken.
import { signal } from "@preact/signals";
import type { BrowserEngineName } from "../../../src/browser/engines.js";
import { ENGINE_NAMES, type EngineName } from "../../../src/runtime/services/engine.js";

export type EngineChoice =
  | { readonly place: "browser"; readonly engine: BrowserEngineName }
  | { readonly place: "machine"; readonly engine: EngineName | "auto" };

/** What can be chosen in a browser, with words for it. */
export const BROWSER_ENGINES: Readonly<Record<BrowserEngineName, string>> = {
  auto: "the best that works",
  "tfjs-webgpu": "WebGPU",
  "tfjs-wasm": "WebAssembly",
  "tfjs-wasm-1": "WebAssembly, one thread",
};
/** What can be chosen of a machine: the names of `lacec run --engine`. */
export const MACHINE_ENGINES: readonly (EngineName | "auto")[] = ["auto", ...ENGINE_NAMES];

/** Where the choice is kept, in the browser. */
export const ENGINE_KEY = "lace-engine";

export const engineChoice = signal<EngineChoice>({ place: "browser", engine: "auto" });
/** Whether lacec serves this page, so that there is a machine to choose. */
export const hasMachine = signal(false);

/** Takes the choice of the last visit; without one, the machine where there is one: its pictures are those of the command line. */
export function restoreChoice(machine: boolean): void {
  hasMachine.value = machine;
  const kept = keptChoice();
  engineChoice.value =
    kept !== undefined && (kept.place === "browser" || machine)
      ? kept
      : { place: machine ? "machine" : "browser", engine: "auto" };
}

/** Chooses, and keeps the choice. */
export function chooseEngine(choice: EngineChoice): void {
  engineChoice.value = choice;
  try {
    localStorage.setItem(ENGINE_KEY, `${choice.place} ${choice.engine}`);
  } catch {
    // It is forgotten with the page.
  }
}

/** The choice of an earlier visit. */
export function keptChoice(): EngineChoice | undefined {
  try {
    return choiceOf(localStorage.getItem(ENGINE_KEY) ?? "");
  } catch {
    return undefined; // a page without storage
  }
}

/** The choice that a text names: `browser tfjs-wasm`, `machine onnx-cpu`. */
export function choiceOf(text: string): EngineChoice | undefined {
  const [place, name = ""] = text.split(" ");
  if (place === "browser") {
    const engine = (Object.keys(BROWSER_ENGINES) as BrowserEngineName[]).find((e) => e === name);
    return engine && { place, engine };
  }
  const engine = MACHINE_ENGINES.find((e) => e === name);
  return place === "machine" && engine !== undefined ? { place, engine } : undefined;
}
