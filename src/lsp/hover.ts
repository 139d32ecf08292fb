// Hover: what stands under the cursor. Names by what they are declared as, words of the language by what they mean and their defaults.
import { MarkupKind, type Hover } from "vscode-languageserver";
import type * as ast from "../parser/ast.js";
import type { TaskForm } from "../compiler/check/vocabulary.js";
import { walk, type AnyNode } from "../parser/walk.js";
import { compilerDefaults, type Defaults } from "./defaults.js";
import { cardText, describe, lace, type Counted } from "./describe.js";
import { onScript, type Feature, type Site } from "./feature.js";
import { meaningOf } from "./meaning.js";
import { nameAt } from "./names.js";
import { CHOICE_DOCS, docOf, OPERATOR_DOCS, OPTION_DOCS } from "./words.js";
import type { Snapshot } from "./workspace.js";

interface Said {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export const hover: Feature = {
  capabilities: () => ({ hoverProvider: true }),
  register: (site) => {
    let defaults: Promise<Defaults> | undefined;
    site.connection.onHover(
      onScript(site, "hover", null as Hover | null, async (snapshot, { position }) => {
        const { placed } = snapshot.entry;
        const offset = placed.offset(position);
        defaults ??= compilerDefaults();
        const said = ofName(site, snapshot, offset) ?? ofWord(snapshot, offset, await defaults);
        if (said === undefined) return null;
        const plainOnly = site.client().textDocument?.hover?.contentFormat?.includes(MarkupKind.Markdown) === false;
        const value = plainOnly ? said.text.replace(/```\w*\n?|\*\*|`|\\(?=[\\*_{}[\]<>#|])/g, "") : said.text;
        return {
          contents: { kind: plainOnly ? MarkupKind.PlainText : MarkupKind.Markdown, value },
          range: placed.range(said),
        };
      }),
    );
  },
};

function ofName({ frequencies }: Site, snapshot: Snapshot, offset: number): Said | undefined {
  const use = nameAt(snapshot, snapshot.entry, offset);
  if (use === undefined) return undefined;
  const counted: Counted = ({ reference }) => {
    frequencies.want(reference);
    return frequencies.known(reference);
  };
  return { start: use.span.start, end: use.span.end, text: describe(snapshot, use.declaration, counted) };
}

/** The nodes around an offset, from the outermost in. */
export function nodesAt(snapshot: Snapshot, offset: number): readonly AnyNode[] {
  const found: AnyNode[] = [];
  walk(snapshot.entry.linked.module, (node) => {
    if (node.span.start <= offset && offset <= node.span.end && node.span.file === snapshot.entry.linked.path)
      found.push(node);
  });
  return found;
}

function ofWord(snapshot: Snapshot, offset: number, defaults: Defaults): Said | undefined {
  const token = snapshot.entry.parse.tokens.find(
    (t) => t.startOffset <= offset && offset < t.startOffset + t.image.length,
  );
  if (token === undefined) return undefined;
  const { image, startOffset: start } = token;
  const said = (text: string | undefined): Said | undefined =>
    text === undefined ? undefined : { start, end: start + image.length, text };
  const around = nodesAt(snapshot, offset);
  const inner = around.at(-1);
  const written = (span: { readonly start: number; readonly end: number }): string =>
    snapshot.entry.placed.text.slice(span.start, span.end);
  if (/^["']/.test(image)) return said(ofPath(snapshot, around));
  const setting = around.findLast((n): n is ast.Setting => /Setting$/.test(n.kind ?? ""));
  const option = around.findLast((n): n is ast.Option => n.kind === undefined && "key" in n && "value" in n);
  if (option !== undefined) {
    const save = around.find((n): n is ast.SaveStmt => n.kind === "SaveStmt");
    const of = setting?.kind === "SamplerSetting" ? setting.method.text : (save?.form?.text ?? "");
    const key = option.key.text;
    if (option.key.span.start === start)
      return said(withDefault(OPTION_DOCS[`${of}.${key}`], defaults.options.get(`${of}.${key}`)));
    return said(CHOICE_DOCS[key]?.[image]);
  }
  if (setting?.kind === "WordSetting" && setting.value.span.start === start)
    return said(CHOICE_DOCS[setting.key.text]?.[image]);
  if (
    setting?.kind === "StepSetting" &&
    setting.layers !== undefined &&
    "text" in setting.layers &&
    setting.layers.span.start === start
  )
    return said(ofLayers(snapshot, image));
  if (setting !== undefined && setting.span.start === start) {
    const task = around.find((n): n is ast.TaskDecl => "settings" in n);
    return said(withDefault(docOf(image), task && defaults.settings[formOf(task)].get(image)));
  }
  // An operator: what the whole expression says.
  if (Object.hasOwn(OPERATOR_DOCS, image) && inner !== undefined && /Expr$/.test(inner.kind ?? "")) {
    const meaning = meaningOf(inner as ast.Expr, written, "product");
    return said(`${OPERATOR_DOCS[image]?.doc ?? ""}\n\n${lace(meaning)}`);
  }
  return said(docOf(image));
}

function withDefault(doc: string | undefined, value: string | undefined): string | undefined {
  return doc === undefined || value === undefined ? doc : `${doc}\n\ndefault: \`${value}\``;
}

function formOf(task: ast.TaskDecl): TaskForm {
  switch (task.kind) {
    case "SampleDecl":
      return "sample";
    case "TraverseDecl":
      return "traverse";
    case "SweepDecl":
      return task.sourceKind === "of" ? "sweep of" : "sweep";
    case "PhotoDecl":
      return "photo";
    case "EditDecl":
      return `edit ${task.sourceKind}`;
  }
}

function ofLayers(snapshot: Snapshot, group: string): string | undefined {
  for (const { info } of snapshot.models.values()) {
    const range = Object.hasOwn(info.layerGroups, group) ? info.layerGroups[group] : undefined;
    if (range !== undefined) return `layers ${range[0]}..${range[1]} of the ${info.numWs} of \`${info.name}\``;
  }
  return undefined;
}

function ofPath(snapshot: Snapshot, around: readonly AnyNode[]): string | undefined {
  const model = around.find((n): n is ast.ModelDecl => n.kind === "ModelDecl");
  const card = model && snapshot.models.get(model.name.text);
  if (card !== undefined) return cardText(card);
  const decl = around.find((n): n is ast.ImportDecl => n.kind === "ImportDecl");
  const linked = snapshot.program.entry.imports.find((i) => i.decl === decl)?.file;
  if (linked === undefined) return undefined;
  const names = linked.module.items.flatMap((i) => ("name" in i && i.name.text !== "" ? [`\`${i.name.text}\``] : []));
  return names.length === 0 ? "declares nothing" : `declares ${names.join(", ")}`;
}
