// `lacec eval --suite paper`: the shapes of the LACE paper's experiments as a Lace script over whatever attributes a model has.
// In: a model's table. Out: the text of a script. Invariants: it is an ordinary script: what it says is all that is done; it names the solver
// of the paper, whatever the default is.
import type { Attribute, ModelInfo } from "../../compiler/attribute.js";

/** The solver of the paper's figures. */
const PAPER_SAMPLER = "sampler ode { solver dopri5  rtol 1e-3  atol 1e-3 }";

export interface SuiteOptions {
  /** As after `from`. */
  readonly reference: string;
  readonly count: number;
  readonly seed: number;
}

/**
 * The script.
 *
 * - one attribute at a time, three together, four together (zero-shot where the generator never shows them so: see `unconditional`);
 * - and, or, not, and a formula within a formula, in both logics;
 * - an edit of five steps;
 * - the ODE, Langevin dynamics and the predictor-corrector on one condition.
 */
export function paperSuite(info: ModelInfo, { reference, count, seed }: SuiteOptions): string {
  const wishes = [...info.attributes].sort((a, b) => rank(a) - rank(b)).map(wishOf);
  const [a = "", b = "", c = "", d = ""] = wishes;
  const lines: string[] = [`lace 1`, `model m from ${JSON.stringify(reference)}`, ""];
  const sample = (name: string, where: string, { logic = "", sampler = PAPER_SAMPLER } = {}): void => {
    lines.push(`sample ${name} from m {`, `  where ${where}`, `  count ${count}  seed ${seed}`);
    if (logic !== "") lines.push(`  logic ${logic}`);
    lines.push(`  ${sampler}`, "}");
  };
  info.attributes.forEach((attribute) => sample(`one_${attribute.name}`, wishOf(attribute)));
  if (wishes.length >= 3) {
    const windows = Math.min(3, wishes.length - 2);
    for (let k = 0; k < windows; k++) sample(`three_${k + 1}`, wishes.slice(k, k + 3).join(" and "));
  }
  if (wishes.length >= 4) sample("four", [a, b, c, d].join(" and "));
  if (wishes.length >= 2) {
    for (const logic of ["product", "lace"]) {
      sample(`and_${logic}`, `${a} and ${b}`, { logic });
      sample(`or_${logic}`, `${a} or ${b}`, { logic });
      sample(`not_${logic}`, `not (${a}) and ${b}`, { logic });
      if (wishes.length >= 4) sample(`recursive_${logic}`, `(${a} or not (${b})) and (${c} or ${d})`, { logic });
    }
  }
  if (wishes.length > 0) {
    lines.push("edit steps from m {", `  count ${count}  seed ${seed}`);
    lines.push("  keep latent 0.04, attributes 0.01", `  ${PAPER_SAMPLER}`);
    for (const wish of wishes.slice(0, 5)) lines.push(`  step ${wish}`);
    lines.push("}");
    const hard = wishes.slice(0, 3).join(" and ");
    sample("by_ode", hard);
    sample("by_langevin", hard, { sampler: "sampler langevin { steps 100  step 0.01  noise 0.01 }" });
    sample("by_pc", hard, { sampler: "sampler pc { steps 1000  corrector 1  snr 0.16 }" });
  }
  return `${lines.join("\n")}\n`;
}

/** Binary attributes first, then categories: they combine into what a generator seldom shows. */
function rank(a: Attribute): number {
  return a.type === "binary" ? 0 : a.type === "category" ? 1 : 2;
}

/** Something to ask of an attribute that is not what most images show anyway. */
function wishOf(a: Attribute): string {
  if (a.type !== "scalar") return a.type === "binary" ? a.name : `${a.name} is ${a.classes.at(-1) ?? ""}`;
  const target = a.min + 0.75 * (a.max - a.min);
  return `${a.name} is ${Number(target.toPrecision(4))} +- ${Number((0.15 * (a.max - a.min)).toPrecision(4))}`;
}
