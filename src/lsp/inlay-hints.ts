// Inlay hints: what is not written and counts all the same. Values of `let`, layers of a group, how much a task makes and how long that took
// for as many images the last time, and the defaults of what it does not say.
import { InlayHintKind, type InlayHint } from "vscode-languageserver";
import type { Key } from "../compiler/check/settings.js";
import { sourceOf, type Task } from "../compiler/plan.js";
import type * as ast from "../parser/ast.js";
import { partsOf, rowsOf } from "../runtime/plan/places.js";
import { onScript, type Feature } from "./feature.js";
import { lastRecord, secondsFor, type FoundRecord } from "./records.js";
import type { Snapshot } from "./workspace.js";

interface Hint {
  readonly at: number;
  readonly label: string;
  readonly kind: InlayHintKind | undefined;
  readonly tooltip?: string;
}

export const inlayHints: Feature = {
  capabilities: () => ({ inlayHintProvider: true }),
  register: (site) => {
    site.connection.languages.inlayHint.on(
      onScript(site, "inlay hints", [] as InlayHint[], async (snapshot, { range }): Promise<InlayHint[]> => {
        if (!(await site.settings()).inlayHints) return [];
        const { placed } = snapshot.entry;
        const { start, end } = placed.span(range);
        const record = await lastRecord(site, snapshot);
        return hintsOf(snapshot, record)
          .filter((h) => h.at >= start && h.at <= end)
          .map(({ at, label, kind, tooltip }) => ({
            position: placed.position(at),
            label,
            ...(kind !== undefined && { kind }),
            ...(tooltip !== undefined && { tooltip }),
            paddingLeft: kind !== InlayHintKind.Type,
          }));
      }),
    );
  },
};

function hintsOf(snapshot: Snapshot, record: FoundRecord | undefined): readonly Hint[] {
  const { linked } = snapshot.entry;
  const tasks = snapshot.analysis.plan?.tasks ?? [];
  return linked.module.items.flatMap((item): readonly Hint[] => {
    if (item.kind === "LetDecl") return ofLet(snapshot, item);
    if (!("settings" in item)) return [];
    const task = tasks.find((t) => t.name === item.name.text);
    return [...(task === undefined ? [] : ofTask(snapshot, item, task, record)), ...ofLayers(snapshot, item)];
  });
}

function ofLet(snapshot: Snapshot, decl: ast.LetDecl): readonly Hint[] {
  const { name, value } = decl;
  const number = snapshot.analysis.numbers.get(decl);
  if (name.text === "" || number === undefined) return [];
  const label = value.kind === "NumberExpr" ? ": number" : `: number = ${number}`;
  return [{ at: name.span.end, label, kind: InlayHintKind.Type }];
}

/** What each setting that is not given is, where a number or word says it. */
function ofTask(snapshot: Snapshot, decl: ast.TaskDecl, task: Task, record: FoundRecord | undefined): readonly Hint[] {
  const { text } = snapshot.entry.placed;
  const tokens = snapshot.entry.parse.tokens;
  const after = "model" in decl ? decl.model.span.end : (decl.index?.span.end ?? decl.source.span.end);
  const brace = tokens.find((t) => t.startOffset >= after && t.image === "{");
  if (brace === undefined) return [];
  const images = rowsOf(task) * partsOf(task);
  const seconds = secondsFor(record, task.name, images);
  const time = seconds === undefined ? "" : `, about ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const given = new Set(decl.settings.map((s) => text.slice(s.span.start, s.span.end).match(/^\w+/)?.[0] ?? ""));
  const source = sourceOf(task);
  const values: Partial<Record<Key, string | number>> = {
    ...("count" in task && !source && { count: task.count }),
    ...("seed" in task && !source && { seed: task.seed }),
    ...(task.kind === "edit" && task.source.kind === "seed" && { count: task.source.count, seed: task.source.seed }),
    ...(task.kind === "traverse" && { frames: task.frames }),
    ...(!source && { truncation: task.truncation }),
    sampler: task.sampler.kind === "ode" ? `ode { solver ${task.sampler.solver} }` : task.sampler.kind,
  };
  const missing = Object.entries(values).filter(([key]) => !given.has(key));
  const defaults = missing.map(([key, value]) => `${key} ${value}`).join("  ");
  const defaultHint: Hint = {
    at: brace.startOffset + 1,
    label: defaults,
    kind: InlayHintKind.Parameter,
    tooltip: "defaults",
  };
  const tooltip = seconds === undefined ? "run it once to see how long it takes" : "by the seconds of the last run";
  return [
    { at: after, label: `${images} image${images === 1 ? "" : "s"}${time}`, kind: undefined, tooltip },
    ...(defaults === "" ? [] : [defaultHint]),
  ];
}

function ofLayers(snapshot: Snapshot, decl: ast.TaskDecl): readonly Hint[] {
  return decl.settings.flatMap((s): readonly Hint[] => {
    if (s.kind !== "StepSetting" || s.layers === undefined || !("text" in s.layers)) return [];
    const { text, span } = s.layers;
    for (const { info } of snapshot.models.values()) {
      const range = Object.hasOwn(info.layerGroups, text) ? info.layerGroups[text] : undefined;
      if (range !== undefined)
        return [{ at: span.end, label: `${range[0]}..${range[1]}`, kind: InlayHintKind.Parameter }];
    }
    return [];
  });
}
