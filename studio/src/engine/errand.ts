// One errand for a worker of its own, which ends with it: it holds up no key and no run, and no run holds it up.
// In: what is asked. Out: the answer, or a sentence about what went wrong in its place. The worker's script is the engine's, which has the compiler already.
import type { ComparisonAsked, Meaning } from "./compare.js";
import type { ImportAsked, ImportedModel } from "./import-model.js";
import EngineWorker from "./worker.js?worker";

export type Errand =
  | { readonly kind: "compare"; readonly asked: ComparisonAsked }
  | { readonly kind: "import"; readonly asked: ImportAsked };

/** What differs in meaning between two projects. */
export function compareMeaning(asked: Omit<ComparisonAsked, "models">): Promise<Meaning> {
  const models = new URL("./models/", document.baseURI).href;
  return sent({ kind: "compare", asked: { ...asked, models } }, (trouble): Meaning => ({ differences: [], trouble }));
}

/** The pack of a model file of other tools. */
export function importModelFile(asked: ImportAsked): Promise<ImportedModel> {
  return sent({ kind: "import", asked }, (trouble): ImportedModel => ({ files: [], said: [], trouble }));
}

function sent<T>(errand: Errand, failed: (why: string) => T): Promise<T> {
  const worker = new EngineWorker({ name: errand.kind });
  return new Promise<T>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<T>) => resolve(data);
    worker.onerror = (event) => resolve(failed(event.message || "its worker ended"));
    worker.postMessage(errand);
  }).finally(() => worker.terminate());
}
