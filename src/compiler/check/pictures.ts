// Conditions on pictures that are no attributes: how like they are to one, or to what a text says.
// In: a LikeExpr or PromptExpr and where it stands. Out: an energy over a row of the model's table that no script names. Reports what readLooking reports.
import type * as ast from "../../parser/ast.js";
import { publicName } from "../../source/public-name.js";
import type { Looking } from "../picture-head.js";
import type { Env } from "./context.js";
import { readLooking } from "./read-looking.js";
import type { Value } from "./value.js";

/** `like("ref.png" in "mask.png" by "net.onnx" at 64 px)`: a number that is near 0. */
export function evaluateLike(e: Extract<ast.Expr, { kind: "LikeExpr" }>, env: Env): Value {
  const { picture, mask, by, looking, span } = e;
  const looks = lookingOf(looking, env);
  const named = (word: string, literal: ast.StringLit | undefined): string =>
    literal === undefined ? "" : ` ${word} ${JSON.stringify(publicName(literal.value))}`;
  const name = `like(${JSON.stringify(publicName(picture.value))}${named("in", mask)}${named("by", by)})`;
  const index = env.model.look(
    {
      ...{ attribute: name, on: "image", picture: fileOf(picture, env), span },
      ...(mask && { mask: fileOf(mask, env) }),
      ...(by && { file: fileOf(by, env) }),
      ...looks,
    },
    { name, type: "scalar", min: 0, max: Infinity, sigma: 1 },
  );
  if (index === undefined) return { kind: "energy", formula: undefined };
  return { kind: "energy", formula: { kind: "near", attribute: index, target: 0, sigma: 1, span } };
}

/** What a text is told from where a script does not say. */
const AGAINST = "a photo";

/** `text("a smiling man" against "a man" by "clip/")`: the text in place of the other. */
export function evaluatePrompt(e: Extract<ast.Expr, { kind: "PromptExpr" }>, env: Env): Value {
  const { prompt, against, by, looking, span } = e;
  const looks = lookingOf(looking, env);
  for (const literal of [prompt, against])
    if (literal?.value.trim() === "")
      env.report.error("L2004", literal.span, "a text that pictures are compared with has words in it", {
        text: "empty",
      });
  const other = against?.value ?? AGAINST;
  const name = `text(${JSON.stringify(prompt.value)} against ${JSON.stringify(other)})`;
  const index = env.model.look(
    {
      ...{ attribute: name, on: "image", prompt: prompt.value, against: other, clip: fileOf(by, env), span },
      ...looks,
    },
    { name, type: "binary", classes: ["no", "yes"], temperature: 1 },
  );
  if (index === undefined) return { kind: "energy", formula: undefined };
  const { temperature } = env;
  return { kind: "energy", formula: { kind: "class", attribute: index, values: [1], temperature, classes: 2, span } };
}

function lookingOf(looking: ast.LookingClause | undefined, env: Env): Looking {
  if (looking === undefined) return {};
  return readLooking(looking, env.model.info, (n) => env.evaluator.evaluateNumber(n, env), env.report);
}

/** The resolved path of a text in the script. */
function fileOf(literal: ast.StringLit, env: Env): string {
  return env.scope.file.references.get(literal.value) ?? literal.value;
}
