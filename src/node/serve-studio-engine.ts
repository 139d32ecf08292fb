// The engine of this machine for the studio, seen from its process: it runs what its parent asks for, and ends when its parent does.
// In: messages of studio-engine.ts; the working folder, which is the project. Out: its answers. Invariants: the page's texts stand for the files; no path outside the folder is read, but
// models that ship with lacec or were imported by name; nothing is written; engines, and what they compiled, stay open from run to run.
import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve as resolvePath, sep } from "node:path";
import process from "node:process";
import { breathing } from "../app/live/breathing.js";
import { memoryCache } from "../app/live/memory-cache.js";
import type { FromEngine, RunJob, ToEngine } from "../app/live/messages.js";
import { estimateJob } from "../app/live/estimate-job.js";
import { inspectJob } from "../app/live/inspect-job.js";
import { Paces } from "../app/live/paces.js";
import { remakeJob } from "../app/live/remake-job.js";
import { runJob, type OpenedWorld, type RunSurroundings } from "../app/live/run-job.js";
import { engineChoice, type EngineChoice } from "../app/verb.js";
import type { Host } from "../ports/host.js";
import type { Engine } from "../runtime/services/engine.js";
import { keepingExecutables } from "../runtime/services/kept-executables.js";
import type { World } from "../runtime/services/world.js";
import { failure, LaceError } from "../source/diagnostic.js";
import { openEngine } from "./engines/open.js";
import { modelsFolder, nodeHost } from "./host.js";
import { modelsHome } from "./model-store.js";
import { lacecVersion, nodeServices } from "./services.js";

/** Results that are kept from run to run, in bytes. */
const CACHED = 512 * 1024 * 1024;

/** Answers the parent until it is gone. */
export async function serveStudioEngine(): Promise<void> {
  const root = await realpath(process.cwd());
  const files = nodeHost();
  const engines = new Map<EngineChoice, Promise<Engine>>();
  const cache = memoryCache(CACHED);
  const paces = new Map<string, Paces>();
  const pacesOf = (engine: string): Paces => {
    const known = paces.get(engine) ?? new Paces();
    paces.set(engine, known);
    return known;
  };
  const version = lacecVersion();
  let stop = new AbortController();
  const tell = (message: FromEngine): void => void process.send?.(message);

  const engineOf = async (name: string): Promise<Engine> => {
    const choice = engineChoice(name);
    const opening =
      engines.get(choice) ??
      openEngine(choice).then((engine) => breathing(keepingExecutables(engine, (bytes) => files.sha256(bytes))));
    engines.set(choice, opening);
    opening.catch(() => engines.delete(choice));
    return opening;
  };
  const opened = async (name: string): Promise<OpenedWorld> => {
    const engine = { ...(await engineOf(name)), dispose: () => Promise.resolve() };
    const world = (host: Host): World => ({
      ...nodeServices(host, engineChoice(name), cache),
      openEngine: () => Promise.resolve(engine),
      prepareOutput: () => Promise.resolve(),
      claimOutputs: () => Promise.resolve(() => Promise.resolve()),
    });
    return { engine, world };
  };
  const surroundings = (job: RunJob, name: string): RunSurroundings => {
    const host = folderHost(files, root, job.files);
    const nameOf = (path: string): string => nameInside(root, path);
    const [opening, signal] = [opened(name), stop.signal];
    return { version, opening, host, nameOf, cache, tell, signal, paces: pacesOf(name) };
  };

  process.on("message", (message: ToEngine) => {
    switch (message.kind) {
      case "cancel":
        stop.abort();
        return;
      case "open":
        engineOf(message.engine).then(
          ({ name, description }) =>
            tell({ kind: "opened", name, description, why: [`on this machine, by lacec ${version}`] }),
          (error: unknown) => tell({ kind: "trouble", message: messageOf(error) }),
        );
        return;
      case "run":
        stop = new AbortController();
        runJob(message.job, surroundings(message.job, message.engine)).catch((error: unknown) => {
          const said = [{ severity: "error" as const, text: messageOf(error) }];
          tell({ kind: "end", id: message.job.id, outcome: "failed", said, expectations: [], seconds: 0 });
        });
        return;
      case "inspect":
        stop = new AbortController();
        inspectJob(message.job, message.picture, surroundings(message.job, message.engine)).catch((error: unknown) =>
          tell({ kind: "inspected", id: message.job.id, found: messageOf(error) }),
        );
        return;
      case "estimate":
        stop = new AbortController();
        estimateJob(message.job, surroundings(message.job, message.engine)).catch(() =>
          tell({ kind: "estimated", id: message.job.id, found: 0 }),
        );
        return;
      case "remake":
        stop = new AbortController();
        remakeJob(message.job, message.image, surroundings(message.job, message.engine)).catch((error: unknown) =>
          tell({ kind: "remade", id: message.job.id, found: messageOf(error), png: new Uint8Array(0) }),
        );
    }
  });
  // A terminal's Ctrl-C reaches the whole group: the parent decides.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
  await new Promise<void>((resolve) => process.on("disconnect", resolve));
  process.exit(0);
}

/**
 * Files below a folder, with the texts of a page in place of what is there.
 *
 * Errors   as nodeHost; LaceError L5004 for a path that leads out of the folder, with links followed, and to no model of lacec's own.
 */
export function folderHost(host: Host, root: string, texts: RunJob["files"]): Host {
  const own = new Map(
    Object.entries(texts).flatMap(([path, text]) =>
      typeof text === "string" ? [[resolvePath(root, path), text] as const] : [],
    ),
  );
  const models = [modelsFolder(), modelsHome()].map((folder) => resolvePath(folder));
  const inside = async (path: string): Promise<string> => {
    const full = resolvePath(root, path);
    if (models.some((folder) => isBelow(folder, full)) || isBelow(root, await realpath(full).catch(() => full)))
      return full;
    throw failure("L5004", `${path} leads out of the folder that the studio was started in`, [
      "lacec run reads it, from the command line",
    ]);
  };
  const readRange = host.readRange?.bind(host);
  const realPath = host.realPath?.bind(host);
  return {
    ...host,
    readText: async (path) => own.get(resolvePath(root, path)) ?? host.readText(await inside(path)),
    readBytes: async (path) => host.readBytes(await inside(path)),
    ...(readRange !== undefined && {
      readRange: async (path: string, start: number, length: number) => readRange(await inside(path), start, length),
    }),
    exists: async (path) => {
      if (own.has(resolvePath(root, path))) return true;
      // Of what lies outside nothing is told, not even whether it is there: reading it says that it leads out.
      const full = await inside(path).catch(() => undefined);
      return full === undefined || host.exists(full);
    },
    ...(realPath !== undefined && { realPath: async (path: string) => realPath(await inside(path)) }),
    writeAtomic: () => Promise.reject(failure("L5004", "the studio's engine writes nothing")),
  };
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** The name of a path below the folder, with forward slashes. Errors: LaceError L5004 for one that is not. */
function nameInside(root: string, path: string): string {
  const name = relative(root, resolvePath(root, path));
  if (name.startsWith("..") || isAbsolute(name)) throw failure("L5004", `${path} leads out of the folder`);
  return name.split(sep).join("/");
}

function messageOf(error: unknown): string {
  if (error instanceof LaceError) return error.diagnostics.map((d) => d.message).join("\n");
  return error instanceof Error ? error.message : String(error);
}
