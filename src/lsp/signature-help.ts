// Signature help: the parameters of the energy that is being called, and the options of the sampler, or form of save, that is being filled in.
import type { IToken } from "chevrotain";
import type { SignatureHelp } from "vscode-languageserver";
import { SAMPLERS, SAVE_FORMS, type OptionKind } from "../compiler/check/vocabulary.js";
import * as t from "../parser/tokens.js";
import { compilerDefaults, type Defaults } from "./defaults.js";
import { describe, signatureOf } from "./describe.js";
import { guarded, type Feature } from "./feature.js";
import { pathOf } from "./uris.js";
import { FORM_DOCS, METHOD_DOCS, OPTION_DOCS } from "./words.js";
import type { Snapshot } from "./workspace.js";

export const signatureHelp: Feature = {
  capabilities: () => ({ signatureHelpProvider: { triggerCharacters: ["(", ",", "{"], retriggerCharacters: [" "] } }),
  register: (site) => {
    let defaults: Promise<Defaults> | undefined;
    site.connection.onSignatureHelp(
      guarded(site, "signature help", null as SignatureHelp | null, async ({ textDocument, position }) => {
        const path = pathOf(textDocument.uri);
        const open = site.workspace.openText(path);
        if (open === undefined) return null;
        const offset = open.placed.offset(position);
        const before = site.workspace
          .parse(open.text, path)
          .tokens.filter((x) => x.startOffset + x.image.length <= offset);
        const opened = openBracket(before);
        if (opened === undefined) return null;
        if (opened.bracket.tokenType === t.LParen) {
          const snapshot = site.workspace.latest(path) ?? (await site.workspace.snapshot(path));
          return snapshot === undefined ? null : ofCall(snapshot, opened.name, opened.commas);
        }
        defaults ??= compilerDefaults();
        return ofOptions(opened, before, await defaults);
      }),
    );
  },
};

interface Opened {
  readonly bracket: IToken;
  /** The word before it, and the one before that. */
  readonly name: string;
  readonly head: IToken | undefined;
  /** Commas since, outside other brackets. */
  readonly commas: number;
}

/** The innermost bracket that is open at the end of some tokens. */
function openBracket(tokens: readonly IToken[]): Opened | undefined {
  let closed = 0;
  let commas = 0;
  for (let i = tokens.length - 1; i >= 0; i--) {
    const token = tokens[i];
    if (token === undefined) continue;
    if ([t.RParen, t.RCurly, t.RSquare].includes(token.tokenType)) closed++;
    else if (token.tokenType === t.Comma && closed === 0) commas++;
    else if ([t.LParen, t.LCurly, t.LSquare].includes(token.tokenType) && closed-- === 0)
      return { bracket: token, name: tokens[i - 1]?.image ?? "", head: tokens[i - 2], commas };
  }
  return undefined;
}

function ofCall(snapshot: Snapshot, name: string, commas: number): SignatureHelp | null {
  const d = snapshot.analysis.names.get(name);
  if (d?.kind !== "energy" || d.decl.params.length === 0) return null;
  const documentation = {
    kind: "markdown" as const,
    value: describe(snapshot, { kind: "energy", name, at: d.decl.name.span }),
  };
  const parameters = d.decl.params.map((p) => ({ label: `${p.name.text}: ${p.type.text}` }));
  const activeParameter = Math.min(commas, parameters.length - 1);
  const label = signatureOf(d.decl).replace(/^energy /, "");
  return { signatures: [{ label, documentation, parameters }], activeSignature: 0, activeParameter };
}

function ofOptions(
  { bracket, name, head }: Opened,
  before: readonly IToken[],
  defaults: Defaults,
): SignatureHelp | null {
  if (bracket.tokenType !== t.LCurly) return null;
  const tables: Readonly<Record<string, Readonly<Record<string, OptionKind>>>> =
    head?.tokenType === t.Sampler ? SAMPLERS : head?.tokenType === t.As ? SAVE_FORMS : {};
  const options = Object.hasOwn(tables, name) ? tables[name] : undefined;
  if (options === undefined) return null;
  const parameters = Object.entries(options).map(([key, kind]) => {
    const value = defaults.options.get(`${name}.${key}`);
    const documentation = [
      OPTION_DOCS[`${name}.${key}`],
      typeof kind === "string" ? undefined : `one of ${kind.join(", ")}`,
    ]
      .filter((x) => x !== undefined)
      .join(" ");
    return { label: value === undefined ? key : `${key} ${value}`, documentation };
  });
  if (parameters.length === 0) return null;
  const keys = Object.keys(options);
  const last = before.findLast((x) => x.startOffset > bracket.startOffset && keys.includes(x.image));
  const label = `${name} { ${parameters.map((p) => p.label).join("  ")} }`;
  const documentation = (METHOD_DOCS[name] ?? FORM_DOCS[name])?.doc ?? "";
  const active = last === undefined ? 0 : keys.indexOf(last.image);
  return { signatures: [{ label, documentation, parameters }], activeSignature: 0, activeParameter: active };
}
