// A reference implementation in Python that runs beside a benchmark and answers line by line.
// In: a script of this folder. Out: its answers. Invariants: one question at a time; a Python without torch is no error, only no peer.
import { spawn } from "node:child_process";
import { once } from "node:events";
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
): Promise<Peer | undefined> {
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "pipe"] });
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
