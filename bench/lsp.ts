// How long the language server takes: diagnostics after a key, completion, the first diagnostics of a cold server, and thousands of mistakes.
// Run: npm run build && node scripts/bench.js lsp, on a machine that does nothing else.
// In: dist/cli/main.js. Out: a table of medians and 95th percentiles, in milliseconds, beside the goals; on Linux also the mean of the processor time that
// the server took, which another's load changes little; and the load of the machine.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type PublishDiagnosticsParams,
} from "vscode-languageserver-protocol/node";

const URI = "file:///tmp/bench.lace";

/** A script of so many lines, with a typical mix of statements. */
function script(lines: number): string {
  const text = [
    "lace 1",
    'model avatar from "builtin:avatar"',
    "attribute hair: category { black, brown, blond, red, gray }",
  ];
  for (let i = 0; text.length < lines - 6; i++) {
    text.push(`let level${i} = ${i} / 1000`);
    text.push(
      `energy look${i}(x: number) = (glasses or hair is red) and not smile and light > x and tilt is level${i} +- 0.1`,
    );
    text.push(`sample s${i} from avatar {`, `  where look${i}(0.3) and not hat`, "  count 4", `  seed ${i}`, "}");
    text.push(`save s${i} to "s${i}.png" as grid { columns 2 }`);
  }
  return `${text.join("\n")}\n`;
}

async function server() {
  const child = spawn(process.execPath, ["dist/cli/main.js", "lsp", "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  const waiting: ((p: PublishDiagnosticsParams) => void)[] = [];
  connection.onNotification("textDocument/publishDiagnostics", (p: PublishDiagnosticsParams) => {
    for (const wake of waiting.splice(0)) wake(p);
  });
  connection.listen();
  await connection.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
  await connection.sendNotification("initialized", {});
  const told = (): Promise<PublishDiagnosticsParams> => new Promise((resolve) => waiting.push(resolve));
  const open = (text: string): Promise<void> =>
    connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri: URI, languageId: "lace", version: 1, text },
    });
  const edit = (version: number, line: number, text: string, length = 0): Promise<void> =>
    connection.sendNotification("textDocument/didChange", {
      textDocument: { uri: URI, version },
      contentChanges: [{ range: { start: { line, character: 4 }, end: { line, character: 4 + length } }, text }],
    });
  const stop = async (): Promise<void> => {
    await connection.sendRequest("shutdown");
    await connection.sendNotification("exit");
    connection.dispose();
  };
  const { pid = 0 } = child;
  return { connection, told, open, edit, stop, processor: () => processorMs(pid) };
}

/** Milliseconds of processor time that a process has taken, in steps of 10; NaN where the system does not tell. */
function processorMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return NaN;
  }
}

function line(what: string, all: readonly number[], goal: number, processor?: number): string {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (q: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN).toFixed(1);
  return `${what.padEnd(44)} p50 ${at(0.5).padStart(7)}  p95 ${at(0.95).padStart(7)}  goal ${goal}${processor === undefined ? "" : `  processor ${(processor / all.length).toFixed(0)}`}`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const load = (): string => loadavg()[0]?.toFixed(0) ?? "?";
console.log(`Node ${process.version}, ${availableParallelism()} cores, load ${load()}; milliseconds`);
for (const [lines, goal] of [
  [100, 50],
  [400, 150],
] as const) {
  const s = await server();
  let told = s.told();
  await s.open(script(lines));
  const row = 3; // the first `let`: what a key changes there is a mistake, and then none
  await s.edit(2, row, "(");
  await told;
  const keys: number[] = [];
  let keysProcessor = 0;
  const completions: number[] = [];
  for (let i = 0; i < 60; i++) {
    await new Promise((resolve) => setTimeout(resolve, 250)); // as someone types who looks at what they wrote
    told = s.told();
    const back = i % 2 === 0;
    const before = s.processor();
    keys.push(
      await timed(async () => {
        await s.edit(3 + i, row, back ? "" : "(", back ? 1 : 0);
        await told;
      }),
    );
    if (i >= 10) keysProcessor += s.processor() - before;
    completions.push(
      await timed(() =>
        s.connection.sendRequest("textDocument/completion", {
          textDocument: { uri: URI },
          position: { line: 6, character: 8 },
        }),
      ),
    );
  }
  console.log(line(`diagnostics after a key, ${lines} lines`, keys.slice(10), goal, keysProcessor));
  console.log(line(`completion, ${lines} lines`, completions.slice(10), 50));
  await s.stop();
}

const first: number[] = [];
let firstProcessor = 0;
for (let i = 0; i < 7; i++) {
  const start = performance.now();
  const s = await server();
  const told = s.told();
  await s.open(`${script(100)}energy e = unknown\n`);
  await told;
  first.push(performance.now() - start);
  firstProcessor += s.processor();
  await s.stop();
}
console.log(line("first diagnostics, from the start of the process", first, 600, firstProcessor));

const s = await server();
let told = s.told();
await s.open(`lace 1\n${Array.from({ length: 4000 }, (_, i) => `energy e${i} = unknown${i}`).join("\n")}\n`);
await told;
const many: number[] = [];
const before = s.processor();
for (let i = 0; i < 10; i++) {
  told = s.told();
  many.push(
    await timed(async () => {
      await s.edit(2 + i, 1, "x");
      await told;
    }),
  );
}
console.log(line("after a key, 4000 mistakes (200 are told)", many, 2000, s.processor() - before));
console.log(`load ${load()}`);
await s.stop();
