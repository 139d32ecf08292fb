// lacec models: the user's imported models, which scripts name without a path.
// Invariant: a model replaces another of its name only when it is whole; a download is opened only after its hash has been checked.
import { oneLine } from "../source/foreign-text.js";
import { rm } from "node:fs/promises";
import { PhaseClock } from "../ports/events.js";
import { nodeHost, type NodeHost } from "../node/host.js";
import { describeFile } from "../models/describe-model.js";
import { importModel } from "../models/import-model.js";
import { isModelName } from "../models/model-name.js";
import { download, modelsHome, packOf, removeStored, storedNames } from "../node/model-store.js";
import { lacecVersion } from "../node/services.js";
import { bytesText } from "./describe.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
import { terminalProgress } from "./progress.js";

export interface AddOptions {
  readonly name?: string;
  readonly licence?: string;
  readonly force?: boolean;
}

/** `lacec models add FILE`: imports a checkpoint, a decoder or a pack into the folder. */
export async function addVerb(io: Io, file: string, options: AddOptions): Promise<ExitCode> {
  const name = options.name ?? nameOf(file);
  return withHost(io, async (host, clock) => {
    const refused = await refuse(name, options, io);
    return refused ?? store(io, host, clock, file, name, options);
  });
}

/** `lacec models pull URL --sha256 HASH`: downloads, checks, imports. */
export async function pullVerb(
  io: Io,
  url: string,
  options: AddOptions & { readonly sha256?: string },
): Promise<ExitCode> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    io.err(
      `error: ${url} is no address that begins with https:// or http://; a file on disk is added: lacec models add FILE\n`,
    );
    return EXIT.script;
  }
  const name = options.name ?? nameOf(new URL(url).pathname);
  const sha256 = (options.sha256 ?? "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    io.err(
      "error: give the file's SHA-256 with --sha256 HASH, 64 hexadecimal digits: lacec opens nothing from the network that it cannot check\n",
    );
    return EXIT.script;
  }
  return withHost(io, async (host, clock, signal) => {
    const refused = await refuse(name, options, io);
    if (refused !== undefined) return refused;
    const megabytes = (n: number): number => Math.round(n / 1e5) / 10;
    const path = await clock.run("download", {}, () =>
      download(modelsHome(), url, {
        sha256,
        signal,
        onProgress: (done, total) =>
          clock.progress(
            "download",
            name,
            megabytes(done),
            megabytes(total ?? 0),
            total === undefined ? bytesText(done) : "MB",
          ),
      }),
    );
    const code = await store(io, host, clock, path, name, options, nameOf(new URL(url).pathname));
    await rm(path, { force: true });
    return code;
  });
}

/** `lacec models list`. */
export async function listVerb(io: Io, options: { readonly json?: boolean }): Promise<ExitCode> {
  const home = modelsHome();
  const host = nodeHost();
  const names = await storedNames(home);
  const models = await Promise.all(
    names.map(async (name) => ({ ...(await describeFile(host, packOf(home, name))), name })),
  );
  if (options.json === true) {
    io.out(`${JSON.stringify({ home, models }, null, 2)}\n`);
    return EXIT.done;
  }
  const width = Math.max(...names.map((n) => n.length), 0);
  for (const m of models) {
    const attributes = m.attributes.length === 1 ? "1 attribute" : `${m.attributes.length} attributes`;
    const facts = [
      m.architecture ?? "",
      `${m.resolution ?? 0} px`,
      attributes,
      bytesText(m.bytes),
      oneLine(m.licence ?? ""),
    ];
    io.out(`${m.name.padEnd(width)}  ${facts.join(", ")}\n`);
  }
  io.err(
    `${names.length === 0 ? "no models" : names.length === 1 ? "1 model" : `${names.length} models`} in ${home}\n`,
  );
  return EXIT.done;
}

/** `lacec models remove NAME...`. */
export async function removeVerb(io: Io, names: readonly string[]): Promise<ExitCode> {
  const home = modelsHome();
  let exitCode: ExitCode = EXIT.done;
  for (const name of names) {
    if (isModelName(name) && (await removeStored(home, name))) io.err(`removed ${name}\n`);
    else {
      io.err(`error: no model is called ${name}; there are: ${(await storedNames(home)).join(", ") || "none"}\n`);
      exitCode = EXIT.environment;
    }
  }
  return exitCode;
}

/** `ffhq.pkl` -> `ffhq`, in characters that a name may have. */
function nameOf(path: string): string {
  const base = path.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
  return base.replace(/[^A-Za-z0-9_-]/g, "-").replace(/^-+/, "") || "model";
}

async function refuse(name: string, { force }: AddOptions, io: Io): Promise<ExitCode | undefined> {
  if (!isModelName(name)) {
    io.err(`error: ${name} is no name for a model: letters, digits, _ and - make one\n`);
    return EXIT.script;
  }
  if (force !== true && (await storedNames(modelsHome())).includes(name)) {
    io.err(`error: a model is called ${name} already; --force replaces it, --name NAME gives this one another\n`);
    return EXIT.script;
  }
  return undefined;
}

async function store(
  io: Io,
  host: NodeHost,
  clock: PhaseClock,
  file: string,
  name: string,
  { licence }: AddOptions,
  modelName = name,
): Promise<ExitCode> {
  const out = packOf(modelsHome(), name);
  const { files } = await importModel(
    host,
    file,
    {
      out,
      name: modelName,
      ...(licence !== undefined && { licence }),
      heads: [],
      attributes: [],
      averageStyle: async (...task) => (await import("../node/average-style.js")).averageStyleHere(...task),
      examineDecoder: async (bytes, path) => {
        const { seen, ...facts } = await (await import("../node/engines/decoder.js")).examineDecoder(bytes, path, {});
        io.err(
          `  trial images hold ${seen.map((v) => v.toFixed(2)).join(" to ")}: taken as ${facts.outputRange.join("..")}\n`,
        );
        return facts;
      },
      lacec: lacecVersion(),
    },
    clock,
  );
  await clock.run("write", {}, async () => {
    for (const { path, bytes } of [...files].reverse()) await host.writeAtomic(path, bytes);
  });
  io.out(`${name} is there: model ${name.replace(/-/g, "_")} from "${name}"\n`);
  return EXIT.done;
}

async function withHost(
  io: Io,
  work: (host: NodeHost, clock: PhaseClock, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const host = nodeHost();
  const progress = terminalProgress(io, () => host.now());
  const interrupt = onInterrupt(async () => {
    await host.close();
    progress.clear();
    io.err("interrupted; the same command goes on with a download where it stopped\n");
  });
  const clock = new PhaseClock(() => host.now(), progress.onEvent);
  try {
    return await work(host, clock, interrupt.signal);
  } finally {
    progress.clear();
    interrupt.stop();
    await host.close();
  }
}
