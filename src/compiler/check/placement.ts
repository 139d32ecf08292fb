// Where pictures stand in their images: `translate` and `rotate` of a task.
// In: the task's Settings. Out: a placement, of a traverse from its first frame to its last; L2003 for a range where nothing moves, L2004.
import type * as ast from "../../parser/ast.js";
import type { Placement, Task } from "../plan.js";
import type { Env } from "./context.js";
import { boundedNumber, type Bounds, type Settings } from "./settings.js";

/** Images to each side: beyond it the sines of the input repeat. */
const SHIFT: Bounds = { min: -10, max: 10 };
const TURN: Bounds = { min: -3600, max: 3600 };

/** The placement that a task asks for; undefined if it asks for none. */
export function readPlacement(decl: ast.TaskDecl, read: Settings, env: Env): Task["placement"] {
  const [shift, turn] = [read.get("translate", "PlaceSetting"), read.get("rotate", "PlaceSetting")];
  if (shift === undefined && turn === undefined) return undefined;
  const [right, down] = shift?.values ?? [];
  const [rotate] = turn?.values ?? [];
  const ends = {
    right: endsOf(right, "`translate`", SHIFT, decl, env),
    down: endsOf(down, "`translate`", SHIFT, decl, env),
    rotate: endsOf(rotate, "`rotate`", TURN, decl, env),
  };
  const at = (i: 0 | 1): Placement => ({ right: ends.right[i], down: ends.down[i], rotate: ends.rotate[i] });
  const moves = Object.values(ends).some(([from, to]) => from !== to);
  return moves ? { from: at(0), to: at(1) } : { from: at(0) };
}

function endsOf(
  value: ast.Expr | ast.RangeExpr | undefined,
  what: string,
  bounds: Bounds,
  decl: ast.TaskDecl,
  env: Env,
): readonly [number, number] {
  if (value === undefined) return [0, 0];
  const number = (e: ast.Expr): number => boundedNumber(e, what, bounds, env) ?? 0;
  if (value.kind !== "RangeExpr") {
    const still = number(value);
    return [still, still];
  }
  if (decl.kind === "TraverseDecl") return [number(value.from), number(value.to)];
  env.report.error("L2003", value.span, `${what} takes a number here, and this is a range`, {
    text: "a range",
    hints: ["a range moves the pictures of a traverse, from its first frame to its last"],
  });
  return [0, 0];
}
