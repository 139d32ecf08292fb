// Expectations and saves: what a run checks and writes.
// Invariants of a clean result: every path stays in the output folder, has a format that can be written, and no two
// saves write one file.
import type * as ast from "../../parser/ast.js";
import { LATENT_FORMATS, type LatentFormat } from "../latent-table.js";
import type { LatentSave, Save, SaveForm, SheetForm } from "../plan.js";
import type { CheckedExpect, CheckedTask } from "./checked.js";
import { type Env, markUsed, quote } from "./context.js";
import { declaredValue, isText } from "./declared.js";
import { evaluateEnergy } from "./evaluate.js";
import { earlierOfOneName } from "./one-name.js";
import { boundedNumber, type Bounds, chooseWord, COUNT, FRACTION, Options, POSITIVE } from "./settings.js";
import { imageCount } from "./tasks.js";
import { listed, nearest } from "./suggest.js";
import { SAVE_FORMS } from "./vocabulary.js";

const FORMS = Object.keys(SAVE_FORMS) as readonly (keyof typeof SAVE_FORMS)[];
const STILL = ["png", "jpg", "jpeg", "webp", "avif"] as const;
const MOVING = ["webp", "gif"] as const;
const DEFAULT_FPS = 4;
/** Images on one sheet: more of them are a few pixels each. */
const MAX_ON_SHEET = 10_000;
/** What counts the parts of a row in the paths of single images. */
const PART_PLACEHOLDER = { sample: undefined, edit: "step", sweep: "cell", traverse: "frame" } as const;
const PLACEHOLDERS: readonly string[] = ["index", "step", "cell", "frame", "name", "seed"];
/** Pixels between images, and letters under them: more are slips. */
const GAP: Bounds = { min: 0, max: 256, integer: true };
const CAPTION_MAX = 1000;
/** Of a picture that is put back: over which part of its width its edge fades. */
const FEATHER: Bounds = { min: 0, max: 0.5 };
const FADED = 0.1;
const TWEEN: Bounds = { min: 0, max: 100, integer: true };

export function checkExpect(stmt: ast.ExpectStmt, task: number, env: Env): CheckedExpect {
  const clauses = stmt.clauses.map((clause) => {
    const energy = evaluateEnergy(clause.energy, env) ?? { kind: "always" as const, span: clause.span };
    const fraction = boundedNumber(clause.fraction, "the expected fraction", FRACTION, env) ?? 0;
    return { energy, fraction, text: quote(clause.energy.span, env), span: clause.span };
  });
  return { task, clauses, span: stmt.span };
}

/** What a save shows: tasks in the order in which it names them, and where each stands in the module. */
export interface SaveTarget {
  readonly task: CheckedTask;
  readonly index: number;
}

/** `all`: the tasks of the module, in order. Undefined after a mistake. */
export function checkSave(
  stmt: ast.SaveStmt,
  targets: readonly SaveTarget[],
  all: readonly CheckedTask[],
  env: Env,
): Save | undefined {
  const before = env.report.errorCount;
  const tasks = targets.map((t) => t.task);
  const form = checkForm(stmt, targets, all, env);
  checkTargets(stmt, form, env);
  const filled = { ...stmt, path: { ...stmt.path, value: withInputs(stmt.path, "a path", env) } };
  const path = checkPath(filled.path, env);
  if (path !== undefined) {
    checkFormat(filled, form, env);
    checkPlaceholders(filled, form, tasks, env);
  }
  const clean = path !== undefined && env.report.errorCount === before;
  const [only] = tasks;
  if (!clean || only === undefined) return undefined;
  const known = tasks.length === 1 ? fillKnown(path, only) : path;
  return { tasks: targets.map((t) => t.index), path: known, form, span: stmt.span };
}

/** The format of a save of latents, by its extension; undefined for one of pictures. A form (`as grid`) asks for pictures whatever the extension. */
export function latentFormatOf({ path, form }: ast.SaveStmt): LatentFormat | undefined {
  const extension = extensionOf(path.value);
  return form === undefined ? LATENT_FORMATS.find((f) => f === extension) : undefined;
}

/** `save portraits to "latents.npz"`. Undefined after a mistake. */
export function checkLatentSave(
  stmt: ast.SaveStmt,
  format: LatentFormat,
  [target, ...others]: readonly SaveTarget[],
  env: Env,
): LatentSave | undefined {
  if (target === undefined) return undefined;
  const [second] = stmt.targets.slice(1);
  if (others.length > 0)
    env.report.error("L2020", second?.span ?? stmt.path.span, "a file of latents holds those of one result", {
      text: "and here are several",
      hints: ["write a `save` for each"],
    });
  const filled = fillKnown(withInputs(stmt.path, "a path", env), target.task);
  const unknown = /[{}][^{}]*\}?/.exec(filled)?.[0];
  if (unknown !== undefined)
    env.report.error("L2019", stmt.path.span, `\`${unknown}\` has no meaning in this path`, {
      text: "unknown placeholder",
      hints: ["a file of latents holds those of all images: its path can have {name}, {seed} and the names of inputs"],
    });
  const path = checkPath({ ...stmt.path, value: filled }, env);
  if (path === undefined || others.length > 0 || unknown !== undefined) return undefined;
  return { task: target.index, path, format, span: stmt.span };
}

/** Reports what several targets cannot be: one of them twice (L2011), or anything but a sheet (L2020). */
function checkTargets({ targets, path, form: word }: ast.SaveStmt, form: SaveForm, env: Env): void {
  targets.forEach((name, i) => {
    const first = targets.slice(0, i).find((n) => n.text === name.text);
    if (first === undefined) return;
    env.report.error("L2011", name.span, `\`${name.text}\` is shown twice in one file`, {
      text: "named again",
      related: [{ span: first.span, text: "first named here" }],
    });
  });
  if (targets.length < 2 || form.kind === "grid" || form.kind === "strip") return;
  const what = form.kind === "animation" ? "an animation shows one result" : "several results go on one sheet";
  env.report.error("L2020", word?.span ?? path.span, what, {
    text: form.kind === "animation" ? "and here are several" : "no form",
    hints: ["write `as grid` or `as strip` after the path, or a `save` for each"],
  });
}

/**
 * A text with the script's inputs in it: `{title}` where `input title: text`. A text of an input is no template. `what` it is: "a path". Reports
 * L2019.
 */
function withInputs({ value, span }: ast.StringLit, what: string, env: Env): string {
  return value.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const d = PLACEHOLDERS.includes(name) ? undefined : env.scope.names.get(name);
    if (d?.kind !== "input") return whole;
    markUsed(d, env.scope, env.cx);
    const text = String(declaredValue(d, env) ?? "");
    if (!/[{}]/.test(text)) return text;
    env.report.error("L2019", span, `the input \`${name}\` has a brace, which ${what} cannot have`, { text: text });
    return text.replace(/[{}]/g, "");
  });
}

/** `{name}` and `{seed}` are known here; `{index}` and `{step}` are filled when the image is there. */
function fillKnown(text: string, task: CheckedTask): string {
  const named = text.replaceAll("{name}", task.name);
  return "seed" in task ? named.replaceAll("{seed}", String(task.seed)) : named;
}

function checkForm(
  stmt: ast.SaveStmt,
  targets: readonly SaveTarget[],
  all: readonly CheckedTask[],
  env: Env,
): SaveForm {
  const tasks = targets.map((t) => t.task);
  const word = stmt.form && chooseWord(stmt.form, "`as`", FORMS, env);
  if (stmt.form !== undefined && word === undefined) return { kind: "grid" };
  const sample = tasks.find((t) => t.kind === "sample");
  if (stmt.form !== undefined && sample !== undefined && (word === "strip" || word === "animation")) {
    env.report.error(
      "L2020",
      stmt.form.span,
      `the samples of \`${sample.name}\` have no order to show as ${word === "strip" ? "a strip" : "an animation"}`,
      {
        text: "does not fit a sample",
        hints: ["write `as grid`; strips and animations show an edit, a traverse or a sweep"],
      },
    );
  }
  const allowed = word === undefined ? [] : Object.keys(SAVE_FORMS[word]);
  const options = new Options(
    stmt.options,
    word === undefined ? "a save without a form" : `\`as ${word}\``,
    allowed,
    env,
  );
  const columns = options.number("columns", COUNT);
  const marks = options.word("marks", SAVE_FORMS.grid.marks, "off") === "on";
  if (word === "grid" || word === "strip") checkSheet(stmt, word, tasks, env);
  switch (word) {
    case "grid":
      return {
        kind: "grid",
        ...(columns !== undefined && { columns }),
        ...(marks && { marks }),
        ...sheetForm(options, tasks, env),
      };
    case "strip":
      return { kind: "strip", ...sheetForm(options, tasks, env) };
    case "animation":
      return {
        kind: "animation",
        fps: options.number("fps", POSITIVE) ?? DEFAULT_FPS,
        tween: options.number("tween", TWEEN) ?? 0,
      };
    case "paste": {
      const task = photographOf(targets[0]?.index, all);
      if (task === undefined)
        env.report.error(
          "L2020",
          stmt.form?.span ?? stmt.path.span,
          `\`${tasks[0]?.name ?? ""}\` is of no photograph to be put back into`,
          {
            text: "no photograph",
            hints: ["`as paste` goes with a `photo`, and with edits and sweeps of one"],
          },
        );
      return { kind: "each", paste: { task: task ?? 0, feather: options.number("feather", FEATHER) ?? FADED } };
    }
    case undefined:
      return { kind: "each" };
  }
}

/** The task of the photograph that a task's images are of, if they are of one. */
function photographOf(index: number | undefined, all: readonly CheckedTask[]): number | undefined {
  const task = index === undefined ? undefined : all[index];
  if (index === undefined || task === undefined) return undefined;
  if (task.kind === "sample") return task.start?.kind === "photo" ? index : undefined;
  if (task.kind === "traverse") return undefined;
  const source = task.kind === "sweep" ? task.source : task.source.kind === "task" ? task.source : undefined;
  return photographOf(source?.task, all);
}

/** What a sheet has beside its images. */
function sheetForm(options: Options, tasks: readonly CheckedTask[], env: Env): SheetForm {
  const gap = options.number("gap", GAP);
  const labels = options.span("labels") && options.word("labels", SAVE_FORMS.grid.labels, "on") === "on";
  const caption = checkCaption(options, tasks, env);
  return {
    ...(labels !== undefined && { labels }),
    ...(gap !== undefined && { gap }),
    ...(caption !== undefined && { caption }),
  };
}

/** The caption with all its placeholders filled. Reports L2003 (no text), L2004 (too long) and L2019 (an unknown placeholder). */
function checkCaption(options: Options, tasks: readonly CheckedTask[], env: Env): string | undefined {
  const written = options.text("caption", (name) => {
    const d = env.scope.names.get(name);
    if (d?.kind !== "input" || !isText(d)) return undefined;
    markUsed(d, env.scope, env.cx);
    return String(declaredValue(d, env) ?? "");
  });
  if (written === undefined) return undefined;
  const [only, ...others] = tasks;
  const value = withInputs(written, "a caption", env);
  if (value.length > CAPTION_MAX)
    env.report.error(
      "L2004",
      written.span,
      `a caption has at most ${CAPTION_MAX} characters, and this has ${value.length}`,
      {
        text: "too long",
      },
    );
  const filled = only === undefined || others.length > 0 ? value : fillKnown(value, only);
  const unknown = /\{[^{}]*\}/.exec(filled)?.[0];
  if (unknown !== undefined)
    env.report.error("L2019", written.span, `\`${unknown}\` has no meaning in this caption`, {
      text: "unknown placeholder",
      hints: [`a caption of one result can have {name}, its {seed} where it has one, and the names of inputs`],
    });
  return filled;
}

/** Refuses a sheet of too many images (L2004). */
function checkSheet(stmt: ast.SaveStmt, form: "grid" | "strip", tasks: readonly CheckedTask[], env: Env): void {
  const images = tasks
    .map((task) => imageCount(task) * (form === "strip" && task.kind === "edit" ? task.steps.length + 1 : 1))
    .reduce((a, b) => a + b, 0);
  if (images <= MAX_ON_SHEET) return;
  env.report.error(
    "L2004",
    stmt.path.span,
    `this file would show ${images} images of ${listed(
      tasks.map((t) => t.name),
      "and",
    )} at once; ${MAX_ON_SHEET} are the most of one sheet`,
    { text: "too large", hints: ["save them one by one: a path with `{index}`, and no `as`"] },
  );
}

/** The path with forward slashes and no detours. Reports L2017. */
function checkPath(literal: ast.StringLit, env: Env): string | undefined {
  const wrong = (message: string, text: string): string | undefined => {
    env.report.error("L2017", literal.span, message, {
      text,
      hints: ["paths of `save` are relative to the output folder (`--out`) and stay in it"],
    });
    return undefined;
  };
  const { value } = literal;
  if (value.trim() === "") return wrong("this path is empty", "no file name");
  if (/^[A-Za-z]:/.test(value)) return wrong(`"${value}" names a drive`, "an absolute path");
  if (/^[/\\~]/.test(value)) return wrong(`"${value}" leaves the output folder`, "an absolute path");
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f:*?"<>|]/.test(value))
    return wrong("this path has a character that files cannot have everywhere", "unusable character");
  const parts: string[] = [];
  for (const part of value.split(/[/\\]/)) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return wrong(`"${value}" leaves the output folder`, "`..` leads out of it");
  }
  if (/[/\\]$/.test(value) || parts.length === 0) return wrong(`"${value}" is a folder, not a file`, "no file name");
  return parts.join("/");
}

function checkFormat(stmt: ast.SaveStmt, form: SaveForm, env: Env): void {
  const { value, span } = stmt.path;
  const extension = extensionOf(value);
  const moving = form.kind === "animation";
  const allowed: readonly string[] = moving ? MOVING : STILL;
  if (extension !== undefined && allowed.includes(extension)) return;
  const what = moving ? "an animation" : "a picture";
  const guess = extension === undefined ? undefined : nearest(extension, allowed);
  const message =
    extension === undefined
      ? `"${value}" has no extension to tell the format`
      : `${what} cannot be saved as \`.${extension}\``;
  env.report.error("L2018", span, message, {
    text: extension === undefined ? "no extension" : "unsupported format",
    hints: [
      ...(guess === undefined ? [] : [`did you mean \`.${guess}\`?`]),
      `${what} can be ${listed(allowed.map((a) => `.${a}`))}`,
    ],
  });
}

function extensionOf(path: string): string | undefined {
  return /\.([^./\\]*)$/.exec(path)?.[1]?.toLowerCase();
}

function checkPlaceholders(
  stmt: ast.SaveStmt,
  form: SaveForm,
  [task, ...others]: readonly CheckedTask[],
  env: Env,
): void {
  if (task === undefined) return;
  const { value, span } = stmt.path;
  const part = PART_PLACEHOLDER[task.kind];
  const each = form.kind !== "each" ? [] : ["index", ...(part === undefined ? [] : [part])];
  const inputs = [...env.scope.names].filter(([, d]) => d.kind === "input").map(([input]) => input);
  const own = others.length > 0 ? [] : ["name", ...("seed" in task ? ["seed"] : [])];
  const allowed = [...each, ...own];
  const before = env.report.errorCount;
  const found = [...value.matchAll(/\{([^{}]*)\}/g)].map((m) => m[1] ?? "");
  for (const name of found) {
    if (allowed.includes(name)) continue;
    const usable =
      allowed.length + inputs.length === 0
        ? "a path of several results has none"
        : `a path can have ${listed(
            [...allowed, ...inputs].map((a) => `{${a}}`),
            "and",
          )} here`;
    const why = form.kind === "each" ? usable : `\`as ${form.kind}\` writes one file; ${usable}`;
    env.report.error("L2019", span, `\`{${name}}\` has no meaning in this path`, {
      text: "unknown placeholder",
      hints: [why],
    });
  }
  if (/[{}]/.test(value.replace(/\{[^{}]*\}/g, "")))
    env.report.error("L2019", span, "a brace in this path is not closed", { text: "unpaired brace" });
  const images = imageCount(task);
  if (env.report.errorCount > before) return;
  const alone =
    task.kind !== "edit" && "count" in task && task.count === 1 && part !== undefined && found.includes(part);
  if (form.kind === "each" && images > 1 && !found.includes("index") && !alone) {
    env.report.error("L2019", span, `\`${task.name}\` has ${images} images, and this path names one file`, {
      text: "no `{index}`",
      hints: ["put `{index}` into the file name, or write `as grid` after the path"],
    });
  }
}

/** Reports L2016 where two saves would write one file, placeholders included. */
export function checkCollisions(saves: readonly (Save | LatentSave)[], tasks: readonly CheckedTask[], env: Env): void {
  const paths = saves.map((save) => withNames(save.path, tasks[("tasks" in save ? save.tasks[0] : save.task) ?? 0]));
  const earlier = earlierOfOneName(paths);
  for (const [i, save] of saves.entries()) {
    const other = saves[earlier[i] ?? Infinity];
    if (other === undefined) continue;
    env.report.error("L2016", save.span, `two outputs have one path, "${paths[i] ?? ""}"`, {
      text: "the second one",
      related: [{ span: other.span, text: "the first one" }],
    });
  }
}

/** The path with what is known of it filled in. */
function withNames(path: string, task: CheckedTask | undefined): string {
  const named = path.replaceAll("{name}", task?.name ?? "");
  return task !== undefined && "seed" in task ? named.replaceAll("{seed}", String(task.seed)) : named;
}
