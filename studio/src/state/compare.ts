// What differs in meaning between two projects, found by a worker of its own: compiling holds up no key and no run.
import type { ComparedProject, Meaning } from "../engine/compare-worker.js";
import CompareWorker from "../engine/compare-worker.js?worker";

/** Compares. What goes wrong is said in the answer. */
export function compareMeaning(before: ComparedProject, after: ComparedProject): Promise<Meaning> {
  const worker = new CompareWorker({ name: "compare" });
  const plain = ({ files, entry, inputs }: ComparedProject): ComparedProject => ({ files, entry, inputs });
  return new Promise<Meaning>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<Meaning>) => resolve(data);
    worker.onerror = (event) => resolve({ differences: [], trouble: event.message || "the compiler ended" });
    worker.postMessage({
      before: plain(before),
      after: plain(after),
      models: new URL("./models/", document.baseURI).href,
    });
  }).finally(() => worker.terminate());
}
