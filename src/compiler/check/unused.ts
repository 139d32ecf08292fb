// Warnings about names: declarations that nothing uses, and names that hide an attribute of the model.
import { type Context } from "./context.js";
import type { ModelTable } from "./model-table.js";
import type { Report } from "./report.js";
import { type Declared, kindOf, type Scope } from "./scope.js";

/** L2024 for each own declaration, import and task of the entry that nothing uses; names that start with `_` are exempt. */
export function warnUnused(scope: Scope, cx: Context, report: Report): void {
  for (const d of scope.own) {
    const { text, span } = d.decl.name;
    if (cx.used.has(d) || text.startsWith("_")) continue;
    report.warning("L2024", span, `\`${text}\` is never used`, {
      text: `${kindOf(d)} that nothing uses`,
      hints: [
        d.kind === "task"
          ? `save it: \`save ${text} to "${text}.png" as grid\``
          : "remove it, or start its name with `_`",
      ],
    });
  }
  for (const { label, span, declared } of scope.imported) {
    if (declared.some((d) => cx.usedByEntry.has(d) || d.decl.name.text.startsWith("_"))) continue;
    report.warning("L2024", span, `${label} is never used`, { text: "nothing here uses it", hints: ["remove it"] });
  }
}

/** L2025 where a name of the entry takes the place of an attribute of one of its models. */
export function warnHidden(scope: Scope, tables: readonly ModelTable[], report: Report): void {
  for (const d of scope.own) {
    const { text, span } = d.decl.name;
    if (isTheAttribute(d) || text.startsWith("_")) continue;
    const table = tables.find((t) => t.own(text) !== undefined);
    if (table === undefined) continue;
    report.warning(
      "L2025",
      span,
      `\`${text}\` hides the attribute of that name in the model \`${table.alias ?? ""}\``,
      {
        text: `${kindOf(d)} from here on`,
        hints: ["choose another name if the model's attribute is meant anywhere"],
      },
    );
  }
}

/** A declaration without a head of its own is the model's attribute; so is one that looks at pictures for what the model knows. */
function isTheAttribute(d: Declared): boolean {
  return d.kind === "attribute" && (d.decl.from === undefined || d.decl.on !== undefined);
}
