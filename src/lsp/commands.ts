// Commands: run, run small, lock, the plan and the energies as text, what a code means, and from a picture back to its task.
// In: workspace/executeCommand. Out: results as values of the protocol, and `lace/picture` for each picture as it is made.
// Invariants: runs report progress and can be cancelled; a script that is wrong is not run; nothing else is started twice for one script at a time.
import {
  CodeLensRefreshRequest,
  LSPErrorCodes,
  ErrorCodes,
  ResponseError,
  type CancellationToken,
  type ExecuteCommandParams,
  type WorkDoneProgressReporter,
} from "vscode-languageserver";
import type { Plan } from "../compiler/plan.js";
import { printEnergy, printPlan } from "../compiler/print.js";
import { sectionOf } from "../app/explain.js";
import { partsOf, rowsOf } from "../runtime/plan/places.js";
import { parseRecipe } from "../runtime/recipe/recipe.js";
import type { Feature, Site } from "./feature.js";
import { lastRecord, outputFolder } from "./records.js";
import type { RunEnd, RunRequest } from "./runs.js";
import { joinPath, pathOf } from "./uris.js";
import { placeOf, type Snapshot } from "./workspace.js";

/** A picture that is whole, and what it is of. */
export interface PictureNote {
  readonly script: string;
  readonly picture: string;
  readonly task?: string;
}

/** What `lace.run` may be given beside the script. */
interface RunArguments {
  readonly count?: unknown;
  readonly inputs?: unknown;
  /** A script of more images is not run: what a preview asks for that no one has asked for. */
  readonly mostImages?: unknown;
}

const COMMANDS = [
  ...["lace.run", "lace.runSmall", "lace.lock", "lace.plan", "lace.showEnergy"],
  ...["lace.explain", "lace.reveal", "lace.inputs"],
];
/** How many samples a small run draws. */
const SMALL = 4;

export const commands: Feature = {
  capabilities: () => ({ executeCommandProvider: { commands: COMMANDS, workDoneProgress: true } }),
  register: (site) => {
    const running = new Set<string>();
    site.connection.onExecuteCommand(async (params, token, progress) => {
      const [first, second] = (params.arguments ?? []) as readonly unknown[];
      switch (params.command) {
        case "lace.run":
        case "lace.runSmall":
        case "lace.lock": {
          const script = await scriptOf(site, first);
          if (running.has(script.path)) throw refusal("this script is running already");
          running.add(script.path);
          try {
            return await run(site, params, script, second ?? {}, { token, progress });
          } finally {
            running.delete(script.path);
          }
        }
        case "lace.plan":
          return printPlan(planOf(await scriptOf(site, first)));
        case "lace.showEnergy":
          return energyText(planOf(await scriptOf(site, first)), String(second));
        case "lace.inputs":
          return planOf(await scriptOf(site, first)).inputs;
        case "lace.explain":
          return explain(site, String(first));
        case "lace.reveal":
          return reveal(site, String(first));
        default:
          throw new ResponseError(ErrorCodes.InvalidParams, `there is no command ${params.command}`);
      }
    });
  },
};

function refusal(message: string): ResponseError {
  return new ResponseError(LSPErrorCodes.RequestFailed, message);
}

async function scriptOf(site: Site, uri: unknown): Promise<Snapshot> {
  const snapshot = typeof uri === "string" ? await site.workspace.snapshot(pathOf(uri)) : undefined;
  if (snapshot === undefined) throw refusal(`there is no script ${String(uri)}`);
  return snapshot;
}

function planOf(snapshot: Snapshot): Plan {
  const { plan } = snapshot.analysis;
  if (plan === undefined || snapshot.diagnostics.some((d) => d.severity === "error"))
    throw refusal("the script has mistakes: see its diagnostics");
  return plan;
}

function energyText(plan: Plan, name: string): string {
  const task = plan.tasks.find((t) => t.name === name);
  if (task === undefined) throw refusal(`there is no task ${name}`);
  const table = plan.models[task.model]?.attributes ?? [];
  switch (task.kind) {
    case "sample":
    case "traverse":
      return `${printEnergy(task.energy, table)}\n`;
    case "sweep":
      return task.cells.map((cell, i) => `// value ${i}\n${printEnergy(cell, table)}\n`).join("\n");
    case "edit":
      return task.steps.map((s, i) => `// step ${i}: ${s.text}\n${printEnergy(s.energy, table)}\n`).join("\n");
  }
}

interface Watched {
  readonly token: CancellationToken;
  readonly progress: WorkDoneProgressReporter;
}

async function run(
  site: Site,
  { command, workDoneToken }: ExecuteCommandParams,
  script: Snapshot,
  { count, inputs, mostImages }: RunArguments,
  { token, progress }: Watched,
): Promise<RunEnd & { readonly pictures: readonly string[] }> {
  if (site.runs === undefined) throw refusal("scripts cannot be run here");
  const plan = planOf(script);
  const drawn = command === "lace.runSmall" ? SMALL : typeof count === "number" ? count : undefined;
  const images = plan.tasks.reduce((n, task) => n + partsOf(task) * Math.min(drawn ?? Infinity, rowsOf(task)), 0);
  if (typeof mostImages === "number" && images > mostImages)
    return { ok: true, message: `not run: ${images} images are more than ${mostImages}`, outputs: [], pictures: [] };
  const { engine } = await site.settings();
  const open = site.workspace.openTexts.filter((t) => [...script.files.values()].some((f) => f.path === t.path));
  const request: RunRequest = {
    script: script.path,
    out: outputFolder(site, script.path),
    engine,
    texts: Object.fromEntries(open.map((t) => [t.path, t.text])),
    ...(command === "lace.lock" && { lockOnly: true }),
    ...(drawn !== undefined && { count: drawn }),
    ...(isNumbers(inputs) && { inputs }),
  };
  // A client that gave no token of its own is shown progress by the server's.
  const canCreate = site.client().window?.workDoneProgress === true && workDoneToken === undefined;
  const own = canCreate ? await site.connection.window.createWorkDoneProgress() : undefined;
  const reporter = own ?? progress;
  const stop = new AbortController();
  token.onCancellationRequested(() => stop.abort());
  own?.token.onCancellationRequested(() => stop.abort());
  reporter.begin(command === "lace.lock" ? "Lace: lock" : "Lace: run", 0, script.path, true);
  try {
    const end = await site.runs.run(
      request,
      ({ message, part, wrote }) => {
        if (part === undefined) reporter.report(message);
        else reporter.report(Math.round(part * 100), message);
        if (wrote === undefined) return;
        const task = taskOf(plan, request.out, wrote);
        const note: PictureNote = {
          script: script.uri,
          picture: site.workspace.uriOf(wrote),
          ...(task !== undefined && { task }),
        };
        void site.connection.sendNotification("lace/picture", note);
      },
      stop.signal,
    );
    return { ...end, pictures: end.outputs.map((o) => site.workspace.uriOf(o)) };
  } finally {
    reporter.done();
    // Lenses and hints tell how it went.
    const { workspace } = site.client();
    if (workspace?.codeLens?.refreshSupport === true) void site.connection.sendRequest(CodeLensRefreshRequest.type);
    if (workspace?.inlayHint?.refreshSupport === true) void site.connection.languages.inlayHint.refresh();
  }
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === "object" && value !== null && Object.values(value).every((x) => typeof x === "number");
}

/** The task whose `save` a file is of. */
function taskOf(plan: Plan, out: string, file: string): string | undefined {
  const name = file.replaceAll("\\", "/");
  for (const save of plan.saves) {
    const parts = joinPath(out, save.path)
      .replaceAll("\\", "/")
      .split(/\{\w+\}/)
      .map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    if (new RegExp(`^${parts.join("\\d+")}$`).test(name)) return plan.tasks[save.tasks[0] ?? 0]?.name;
  }
  return undefined;
}

async function explain(site: Site, code: string): Promise<string> {
  const page = site.errorsPage === undefined ? undefined : pathOf(site.errorsPage);
  const text = page === undefined ? "" : await site.workspace.files.readText(page).catch(() => "");
  return sectionOf(code.toUpperCase(), text) ?? `there is no code ${code}\n`;
}

/** The place of the task that a picture is of: by the recipe that it carries, or by the record beside it. */
async function reveal(site: Site, uri: string): Promise<unknown> {
  const picture = pathOf(uri);
  const recipe = await site.runs?.recipeOf?.(picture);
  const named = recipe === undefined ? undefined : readRecipe(recipe, picture);
  for (const path of await site.workspace.scripts()) {
    if (named !== undefined && !path.replaceAll("\\", "/").endsWith(`/${named.script}`)) continue;
    const snapshot = await site.workspace.snapshot(path);
    if (snapshot === undefined) continue;
    const task = named?.task ?? (await taskByRecord(site, snapshot, picture));
    const item = snapshot.entry.linked.module.items.find((i) => "settings" in i && i.name.text === task);
    if (item !== undefined && "name" in item) return placeOf(snapshot, item.name.span);
  }
  return null;
}

function readRecipe(text: string, picture: string): { readonly script: string; readonly task: string } | undefined {
  try {
    const { files, task } = parseRecipe(text, picture);
    return { script: files[0]?.name ?? "", task };
  } catch {
    return undefined;
  }
}

async function taskByRecord(site: Site, snapshot: Snapshot, picture: string): Promise<string | undefined> {
  const found = await lastRecord(site, snapshot);
  const task = found?.record.outputs.find((o) => joinPath(found.folder, o.file) === picture)?.task;
  return task?.split(", ")[0];
}
