// A reference implementation in Python that runs beside a benchmark and answers line by line.
// In: a script of this folder. Out: its answers. Invariants: one question at a time; a Python without torch is no error, only no peer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

export interface Peer {
  /** What it answered to the setup. */
  readonly hello: unknown;
  /** Sends a line of JSON, resolves with the answer. */
  ask(request: object): Promise<unknown>;
  close(): Promise<void>;
}

/** Starts `script` (with $PYTHON or python3, where no other is named), sends it `setup`, and waits until it is ready. */
export async function openPeer(
  script: string,
  setup: object,
  python = process.env["PYTHON"] ?? "/usr/bin/python3",
  threads?: number,
): Promise<Peer | undefined> {
  const env = { ...process.env, ...(threads !== undefined && threadsOf(threads)) };
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "pipe"], env });
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  child.on("error", (error) => (errors += error.message));
  child.stdin.on("error", () => undefined); // it ended first: the missing answer says so
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await lines.next();
    if (line.done === true) throw new Error(`${script} ended: ${errors.trim().split("\n").at(-1) ?? ""}`);
    return JSON.parse(line.value);
  };
  let hello: unknown;
  try {
    hello = await ask(setup);
  } catch (error) {
    console.error(`no PyTorch beside: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  return {
    hello,
    ask,
    close: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

/** What the libraries under PyTorch look at when they are loaded. */
function threadsOf(threads: number): Record<string, string> {
  const names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];
  return Object.fromEntries(names.map((name) => [name, String(threads)]));
}

export interface BestPeer {
  readonly peer: Peer;
  /** The number of threads that it is fastest with. */
  readonly threads: number;
}

/**
 * Starts a script with the number of threads that its trial takes least time with, of 1, 2, 4 ... cores: more need not be faster. Says on stderr what each took.
 * `setupFor` is its setup for so many; `trial` asks for the work that is timed, and is run twice: the first compiles and takes memory.
 */
export async function openBestPeer(
  script: string,
  setupFor: (threads: number) => object,
  trial: (peer: Peer) => Promise<unknown>,
  python?: string,
): Promise<BestPeer | undefined> {
  const cores = availableParallelism();
  const counts = [...new Set([...Array.from({ length: 1 + Math.log2(cores) }, (_, k) => 2 ** k), cores])];
  const took = new Map<number, number>();
  for (const threads of counts) {
    const peer = await openPeer(script, setupFor(threads), python, threads);
    if (peer === undefined) return undefined;
    await trial(peer);
    const start = performance.now();
    await trial(peer);
    took.set(threads, performance.now() - start);
    await peer.close();
  }
  const [best = 1] = [...took.keys()].sort((a, b) => (took.get(a) ?? 0) - (took.get(b) ?? 0));
  const text = [...took].map(([n, ms]) => `${n === 1 ? "one thread" : `${n} threads`} ${ms.toFixed(0)} ms`).join(", ");
  console.error(`PyTorch by threads: ${text}`);
  const peer = await openPeer(script, setupFor(best), python, best);
  return peer && { peer, threads: best };
}
