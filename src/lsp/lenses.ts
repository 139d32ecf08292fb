// Code lenses: run, run four small ones, the plan; of each task its energy; of each expectation how it went the last time.
// Invariants: they are of the last analysis, and read no more than one record: they never slow typing.
import type { CodeLens, Command } from "vscode-languageserver";
import type { Span } from "../source/span.js";
import { guarded, type Feature, type Site } from "./feature.js";
import { lastRecord, type FoundRecord } from "./records.js";
import { pathOf } from "./uris.js";
import type { Snapshot } from "./workspace.js";

export interface LensCommand {
  readonly span: Span;
  /** Without a name it only says something. */
  readonly command: Command;
}

export const lenses: Feature = {
  capabilities: () => ({ codeLensProvider: { resolveProvider: false } }),
  register: (site) => {
    site.connection.onCodeLens(
      guarded(site, "lenses", [] as CodeLens[], async ({ textDocument }): Promise<CodeLens[]> => {
        const path = pathOf(textDocument.uri);
        if (!(await site.settings()).codeLens) return [];
        const snapshot = site.workspace.latest(path) ?? (await site.workspace.snapshot(path));
        if (snapshot === undefined) return [];
        const all = [...lensCommands(site, snapshot), ...results(snapshot, await lastRecord(site, snapshot))];
        return all.map(({ span, command }) => ({ range: snapshot.entry.placed.range(span), command }));
      }),
    );
  },
};

/**
 * What can be done with a script, at the places where it is offered. A script with mistakes has them too, and the command tells of the mistakes: lines
 * that come and go while someone types make the text jump.
 */
export function lensCommands(site: Site, snapshot: Snapshot): readonly LensCommand[] {
  const { items } = snapshot.entry.linked.module;
  const tasks = items.filter((i) => "settings" in i).filter((i) => i.name.text !== "");
  const [first] = tasks;
  if (first === undefined) return [];
  const command = (title: string, name: string, ...more: unknown[]): Command => ({
    title,
    command: name,
    arguments: [snapshot.uri, ...more],
  });
  const runs =
    site.runs === undefined
      ? []
      : [command("Run", "lace.run"), command("Run 4 small", "lace.runSmall"), command("Lock", "lace.lock")];
  return [
    ...[...runs, command("Plan", "lace.plan")].map((c) => ({ span: first.span, command: c })),
    ...tasks.map((t) => ({ span: t.name.span, command: command("Show energy", "lace.showEnergy", t.name.text) })),
  ];
}

function results(snapshot: Snapshot, found: FoundRecord | undefined): readonly LensCommand[] {
  const { linked, placed } = snapshot.entry;
  return linked.module.items.flatMap((item): readonly LensCommand[] => {
    if (item.kind !== "ExpectStmt") return [];
    return item.clauses.flatMap((clause): readonly LensCommand[] => {
      const text = placed.text.slice(clause.energy.span.start, clause.energy.span.end).replace(/\s+/g, " ").trim();
      const last = found?.record.expectations.find((e) => e.task === item.target.text && e.text === text);
      if (last === undefined) return [];
      const { satisfied, counted } = last.labeller ?? last.heads;
      const title = `${last.passed ? "✓" : "✗"} ${text}: ${satisfied} of ${counted} the last time`;
      return [{ span: item.span, command: { title, command: "" } }];
    });
  });
}
