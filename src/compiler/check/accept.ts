// Slots that try again: `accept by labeller tries 8` of a sample or a sweep (docs/language.md, second tries).
// In: the task's Settings and what it asks for. Out: an Accept. Reports L2010 (unknown judge), L2004, L2026 where nothing can be refused, L2028 where
// the model has no second heads for an attribute. Whether there is a labeller is known when the run opens it.
import { attributesOf, type Formula } from "../energy/formula.js";
import type { Accept } from "../plan.js";
import type { Env } from "./context.js";
import { boundedNumber, chooseWord, TRIES, type Settings } from "./settings.js";
import { listed } from "./suggest.js";
import { JUDGES } from "./vocabulary.js";

const DEFAULT_TRIES = 8;

/** The `accept` of a task whose conditions are `asked`; none if it has no such setting. */
export function readAccept(settings: Settings, asked: readonly Formula[], env: Env): { readonly accept?: Accept } {
  const setting = settings.get("accept", "AcceptSetting");
  if (setting === undefined) return {};
  const by = chooseWord(setting.judge, "`accept by`", JUDGES, env);
  const tries = (setting.tries && boundedNumber(setting.tries, "`tries`", TRIES, env)) ?? DEFAULT_TRIES;
  const named = new Set(asked.flatMap((formula) => [...attributesOf(formula)]));
  if (named.size === 0)
    env.report.warning("L2026", setting.span, "`accept` changes nothing: no attribute is asked for", {
      text: "no effect",
      hints: ["say what is to be accepted: `where ENERGY`"],
    });
  const alone = [...named].flatMap((a) => {
    const row = env.model.rows[a];
    return row !== undefined && env.model.isKnown(a) && row.witness === undefined ? [row.name] : [];
  });
  if (by === "heads" && alone.length > 0)
    env.report.error(
      "L2028",
      setting.judge.span,
      `the model \`${env.model.alias ?? ""}\` has no second heads for ${listed(alone, "and")}`,
      {
        text: "nobody to judge but the heads that are followed",
        hints: ["`lacec train` keeps a second head beside each; or write `accept by labeller`"],
      },
    );
  return by === undefined ? {} : { accept: { by, tries } };
}
