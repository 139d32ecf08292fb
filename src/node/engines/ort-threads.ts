// Several runs of one network at once, each on a thread and a session of its own: onnxruntime-node computes in the thread that asks, so that one thread
// of JavaScript has one run at a time, and threads within an operation gain little on small networks, which a run for each core fills.
// In: an ONNX model, session options for one thread, how many. Out: an Executable of so many runs at once.
// Invariants: a run goes to a thread that is free, in the order of asking; bits are those of a session here (they do not depend on threads);
// idle threads do not keep the process alive; the threads of an executable end with it.
import { createRequire } from "node:module";
import process from "node:process";
import { Worker } from "node:worker_threads";
import type { Arrays, Executable } from "../../compiler/graph/graph.js";
import { InternalError } from "../../source/internal-error.js";

export interface ThreadedModel {
  readonly model: Uint8Array;
  /** Of onnxruntime, of one thread: plain data. */
  readonly options: object;
  readonly threads: number;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** `key`: the output's name in the model. */
  readonly outputs: readonly { readonly name: string; readonly key: string }[];
}

/** What a thread does, as CommonJS text: a file of its own would have to be found from sources, from a bundle and from one executable. */
const SOURCE = `
const [COMPUTES, ENDING] = [0, 1];
const { parentPort, workerData } = require("node:worker_threads");
const { library, model, options, state } = workerData;
// Says that it computes, then looks whether it may: whoever ends the process says so, then looks whether it computes.
async function computing(work) {
  Atomics.store(state, COMPUTES, 1);
  try {
    if (Atomics.load(state, ENDING) === 1) throw new Error("the process ends");
    return await work();
  } finally {
    Atomics.store(state, COMPUTES, 0);
    Atomics.notify(state, COMPUTES);
  }
}
const ort = require(library);
const held = { last: Promise.resolve() };
// One after the other: the last message ends the thread.
parentPort.on("message", (feeds) => void (held.last = held.last.then(() => answer(feeds))));
async function answer(feeds) {
  if (feeds === undefined) {
    await held.session?.release();
    parentPort.close();
    return;
  }
  try {
    const session = (held.session ??= await computing(() => ort.InferenceSession.create(model, options)));
    const tensors = Object.entries(feeds).map(([name, { data, shape }]) => [name, new ort.Tensor("float32", data, shape)]);
    const results = await computing(() => session.run(Object.fromEntries(tensors)));
    const arrays = Object.entries(results).map(([key, { data }]) => [key, Float32Array.from(data)]);
    parentPort.postMessage({ results: Object.fromEntries(arrays) }, arrays.map(([, { buffer }]) => buffer));
  } catch (error) {
    parentPort.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
}
`;

/** Places in the state that a thread shares with its maker. */
const [COMPUTES, ENDING] = [0, 1];
/** How long the end of the process waits for a run under way: onnxruntime-node aborts the process where its thread is ended in the middle of one. */
const END_MS = 5000;

interface Answer {
  readonly results?: Readonly<Record<string, Float32Array>>;
  readonly error?: string;
}

/** A run that waits for a thread, or for its answer. */
interface Asked {
  readonly feeds: object;
  readonly resolve: (results: Readonly<Record<string, Float32Array>>) => void;
  readonly reject: (error: Error) => void;
}

/** Opens a model on threads, which begin when their first run is asked for. Errors of onnxruntime come with the run that they spoil. */
export function threadedExecutable(given: ThreadedModel): Executable {
  const library = createRequire(import.meta.url).resolve("onnxruntime-node");
  /** Of each thread. */
  const states = new Map<Worker, Int32Array>();
  const free: Worker[] = [];
  const all = new Map<Worker, Asked | undefined>();
  const waiting: Asked[] = [];

  /** The process ends: no thread begins another run, and those under way are waited for. */
  function letFinish(): void {
    for (const state of states.values()) Atomics.store(state, ENDING, 1);
    for (const state of states.values()) Atomics.wait(state, COMPUTES, 1, END_MS);
  }

  function settle(worker: Worker, answer: Answer): void {
    const asked = all.get(worker);
    all.set(worker, undefined);
    if (asked === undefined) return;
    if (answer.results !== undefined) asked.resolve(answer.results);
    else asked.reject(new Error(answer.error ?? "a thread of onnxruntime gave nothing"));
  }

  function begin(): Worker {
    const state = new Int32Array(new SharedArrayBuffer(8));
    const { model, options } = given;
    const worker = new Worker(SOURCE, {
      ...{ eval: true, workerData: { library, model, options, state } },
      // Numbers lie outside of its heap: a small one saves 8 MB a thread.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
    });
    if (all.size === 0) process.on("exit", letFinish);
    all.set(worker, undefined);
    states.set(worker, state);
    worker.on("message", (answer: Answer) => {
      settle(worker, answer);
      worker.unref();
      free.push(worker);
      next();
    });
    const lost = (error: string): void => {
      settle(worker, { error });
      all.delete(worker);
      states.delete(worker);
      if (all.size === 0) process.off("exit", letFinish);
      if (free.includes(worker)) free.splice(free.indexOf(worker), 1);
      next();
    };
    worker.on("error", (error) => lost(error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => lost(`a thread of onnxruntime ended with ${code}`));
    return worker;
  }

  function next(): void {
    const [asked] = waiting;
    if (asked === undefined) return;
    const worker = free.pop() ?? (all.size < given.threads ? begin() : undefined);
    if (worker === undefined) return;
    waiting.shift();
    all.set(worker, asked);
    worker.ref();
    worker.postMessage(asked.feeds);
  }

  function feedsOf(inputs: Arrays): object {
    return Object.fromEntries(
      given.inputs.map(({ name, shape }) => {
        const data = inputs[name];
        const size = shape.reduce((a, b) => a * b, 1);
        if (data?.length !== size) throw new InternalError(`input ${name} should have ${size} entries`);
        return [name, { data, shape }];
      }),
    );
  }

  return {
    async run(inputs, into = {}) {
      const feeds = feedsOf(inputs);
      const results = await new Promise<Readonly<Record<string, Float32Array>>>((resolve, reject) => {
        waiting.push({ feeds, resolve, reject });
        next();
      });
      return Object.fromEntries(
        given.outputs.map(({ name, key }) => {
          const data = results[key];
          if (data === undefined) throw new InternalError(`onnxruntime gave no float32 output ${name}`);
          into[name]?.set(data);
          return [name, into[name] ?? data] as const;
        }),
      );
    },
    async dispose() {
      for (const asked of waiting.splice(0)) asked.reject(new Error("the network was disposed"));
      await Promise.all(
        [...all.keys()].map(async (worker) => {
          worker.ref();
          const ended = new Promise((resolve) => worker.once("exit", resolve));
          worker.postMessage(undefined);
          await ended;
        }),
      );
    },
  };
}
