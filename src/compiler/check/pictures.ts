// Conditions on pictures that are no attributes: how like they are to one.
// In: a LikeExpr and where it stands. Out: an energy over a row of the model's table that no script names. Reports what readLooking reports.
import type * as ast from "../../parser/ast.js";
import { publicName } from "../../source/public-name.js";
import type { Env } from "./context.js";
import { readLooking } from "./read-looking.js";
import type { Value } from "./value.js";

/** `like("ref.png" in "mask.png" by "net.onnx" at 64 px)`: a number that is near 0. */
export function evaluateLike(e: Extract<ast.Expr, { kind: "LikeExpr" }>, env: Env): Value {
  const { picture, mask, by, looking, span } = e;
  const looks =
    looking === undefined
      ? {}
      : readLooking(looking, env.model.info, (n) => env.evaluator.evaluateNumber(n, env), env.report);
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

/** The resolved path of a text in the script. */
function fileOf(literal: ast.StringLit, env: Env): string {
  return env.scope.file.references.get(literal.value) ?? literal.value;
}
