// `keep` of edits and of rows: what holds a state near where it started (docs/language.md, edits).
// In: a task's settings. Out: weights, attributes, the network that tells identities. Reports L2004 and L2003 of the weights.
import type * as ast from "../../parser/ast.js";
import type { KeptIdentity } from "../plan.js";
import type { CheckedKeep } from "./checked.js";
import { markUsed, type Env } from "./context.js";
import { attributeRow } from "./declared.js";
import { evaluateNumber } from "./evaluate.js";
import { readLooking } from "./read-looking.js";
import * as settings from "./settings.js";

/** The weights of `keep`; 0 for what it leaves out. */
export function readKeep(
  decl: ast.TaskDecl,
  read: settings.Settings,
  env: Env,
): Pick<CheckedKeep, "latent" | "attributes" | "identity"> {
  const keep = read.get("keep", "KeepSetting");
  const weight = (e: ast.Expr | undefined, name: string): number =>
    (e && settings.boundedNumber(e, `\`keep ${name}\``, settings.NOT_NEGATIVE, env)) ?? 0;
  const identity = weight(keep?.identity, "identity");
  return {
    ...{ latent: weight(keep?.latent, "latent"), attributes: weight(keep?.attributes, "attributes") },
    ...(keep?.identity !== undefined && identity > 0 && { identity: readIdentity(keep, identity, decl, env) }),
  };
}

/** The network that tells identities; the model's table learns of it. */
function readIdentity(
  { by, looking, span }: Extract<ast.Setting, { kind: "KeepSetting" }>,
  weight: number,
  { name }: ast.TaskDecl,
  env: Env,
): KeptIdentity {
  const file = by && (env.scope.file.references.get(by.value) ?? by.value);
  const looks =
    looking === undefined ? {} : readLooking(looking, env.model.info, (e) => evaluateNumber(e, env), env.report);
  const { pixels } = looks;
  env.model.watch({
    ...{ attribute: `${name.text}.identity`, on: "image", features: true, span: by?.span ?? span },
    ...(file !== undefined && { file }),
    ...(pixels !== undefined && { pixels }),
  });
  return { weight, ...(file !== undefined && { file }), ...looks };
}

/** What holds the parts of a row near its first; nothing where the weights are 0: they would then be edits that nothing holds. */
export function rowKeep(decl: ast.TaskDecl, read: settings.Settings, env: Env): { readonly keep?: CheckedKeep } {
  const { latent, attributes, identity } = readKeep(decl, read, env);
  if (latent === 0 && attributes === 0 && identity === undefined) return {};
  return { keep: { latent, attributes, ...(identity && { identity }), keepable: attributes > 0 ? keepable(env) : [] } };
}

/** What holds the cells of a sweep near the images it starts from: edits of them, also where nothing is said. */
export function sourceKeep(decl: ast.TaskDecl, read: settings.Settings, env: Env): { readonly keep: CheckedKeep } {
  return { keep: { latent: 0, attributes: 0, keepable: [], ...rowKeep(decl, read, env).keep } };
}

/** The attributes that the script declares (with what it imports), or all of the model's if it declares none. */
export function keepable(env: Env): readonly number[] {
  const entry = env.cx.scopes.get(env.cx.program.entry);
  const found: number[] = [];
  let declaresAny = false;
  for (const d of entry?.names.values() ?? []) {
    if (d.kind !== "attribute") continue;
    declaresAny = true;
    markUsed(d, env.scope, env.cx);
    const { index } = attributeRow(d, env);
    if (index !== undefined) found.push(index);
  }
  return declaresAny ? found.sort((a, b) => a - b) : (env.model.info?.attributes ?? []).map((_, i) => i);
}
