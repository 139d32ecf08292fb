// Expectations and saves: what a run checks and writes.
// Invariants of a clean result: every path stays in the output folder, has a format that can be written, and no two
// saves write one file.
import type * as ast from "../../parser/ast.js";
import type { Save, SaveForm } from "../plan.js";
import type { CheckedExpect, CheckedTask } from "./checked.js";
import { type Env, markUsed, quote } from "./context.js";
import { declaredValue } from "./declared.js";
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
const TWEEN: Bounds = { min: 0, max: 100, integer: true };

export function checkExpect(stmt: ast.ExpectStmt, task: number, env: Env): CheckedExpect {
  const clauses = stmt.clauses.map((clause) => {
    const energy = evaluateEnergy(clause.energy, env) ?? { kind: "always" as const, span: clause.span };
    const fraction = boundedNumber(clause.fraction, "the expected fraction", FRACTION, env) ?? 0;
    return { energy, fraction, text: quote(clause.energy.span, env), span: clause.span };
  });
  return { task, clauses, span: stmt.span };
}

/** Undefined after a mistake. */
export function checkSave(stmt: ast.SaveStmt, index: number, task: CheckedTask, env: Env): Save | undefined {
  const before = env.report.errorCount;
  const form = checkForm(stmt, task, env);
  const filled = { ...stmt, path: { ...stmt.path, value: withInputs(stmt.path, env) } };
  const path = checkPath(filled.path, env);
  if (path !== undefined) {
    checkFormat(filled, form, env);
    checkPlaceholders(filled, form, task, env);
  }
  const clean = path !== undefined && env.report.errorCount === before;
  return clean ? { task: index, path: fillKnown(path, task), form, span: stmt.span } : undefined;
}

/** The path with the script's inputs in it: `{title}` where `input title: text`. A text of an input is no template. Reports L2019. */
function withInputs({ value, span }: ast.StringLit, env: Env): string {
  return value.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const d = PLACEHOLDERS.includes(name) ? undefined : env.scope.names.get(name);
    if (d?.kind !== "input") return whole;
    markUsed(d, env.scope, env.cx);
    const text = String(declaredValue(d, env) ?? "");
    if (!/[{}]/.test(text)) return text;
    env.report.error("L2019", span, `the input \`${name}\` has a brace, which a path cannot have`, { text: text });
    return text.replace(/[{}]/g, "");
  });
}

/** `{name}` and `{seed}` are known here; `{index}` and `{step}` are filled when the image is there. */
function fillKnown(path: string, task: CheckedTask): string {
  const named = path.replaceAll("{name}", task.name);
  return "seed" in task ? named.replaceAll("{seed}", String(task.seed)) : named;
}

function checkForm(stmt: ast.SaveStmt, task: CheckedTask, env: Env): SaveForm {
  const word = stmt.form && chooseWord(stmt.form, "`as`", FORMS, env);
  if (stmt.form !== undefined && word === undefined) return { kind: "grid" };
  if (stmt.form !== undefined && task.kind === "sample" && (word === "strip" || word === "animation")) {
    env.report.error(
      "L2020",
      stmt.form.span,
      `the samples of \`${task.name}\` have no order to show as ${word === "strip" ? "a strip" : "an animation"}`,
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
  if (word === "grid" || word === "strip") checkSheet(stmt, word, task, env);
  switch (word) {
    case "grid":
      return { kind: "grid", ...(columns === undefined ? {} : { columns }), ...(marks && { marks }) };
    case "strip":
      return { kind: "strip" };
    case "animation":
      return {
        kind: "animation",
        fps: options.number("fps", POSITIVE) ?? DEFAULT_FPS,
        tween: options.number("tween", TWEEN) ?? 0,
      };
    case undefined:
      return { kind: "each" };
  }
}

/** Refuses a sheet of too many images (L2004). */
function checkSheet(stmt: ast.SaveStmt, form: "grid" | "strip", task: CheckedTask, env: Env): void {
  const images = imageCount(task) * (form === "strip" && task.kind === "edit" ? task.steps.length + 1 : 1);
  if (images <= MAX_ON_SHEET) return;
  env.report.error(
    "L2004",
    stmt.path.span,
    `this file would show ${images} images of \`${task.name}\` at once; ${MAX_ON_SHEET} are the most of one sheet`,
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
  const extension = /\.([^./\\]*)$/.exec(value)?.[1]?.toLowerCase();
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

function checkPlaceholders(stmt: ast.SaveStmt, form: SaveForm, task: CheckedTask, env: Env): void {
  const { value, span } = stmt.path;
  const part = PART_PLACEHOLDER[task.kind];
  const each = form.kind !== "each" ? [] : ["index", ...(part === undefined ? [] : [part])];
  const inputs = [...env.scope.names].filter(([, d]) => d.kind === "input").map(([input]) => input);
  const allowed = [...each, "name", ...("seed" in task ? ["seed"] : [])];
  const before = env.report.errorCount;
  const found = [...value.matchAll(/\{([^{}]*)\}/g)].map((m) => m[1] ?? "");
  for (const name of found) {
    if (allowed.includes(name)) continue;
    const usable = `a path can have ${listed(
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
export function checkCollisions(saves: readonly Save[], tasks: readonly CheckedTask[], env: Env): void {
  const paths = saves.map((save) => withNames(save.path, tasks[save.task]));
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
