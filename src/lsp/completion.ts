// Completion: what may be written at the cursor, with its documentation, and a snippet where the editor takes one.
// In: the present text and the last analysis. Out: items. Invariants: nothing is checked anew for it: names are those of the last analysis, so that it
// answers at once while one types; what is offered is what the compiler's tables allow at that place.
import {
  CompletionItemKind,
  InsertTextFormat,
  MarkupKind,
  type CompletionItem,
  type CompletionList,
} from "vscode-languageserver";
import { SAMPLERS, SAVE_FORMS, SETTINGS } from "../compiler/check/vocabulary.js";
import type { Declared } from "../compiler/check/scope.js";
import { compilerDefaults, type Defaults } from "./defaults.js";
import { describe, lace, rowOf, signatureOf, attributeText } from "./describe.js";
import { guarded, type Feature, type Site } from "./feature.js";
import { entriesBeside } from "./files.js";
import { placeAt, type Wanted } from "./place.js";
import { pathOf } from "./uris.js";
import {
  CHOICE_DOCS,
  FORM_DOCS,
  KEYWORD_DOCS,
  METHOD_DOCS,
  OPERATOR_DOCS,
  OPTION_DOCS,
  PART_DOCS,
  SETTING_DOCS,
  STATEMENT_DOCS,
  TYPE_DOCS,
  type WordDoc,
} from "./words.js";
import type { OpenText, Snapshot } from "./workspace.js";

/** An item before it is placed in the text. */
interface Offer {
  readonly label: string;
  readonly kind: CompletionItemKind;
  readonly doc?: string | undefined;
  readonly detail?: string | undefined;
  /** In place of the label; with places to fill in, if `snippet`. */
  readonly insert?: string;
  readonly snippet?: string | undefined;
  /** Sorts before others: 0 first. */
  readonly rank?: number;
}

/** The most items of one answer. */
const MOST_ITEMS = 1000;

const NOTHING: CompletionList = { isIncomplete: false, items: [] };

export const completion: Feature = {
  capabilities: () => ({
    completionProvider: { triggerCharacters: ['"', "/", " ", "{", ":", "(", ","], resolveProvider: false },
  }),
  register: (site) => {
    let defaults: Promise<Defaults> | undefined;
    site.connection.onCompletion(
      guarded(site, "completion", NOTHING, async ({ textDocument, position, context }) => {
        const path = pathOf(textDocument.uri);
        const open = site.workspace.openText(path);
        if (open === undefined) return NOTHING;
        const offset = open.placed.offset(position);
        const parse = site.workspace.parse(open.text, path);
        const { wanted, start, word } = placeAt(open.text, parse, offset);
        // A trigger in a place where anything may follow would be a nuisance; one that was typed asks for what fits alone.
        if (context?.triggerCharacter === " " && !isNarrow(wanted)) return NOTHING;
        if (context?.triggerCharacter === "{" && wanted.kind === "operand") return NOTHING;
        defaults ??= compilerDefaults();
        const snapshot = site.workspace.latest(path) ?? (await site.workspace.snapshot(path));
        const offers = await new Offers(site, open, snapshot, await defaults).of(wanted);
        const wantsSnippets = site.client().textDocument?.completion?.completionItem?.snippetSupport === true;
        const range = open.placed.range({ start, end: offset });
        const seen = new Set<string>();
        const items = offers
          .filter((o) => !seen.has(o.label) && seen.add(o.label))
          .filter((o) => isNear(o.label, word))
          .slice(0, MOST_ITEMS)
          .map((o) => itemOf(o, wantsSnippets, range));
        return { isIncomplete: false, items };
      }),
    );
  },
};

/** What a space may ask for. */
function isNarrow({ kind }: Wanted): boolean {
  return !["nothing", "statement", "setting", "operand", "operator", "keyword"].includes(kind);
}

/** Whether the letters of what was typed come in a label in their order: editors filter, this only keeps answers short. */
function isNear(label: string, word: string): boolean {
  let at = 0;
  const lower = label.toLowerCase();
  for (const c of word.toLowerCase()) {
    at = lower.indexOf(c, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

function itemOf(
  offer: Offer,
  snippets: boolean,
  range: NonNullable<ReturnType<OpenText["placed"]["range"]>>,
): CompletionItem {
  const { label, kind, doc, detail, insert, snippet, rank = 5 } = offer;
  const asSnippet = snippets && snippet !== undefined;
  return {
    label,
    kind,
    ...(detail !== undefined && { detail }),
    ...(doc !== undefined && { documentation: { kind: MarkupKind.Markdown, value: doc } }),
    ...(asSnippet && { insertTextFormat: InsertTextFormat.Snippet }),
    sortText: `${rank}${label}`,
    textEdit: { range, newText: asSnippet ? snippet : (insert ?? label) },
  };
}

class Offers {
  constructor(
    private readonly site: Site,
    private readonly open: OpenText,
    private readonly snapshot: Snapshot | undefined,
    private readonly defaults: Defaults,
  ) {}

  async of(wanted: Wanted): Promise<readonly Offer[]> {
    switch (wanted.kind) {
      case "nothing":
        return [];
      case "statement":
        return words(STATEMENT_DOCS, CompletionItemKind.Keyword);
      case "path":
        return this.paths(wanted.of, wanted.typed);
      case "name":
        return wanted.of === "import" ? this.imported(wanted.path) : this.declared(wanted.of);
      case "attributeType":
        return this.types(wanted.attribute);
      case "numberType":
        return words({ number: TYPE_DOCS["number"] ?? { doc: "" } }, CompletionItemKind.TypeParameter);
      case "classes":
        return this.values(wanted.attribute);
      case "setting":
        return this.settings(wanted);
      case "operand":
        return [...locals(wanted.locals), ...this.numbers(), ...(wanted.numbers ? [] : this.energies())];
      case "operator":
        return this.operators(wanted);
      case "value": {
        const values = this.values(wanted.attribute);
        const not = wanted.negatable ? [{ label: "not", kind: CompletionItemKind.Operator, rank: 6 }] : [];
        return values.length > 0 ? [...values, ...not] : [...locals(wanted.locals), ...this.numbers()];
      }
      case "word":
        return wanted.words.map((label, i) => ({
          label,
          kind: CompletionItemKind.EnumMember,
          doc: CHOICE_DOCS[wanted.of]?.[label],
          ...(i === 0 && { detail: "the default" }),
          rank: i,
        }));
      case "method":
        return Object.keys(SAMPLERS).map((label) => this.word(label, METHOD_DOCS[label], CompletionItemKind.Function));
      case "option":
        return Object.keys(wanted.options)
          .filter((o) => !wanted.given.includes(o))
          .map((label) => ({
            label,
            kind: CompletionItemKind.Property,
            doc: OPTION_DOCS[`${wanted.of.replace(/^as /, "")}.${label}`],
            detail: this.defaultText(this.defaults.options.get(`${wanted.of.replace(/^as /, "")}.${label}`)),
            insert: `${label} `,
          }));
      case "layers":
        return this.layerGroups();
      case "keep":
        return ["latent", "attributes", "identity"]
          .filter((w) => !wanted.given.includes(w))
          .map((label) => this.word(label, PART_DOCS[label], CompletionItemKind.Property));
      case "form":
        return Object.keys(SAVE_FORMS).map((label) =>
          this.word(label, FORM_DOCS[label], CompletionItemKind.EnumMember),
        );
      case "keyword":
        return wanted.words.map((label) => ({ label, kind: CompletionItemKind.Keyword, doc: KEYWORD_DOCS[label] }));
    }
  }

  private word(label: string, entry: WordDoc | undefined, kind: CompletionItemKind): Offer {
    return { label, kind, doc: entry?.doc, snippet: entry?.snippet };
  }

  private defaultText(value: string | undefined): string | undefined {
    return value === undefined ? undefined : `default ${value}`;
  }

  private get names(): readonly [string, Declared][] {
    return [...(this.snapshot?.analysis.names ?? [])];
  }

  private describe(d: Declared): string | undefined {
    return this.snapshot && describe(this.snapshot, { kind: d.kind, name: d.decl.name.text, at: d.decl.name.span });
  }

  private settings({ form, given, after }: Extract<Wanted, { kind: "setting" }>): readonly Offer[] {
    const repeatable = new Set(["step"]);
    const own = SETTINGS[form]
      .filter((key) => repeatable.has(key) || !given.includes(key))
      .map((label): Offer => {
        const detail = this.defaultText(this.defaults.settings[form].get(label));
        return {
          ...this.word(label, SETTING_DOCS[label], CompletionItemKind.Property),
          detail,
          rank: after === undefined ? 4 : 6,
        };
      });
    if (after === undefined) return own;
    if (after === "accept")
      return [{ label: "tries", kind: CompletionItemKind.Property, rank: 1, doc: KEYWORD_DOCS["tries"] }, ...own];
    const parts =
      after === "step"
        ? ["layers", "weight"].map((label) => this.word(label, PART_DOCS[label], CompletionItemKind.Property))
        : [];
    return [...parts, ...this.operators({ expect: false, numbers: false }), ...own];
  }

  private operators({ expect, numbers }: { readonly expect: boolean; readonly numbers: boolean }): readonly Offer[] {
    if (numbers) return [];
    const infix = ["and", "or", "xor", "implies", "iff", "is", "in"];
    const marks = expect
      ? [{ label: ">=", kind: CompletionItemKind.Operator, doc: "the fraction of samples", rank: 3 }]
      : [];
    return [
      ...marks,
      ...infix.map((label) => ({ label, kind: CompletionItemKind.Operator, doc: OPERATOR_DOCS[label]?.doc, rank: 5 })),
    ];
  }

  private numbers(): readonly Offer[] {
    return this.names
      .filter(([, d]) => d.kind === "let" || d.kind === "input")
      .map(([label, d]) => ({
        label,
        kind: d.kind === "let" ? CompletionItemKind.Constant : CompletionItemKind.Variable,
        doc: this.describe(d),
        rank: 4,
      }));
  }

  private energies(): readonly Offer[] {
    const energies = this.names.flatMap(([label, d]): Offer[] => {
      if (d.kind !== "energy") return [];
      const { params } = d.decl;
      const filled = params.map((p, i) => `\${${i + 1}:${p.name.text}}`).join(", ");
      return [
        {
          label,
          kind: CompletionItemKind.Function,
          doc: this.describe(d),
          detail: signatureOf(d.decl),
          snippet: params.length === 0 ? undefined : `${label}(${filled})`,
          rank: 3,
        },
      ];
    });
    const prefix = ["not", "atleast", "atmost", "exactly", "temperature", "like", "text"].map((label) => ({
      ...this.word(label, OPERATOR_DOCS[label], CompletionItemKind.Operator),
      rank: 6,
    }));
    return [...energies, ...this.attributes(false), ...prefix];
  }

  /** The attributes that are declared, and those of the models; `declaring`: only those that a declaration could name. */
  private attributes(declaring: boolean): readonly Offer[] {
    const { snapshot } = this;
    const declared = this.names.flatMap(([label, d]): Offer[] =>
      d.kind === "attribute" ? [{ label, kind: CompletionItemKind.Field, doc: this.describe(d), rank: 2 }] : [],
    );
    const names = new Set(this.names.map(([name]) => name));
    const own = [...(snapshot?.models.values() ?? [])].flatMap((card) =>
      card.info.attributes
        .filter((row) => !names.has(row.name))
        .map((row): Offer => {
          const code = attributeText(row);
          return {
            label: row.name,
            kind: CompletionItemKind.Field,
            detail: row.type,
            doc: snapshot && describe(snapshot, { kind: "attribute", name: row.name, model: card.info.name }),
            ...(declaring && { insert: code.replace(/^attribute /, "") }),
            rank: 3,
          };
        }),
    );
    return declaring ? own : [...declared, ...own];
  }

  private declared(of: "model" | "task" | "attribute"): readonly Offer[] {
    if (of === "attribute") return this.attributes(true);
    const kind = of === "model" ? CompletionItemKind.Module : CompletionItemKind.Event;
    return this.names.filter(([, d]) => d.kind === of).map(([label, d]) => ({ label, kind, doc: this.describe(d) }));
  }

  private types(attribute: string): readonly Offer[] {
    const row = this.snapshot && rowOf(this.snapshot, attribute)?.row;
    const own =
      row === undefined
        ? []
        : [
            {
              label: attributeText(row).replace(/^[^:]*: /, ""),
              kind: CompletionItemKind.TypeParameter,
              detail: "as the model has it",
              rank: 0,
            },
          ];
    const all = words(TYPE_DOCS, CompletionItemKind.TypeParameter);
    return [...own, ...all.filter((o) => o.label !== "number")];
  }

  private values(attribute: string): readonly Offer[] {
    const { snapshot } = this;
    const d = snapshot?.analysis.names.get(attribute);
    if (d?.kind === "attribute" && d.decl.type.kind === "CategoryType")
      return d.decl.type.values.map((v) => ({
        label: v.text,
        kind: CompletionItemKind.EnumMember,
        detail: attribute,
        rank: 1,
      }));
    const row = snapshot && rowOf(snapshot, attribute)?.row;
    if (row === undefined || row.type === "scalar") return [];
    return row.classes.map((label) => ({ label, kind: CompletionItemKind.EnumMember, detail: attribute, rank: 1 }));
  }

  private layerGroups(): readonly Offer[] {
    return [...(this.snapshot?.models.values() ?? [])].flatMap(({ info }) =>
      Object.entries(info.layerGroups).map(([label, [from, to]]) => ({
        label,
        kind: CompletionItemKind.EnumMember,
        detail: `layers ${from}..${to}`,
        doc: `a group of the model \`${info.name}\`, whose layers are 0..${info.numWs - 1}`,
      })),
    );
  }

  private async imported(reference: string | undefined): Promise<readonly Offer[]> {
    const linked = this.snapshot?.program.entry.imports.find((i) => i.decl.path.value === reference)?.file;
    const items = linked?.module.items ?? (reference === undefined ? [] : await this.itemsOf(reference));
    return items.flatMap((item): Offer[] => {
      const importable = ["ModelDecl", "InputDecl", "AttributeDecl", "LetDecl", "EnergyDecl"].includes(item.kind);
      if (!importable || !("name" in item) || item.name.text === "") return [];
      const detail = item.kind === "EnergyDecl" ? signatureOf(item) : item.kind.replace("Decl", "").toLowerCase();
      return [{ label: item.name.text, kind: CompletionItemKind.Reference, detail }];
    });
  }

  /** What a file declares that is not imported yet. */
  private async itemsOf(reference: string) {
    const { workspace } = this.site;
    const path = workspace.resolve(this.open.path, reference);
    return (await workspace.snapshot(path))?.program.entry.module.items ?? [];
  }

  private async paths(of: keyof typeof PATH_ENDS, typed: string): Promise<readonly Offer[]> {
    const ends = PATH_ENDS[of];
    const entries = await entriesBeside(this.site.workspace.files, this.open.path, typed);
    const here = entries
      .filter((e) => (e.folder ? !/^(\.|node_modules$)/.test(e.name) : ends.test(e.name)))
      .filter((e) => of !== "import" || e.folder || !this.open.path.endsWith(`/${e.name}`) || typed.includes("/"))
      .map((e): Offer => ({
        label: e.folder ? `${e.name}/` : e.name,
        kind: e.folder ? CompletionItemKind.Folder : CompletionItemKind.File,
        rank: e.folder ? 4 : 3,
      }));
    const own =
      of === "model" && typed === ""
        ? [{ label: "builtin:avatar", kind: CompletionItemKind.Module, detail: "ships with lacec", rank: 2 }]
        : [];
    return [...own, ...here];
  }
}

/** What files are called that a path may name. */
const PATH_ENDS = {
  import: /\.lace$/,
  model: /\.safetensors$/,
  head: /\.(safetensors|pt|pth)$/,
  network: /\.onnx$/,
  photo: /\.(png|jpe?g|webp|avif|gif)$/,
  encoder: /\.safetensors$/,
  landmarks: /\.json$/,
  latents: /\.(npy|npz|pt|pth|pkl|safetensors)$/,
} as const;

function locals(names: readonly string[]): readonly Offer[] {
  return names.map((label) => ({ label, kind: CompletionItemKind.Variable, doc: lace(`${label}: number`), rank: 1 }));
}

function words(table: Readonly<Record<string, WordDoc>>, kind: CompletionItemKind): readonly Offer[] {
  return Object.entries(table).map(([label, { doc, snippet }]) => ({ label, kind, doc, snippet }));
}
