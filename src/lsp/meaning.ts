// What a condition says as log p, one level deep: its parts stay as they are written. For hover.
// In: an expression. Out: a formula in plain text, in nats. Invariants: the formulas are those of docs/language.md, Logic.
import type { Logic } from "../compiler/energy/energy.js";
import type * as ast from "../parser/ast.js";
import type { Span } from "../source/span.js";

/** `log p = ...` of an expression; `text` gives what was written at a span. */
export function meaningOf(e: ast.Expr, text: (span: Span) => string, logic: Logic): string {
  const short = (x: ast.Expr): string => text(x.span).replace(/\s+/g, " ").trim();
  const p = (x: ast.Expr): string => `p(${short(x)})`;
  const lp = (x: ast.Expr): string => `log p(${short(x)})`;
  return `log p = ${formula()}`;

  function formula(): string {
    switch (e.kind) {
      case "ParenExpr":
        return meaningOf(e.inner, text, logic).replace(/^log p = /, "");
      case "UnaryExpr":
        if (e.op !== "not") return short(e);
        return logic === "lace" ? `-min(1, 0.1 / |${lp(e.operand)}|) ${lp(e.operand)}` : `log(1 - ${p(e.operand)})`;
      case "BinaryExpr":
        return binary(e);
      case "NaryExpr":
        return nary(e);
      case "IsExpr":
        if (e.tolerance === undefined)
          return e.negated ? `log(1 - p(${short(e).replace(/\bis\s+not\b/, "is")}))` : lp(e);
        return `-(${short(e.subject)} - ${short(e.value)})^2 / (2 ${short(e.tolerance)}^2)`;
      case "CompareExpr": {
        const [high, low] = e.op === ">" ? [e.left, e.right] : [e.right, e.left];
        return `log sigmoid(1.702 (${short(high)} - ${short(low)}) / s)`;
      }
      case "InExpr":
        if (e.values.kind === "SetExpr")
          return `log(${e.values.values.map((v) => `p(${short(e.subject)} is ${short(v)})`).join(" + ")})`;
        return `log sigmoid(1.702 (${short(e.subject)} - ${short(e.values.from)}) / s) + log sigmoid(1.702 (${short(e.values.to)} - ${short(e.subject)}) / s)`;
      case "CountExpr":
        return `log P(${e.quantifier === "exactly" ? "=" : e.quantifier === "atleast" ? ">=" : "<="} ${short(e.count)} of ${e.parts.length} hold)`;
      case "LikeExpr":
        return `-50 m(${JSON.stringify(e.picture.value)}) - 100 (1 - cos)`;
      case "PromptExpr":
        return `log sigmoid(100 (cos(${JSON.stringify(e.prompt.value)}) - cos(${JSON.stringify(e.against?.value ?? "a photo")})))`;
      case "TemperatureExpr":
        return `${lp(e.operand)} with logits / ${short(e.temperature)}`;
      default:
        return lp(e);
    }
  }

  /** In logic lace an `or` outweighs what comes after it, again at each. */
  function nary({ op, operands }: Extract<ast.Expr, { kind: "NaryExpr" }>): string {
    if (op === "and") return operands.map(lp).join(" + ");
    if (logic === "product") return `log(1 - ${operands.map((o) => `(1 - ${p(o)})`).join(" ")})`;
    const [first, ...rest] = operands.map(p);
    return `log(${rest.reduce((sum, next, i) => `20 ${i === 0 ? sum : `(${sum})`} + ${next}`, first ?? "")})`;
  }

  function binary({ op, left, right }: Extract<ast.Expr, { kind: "BinaryExpr" }>): string {
    switch (op) {
      case "xor":
        return `log(${p(left)} (1 - ${p(right)}) + (1 - ${p(left)}) ${p(right)})`;
      case "implies":
        return `log(1 - ${p(left)} (1 - ${p(right)}))`;
      case "iff":
        return `log(${p(left)} ${p(right)} + (1 - ${p(left)}) (1 - ${p(right)}))`;
      case "*":
        return `${short(left)} ${lp(right)}`;
      default:
        return `${short(left)} ${op} ${short(right)}`;
    }
  }
}
