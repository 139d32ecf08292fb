// Quick fixes on diagnostics: what the compiler says would mend it, and what only an editor offers: a declaration for an unknown name, the removal of
// what is unused, a set of values out of `hair is black or brown`. And all fixes of a text at once.
// Invariants: nothing is offered that does not follow from the compiler's diagnostics and trees; fixes of one text do not overlap.
import {
  CodeActionKind,
  type CodeAction,
  type CodeActionParams,
  type Diagnostic as ProtocolDiagnostic,
  type TextEdit,
} from "vscode-languageserver";
import type * as ast from "../parser/ast.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { rowOf } from "./describe.js";
import { onScript, type Feature, type Site } from "./feature.js";
import { nodesAt } from "./hover.js";
import { protocolDiagnostics, type DiagnosticData } from "./protocol-diagnostics.js";
import type { Snapshot } from "./workspace.js";
import { lensCommands } from "./lenses.js";

/** The kind of action that mends a whole text. */
const FIX_ALL = `${CodeActionKind.SourceFixAll}.lacec`;

interface Mend {
  readonly title: string;
  readonly edit: { readonly start: number; readonly end: number; readonly text: string };
  readonly preferred: boolean;
}

export const quickFixes: Feature = {
  capabilities: () => ({
    codeActionProvider: {
      codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite, FIX_ALL, CodeActionKind.Empty],
    },
  }),
  register: (site) => {
    site.connection.onCodeAction(
      onScript(site, "code actions", [] as CodeAction[], (snapshot, params) => {
        const wants = (kind: string): boolean =>
          params.context.only === undefined || params.context.only.some((o) => kind === o || kind.startsWith(`${o}.`));
        return [
          ...(wants(CodeActionKind.QuickFix) ? fixes(site, snapshot, params) : []),
          ...(wants(CodeActionKind.RefactorRewrite) ? rewrites(snapshot, params) : []),
          ...(wants(FIX_ALL) ? fixAll(snapshot) : []),
          ...(params.context.only === undefined ? lensActions(site, snapshot, params) : []),
        ];
      }),
    );
  },
};

function fixes(site: Site, snapshot: Snapshot, { range }: CodeActionParams): CodeAction[] {
  const { placed, linked, uri } = snapshot.entry;
  const asked = placed.span(range);
  const shown = protocolDiagnostics(snapshot, site.errorsPage).get(uri) ?? [];
  return snapshot.diagnostics
    .filter((d) => d.at.span.file === linked.path && d.at.span.start <= asked.end && d.at.span.end >= asked.start)
    .flatMap((d) => {
      const told = shown.find((p) => p.code === d.code && isRange(p, placed.range(d.at.span)));
      return mends(snapshot, d).map(({ title, edit, preferred }): CodeAction => ({
        title,
        kind: CodeActionKind.QuickFix,
        ...(told !== undefined && { diagnostics: [told] }),
        ...(preferred && { isPreferred: true }),
        edit: { changes: { [uri]: [{ range: placed.range(edit), newText: edit.text }] } },
      }));
    });
}

function isRange({ range }: ProtocolDiagnostic, other: ProtocolDiagnostic["range"]): boolean {
  return JSON.stringify(range) === JSON.stringify(other);
}

/** What would mend a diagnostic of the entry. */
function mends(snapshot: Snapshot, d: Diagnostic): readonly Mend[] {
  const found: Mend[] = [];
  if (d.fix !== undefined && d.fix.span.file === snapshot.entry.linked.path) {
    const { span, replacement } = d.fix;
    const title =
      replacement.trim() === ""
        ? "Remove it"
        : replacement.startsWith("lace ")
          ? `Begin with \`${replacement.trim()}\``
          : `Change to \`${replacement}\``;
    found.push({ title, edit: { start: span.start, end: span.end, text: replacement }, preferred: true });
  }
  if (d.code === "L2001") found.push(...declarations(snapshot, d));
  if (d.code === "L2024") found.push(...removal(snapshot, d));
  return found;
}

/** Declarations that would give an unknown name a meaning. */
function declarations(snapshot: Snapshot, { at, message }: Diagnostic): readonly Mend[] {
  const name = /^unknown name `([^`]+)`/.exec(message)?.[1];
  if (name === undefined) return [];
  const { items } = snapshot.entry.linked.module;
  const before = items.findLast((i) => i.span.start <= at.span.start);
  const start = before?.span.start ?? at.span.start;
  const around = nodesAt(snapshot, at.span.start);
  const call = around.findLast((n): n is Extract<ast.Expr, { kind: "CallExpr" }> => n.kind === "CallExpr");
  const params =
    call?.callee.text === name ? call.args.map((_, i) => `x${i === 0 ? "" : i + 1}: number`).join(", ") : undefined;
  const text = (line: string): Mend["edit"] => ({ start, end: start, text: `${line}\n` });
  if (params !== undefined)
    return [
      {
        title: `Declare the energy \`${name}\``,
        edit: text(`energy ${name}(${params}) = 1 * not_yet`.replace("1 * not_yet", firstAttribute(snapshot))),
        preferred: false,
      },
    ];
  return [
    { title: `Declare the number \`${name}\``, edit: text(`let ${name} = 1`), preferred: false },
    { title: `Declare the input \`${name}\``, edit: text(`input ${name}: number = 1`), preferred: false },
    {
      title: `Declare the energy \`${name}\``,
      edit: text(`energy ${name} = ${firstAttribute(snapshot)}`),
      preferred: false,
    },
  ];
}

function firstAttribute(snapshot: Snapshot): string {
  const rows = [...snapshot.models.values()].flatMap((m) => m.info.attributes);
  return rows.find((r) => r.type === "binary")?.name ?? "ATTRIBUTE";
}

/** The removal of a declaration, an import or an imported name that nothing uses. */
function removal(snapshot: Snapshot, { at }: Diagnostic): readonly Mend[] {
  const { linked, placed } = snapshot.entry;
  const { text } = placed;
  for (const item of linked.module.items) {
    const isName = "name" in item && item.name.span.start === at.span.start;
    const isImport = item.kind === "ImportDecl" && item.span.start === at.span.start;
    if (isName || isImport) {
      const start = text.lastIndexOf("\n", item.span.start - 1) + 1;
      const alone = text.slice(start, item.span.start).trim() === "";
      const rest = /^[ \t]*(\r\n|\n|\r|$)/.exec(text.slice(item.span.end))?.[0] ?? "";
      const edit =
        alone && rest !== ""
          ? { start, end: item.span.end + rest.length }
          : { start: item.span.start, end: item.span.end };
      return [{ title: "Remove it", edit: { ...edit, text: "" }, preferred: true }];
    }
    if (item.kind !== "ImportDecl" || item.names === undefined) continue;
    const i = item.names.findIndex((n) => n.span.start === at.span.start);
    const name = item.names[i];
    if (name === undefined || item.names.length < 2) continue;
    const next = item.names[i + 1];
    const before = item.names[i - 1];
    const start = next === undefined ? (before?.span.end ?? name.span.start) : name.span.start;
    const end = next === undefined ? name.span.end : next.span.start;
    return [{ title: "Remove it", edit: { start, end, text: "" }, preferred: true }];
  }
  return [];
}

/** `hair is black or hair is brown`, and `hair is black or brown`, as one set. */
function rewrites(snapshot: Snapshot, { range }: CodeActionParams): CodeAction[] {
  const { placed, uri } = snapshot.entry;
  const offset = placed.span(range).start;
  const whole = nodesAt(snapshot, offset).find(
    (n): n is Extract<ast.Expr, { kind: "NaryExpr" }> =>
      n.kind === "NaryExpr" && (n as ast.Expr & { op?: string }).op === "or",
  );
  const set = whole && valuesOf(snapshot, whole);
  if (whole === undefined || set === undefined || set.values.length < 2) return [];
  const text = `${set.attribute} in { ${[...new Set(set.values)].join(", ")} }`;
  return [
    {
      title: `Write as a set: \`${text}\``,
      kind: CodeActionKind.RefactorRewrite,
      edit: { changes: { [uri]: [{ range: placed.range(whole.span), newText: text }] } },
    },
  ];
}

function valuesOf(
  snapshot: Snapshot,
  e: ast.Expr,
): { readonly attribute: string; readonly values: readonly string[] } | undefined {
  if (e.kind === "ParenExpr") return valuesOf(snapshot, e.inner);
  if (
    e.kind === "IsExpr" &&
    !e.negated &&
    e.tolerance === undefined &&
    e.subject.kind === "NameExpr" &&
    e.value.kind === "NameExpr"
  ) {
    const row = rowOf(snapshot, e.subject.name)?.row;
    return row?.type === "category" ? { attribute: e.subject.name, values: [e.value.name] } : undefined;
  }
  const [first, ...more] = e.kind === "NaryExpr" && e.op === "or" ? e.operands : [];
  const found = first && valuesOf(snapshot, first);
  if (found === undefined) return undefined;
  const { attribute } = found;
  const row = rowOf(snapshot, attribute)?.row;
  const values = [...found.values];
  for (const part of more) {
    const bare = part.kind === "NameExpr" && row?.type === "category" && row.classes.includes(part.name);
    const same = bare ? { attribute, values: [part.name] } : valuesOf(snapshot, part);
    if (same?.attribute !== attribute) return undefined;
    values.push(...same.values);
  }
  return { attribute, values };
}

/** Every fix of the compiler for the text, as one edit; of two that overlap the first. */
function fixAll(snapshot: Snapshot): CodeAction[] {
  const { uri } = snapshot.entry;
  const own = [...(protocolDiagnostics(snapshot, undefined).get(uri) ?? [])];
  const { placed } = snapshot.entry;
  const edits: TextEdit[] = [];
  let end = -1;
  const fixable = own
    .flatMap(({ data }) => (data as DiagnosticData).fix ?? [])
    .sort((a, b) => placed.offset(a.range.start) - placed.offset(b.range.start));
  for (const { range, newText } of fixable) {
    if (placed.offset(range.start) < end || edits.some((e) => JSON.stringify(e) === JSON.stringify({ range, newText })))
      continue;
    edits.push({ range, newText });
    end = placed.offset(range.end);
  }
  if (edits.length === 0) return [];
  return [{ title: "Fix all that lacec can mend", kind: FIX_ALL, edit: { changes: { [uri]: edits } } }];
}

/** What the lenses offer, for editors without lenses. */
function lensActions(site: Site, snapshot: Snapshot, { range }: CodeActionParams): CodeAction[] {
  const { placed } = snapshot.entry;
  return lensCommands(site, snapshot)
    .filter(({ span }) => placed.position(span.start).line === range.start.line)
    .flatMap(({ command }) =>
      command.command === "" ? [] : [{ title: command.title, kind: CodeActionKind.Empty, command }],
    );
}
