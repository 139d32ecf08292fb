// What the parts of the checker share: the program, its scopes, the numbers already evaluated, what has been used.
import type * as ast from "../../parser/ast.js";
import { walk } from "../../parser/walk.js";
import type { Span } from "../../source/span.js";
import type { Label } from "../../source/diagnostic.js";
import type { DefaultsEdition } from "../defaults.js";
import type { LatentLooks } from "../latent-table.js";
import type { LinkedFile, Program } from "../link.js";
import type { Formula } from "../energy/formula.js";
import type { ModelTable } from "./model-table.js";
import type { Report } from "./report.js";
import type { Declared, Scope } from "./scope.js";
import { nearest } from "./suggest.js";
import type { Value } from "./value.js";

/** The most calls of energies in one script, counting each sweep's cell: see L2027. */
export const MAX_EXPANSIONS = 200_000;

/** The most levels of expressions, through the names that they use: see L2030. Whoever walks a formula may recurse. */
export const MAX_NESTING = 600;

/** The most unknown names of a script for which the nearest known one is looked for: each is compared with all the others. */
const MAX_GUESSES = 200;

/** The nearest known names to unknown ones, for the first MAX_GUESSES of a script. */
export class Guesses {
  private left = MAX_GUESSES;

  /** The nearest of `candidates`, which are gathered only where they are still looked at. */
  nearest(name: string, candidates: () => Iterable<string>): string | undefined {
    return this.left-- > 0 ? nearest(name, candidates()) : undefined;
  }
}

/** What the command line changes: `--set name=value`, `--count`, `--seed`; and under which defaults a record was made. */
export interface Overrides {
  readonly inputs?: ReadonlyMap<string, number | string>;
  readonly count?: number;
  readonly seed?: number;
  /** Absent: DEFAULTS. */
  readonly defaults?: DefaultsEdition;
}

export interface Context {
  readonly program: Program;
  readonly scopes: ReadonlyMap<LinkedFile, Scope>;
  readonly overrides: Overrides;
  /** Files of latents that were looked into. */
  readonly latents: LatentLooks;
  /** Values of `let` and `input`; undefined: neither a number nor a text, which has been reported. */
  readonly values: Map<Declared, number | string | undefined>;
  /** Declarations whose value is being worked out, innermost last: a repeat is a circle. */
  readonly open: Declared[];
  /** Declarations that something names, and those that the entry itself names. */
  readonly used: Set<Declared>;
  readonly usedByEntry: Set<Declared>;
  /** Energies whose body has been evaluated at least once. */
  readonly evaluated: Set<Declared>;
  /** Calls of energies that may still be made. */
  readonly expansions: { left: number };
  /** How many expressions are being evaluated within each other, and whether they were too many. */
  readonly nesting: { level: number; reported: boolean };
  readonly guesses: Guesses;
}

/** What has a name inside an expression: an energy's parameter or a sweep's axis. Undefined: not known while a declaration is checked on its own. */
export type Local =
  | { readonly kind: "number"; readonly value: number | undefined }
  /** A value of the category `of`. */
  | { readonly kind: "word"; readonly word: string | undefined; readonly of: string }
  /** After a mistake in what it stands for: nothing is said of its uses. */
  | { readonly kind: "error" }
  /** An energy where it was given, at the temperature of the place where it is used. */
  | { readonly kind: "energy"; readonly at: (temperature: number) => Formula | undefined };

/** An energy as a local: evaluated at once, so that its mistakes are reported, and again where another temperature surrounds it. */
export function energyLocal(e: ast.Expr, env: Env): Local {
  const { open } = env.cx;
  const depth = open.length;
  const formula = env.evaluator.evaluateEnergy(e, env);
  const at = (temperature: number): Formula | undefined => {
    if (temperature === env.temperature) return formula;
    // It belongs to its own place: what is being worked out where it is used is no circle.
    const inner = open.splice(depth);
    const again = env.evaluator.evaluateEnergy(e, { ...env, temperature });
    open.push(...inner);
    return again;
  };
  return { kind: "energy", at };
}

/** How expressions are evaluated (evaluate.ts). Parts of the evaluator call it through their Env, so that no two files need each other. */
export interface Evaluator {
  evaluate(e: ast.Expr, env: Env): Value;
  /** The number that an expression must be; undefined if it is unknown or a mistake was reported. */
  evaluateNumber(e: ast.Expr, env: Env): number | undefined;
  /** The energy that an expression must be; undefined as for numbers. */
  evaluateEnergy(e: ast.Expr, env: Env): Formula | undefined;
}

/** Where an expression is evaluated. */
export interface Env {
  readonly evaluator: Evaluator;
  readonly cx: Context;
  readonly report: Report;
  readonly scope: Scope;
  readonly model: ModelTable;
  readonly locals: ReadonlyMap<string, Local>;
  /** Divides the logits of every category below. */
  readonly temperature: number;
  /** The calls that led here, innermost first: shown beside a mistake in a called energy. */
  readonly calls: readonly Label[];
  /** Within a number, where no attribute may stand: an unknown name is one even of a model that could not be read. */
  readonly inNumber?: boolean;
}

/** Records that something in the file of `scope` names a declaration. */
export function markUsed(d: Declared, scope: Scope, cx: Context): void {
  cx.used.add(d);
  if (scope.file === cx.program.entry) cx.usedByEntry.add(d);
}

/** Whether an expression has the word in it, evaluated or not: after a mistake before it, it is not. */
export function mentions(e: ast.Expr, word: string): boolean {
  let found = false;
  walk(e, (node) => {
    if (node.kind === "ErrorExpr" || ("name" in node && node.name === word)) found = true;
  });
  return found;
}

/** What was written, on one line. */
export function quote(span: Span, env: Env): string {
  const source = env.cx.program.sources.get(span.file) ?? "";
  return source.slice(span.start, span.end).replace(/\s+/g, " ").trim();
}
