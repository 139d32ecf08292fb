// What is said about samples whose solve did not end well: which they are, and for those that left the finite numbers, which
// term of the condition did it.
// Invariant: a warning for each kind of failure and term, never one for each sample of a thousand.
import type { TaskProgram } from "../../compiler/build/compile-task.js";
import type { Energy } from "../../compiler/energy/energy.js";
import type { Task } from "../../compiler/plan.js";
import { warning, type Diagnostic } from "../../source/diagnostic.js";
import type { Engine } from "../services/engine.js";
import { imageNumber, isOutcome } from "../plan/places.js";
import type { SampleResult } from "./results.js";

/** Samples named one by one in a message; the rest are counted. */
const NAMED = 6;

/** How samples end that have an image, but not the one at the end of their way. */
const EARLY = ["stalled", "too-many-steps", "step-too-small"] as const;

/**
 * Diagnostics of samples of one task: L4102 not finite, L4103 stopped early. All of them, or those of one step of an edit;
 * `energyOf` gives the condition that a sample followed.
 */
export async function describeFailures(
  task: Task,
  samples: readonly SampleResult[],
  energyOf: (sample: SampleResult) => Energy,
  program: TaskProgram,
  engine: Engine,
): Promise<readonly Diagnostic[]> {
  const broken = samples.filter((s) => s.status === "non-finite");
  const diagnostics: Diagnostic[] = [];
  for (const [term, group] of await groupByTerm(broken, energyOf, program, engine)) {
    const whole = group.some((s) => term === energyOf(s));
    diagnostics.push({
      code: "L4102",
      severity: "warning",
      message: `${nameSamples(task, group)} of \`${task.name}\` left the finite numbers and ${group.length === 1 ? "has" : "have"} no image`,
      at: {
        span: term.span,
        text: whole
          ? "log p or its gradient is not finite here"
          : "this term is not finite, or the steepest, where it stopped",
      },
      related: [],
      hints: [
        "smaller weights, a larger sigma or a smaller truncation keep the condition in range; the other samples are not affected",
      ],
    });
  }
  diagnostics.push(
    ...describeEarly(
      task,
      samples,
      "stalled",
      "made no progress: at this pace `maxSteps` would end long before the way",
    ),
    ...describeEarly(task, samples, "too-many-steps", "needed more steps than `maxSteps` allows"),
    ...describeEarly(task, samples, "step-too-small", "came to a point where no step is small enough"),
  );
  return diagnostics;
}

/** L4102 and L4103 for samples between two frames of a traverse or two cells of a sweep: pictures of an animation, without numbers. */
export function describeBetween(task: Task, between: readonly SampleResult[]): readonly Diagnostic[] {
  const broken = between.filter((s) => s.status === "non-finite").length;
  const early = between.filter((s) => EARLY.some((status) => s.status === status)).length;
  const said = (count: number, code: "L4102" | "L4103", what: string): readonly Diagnostic[] => {
    if (count === 0) return [];
    const pictures = count === 1 ? "a picture" : `${count} pictures`;
    const message = `${pictures} between the images of \`${task.name}\` ${what}`;
    return [warning(code, message, [], { span: task.span, text: "sampled here" })];
  };
  return [
    ...said(broken, "L4102", "left the finite numbers: there the animation has none"),
    ...said(early, "L4103", "needed more or smaller steps than are allowed, and shows where it stopped"),
  ];
}

/** Nats of styles, in those that samples have, beyond which a picture is none of the model's; and dB that it is like at least. */
const MOST_NATS = 4;
const LEAST_LIKENESS = 18;

/** L4111 for a photograph that the model would not draw, or does not. */
export function describeUnlike(task: Task, samples: readonly SampleResult[]): readonly Diagnostic[] {
  return samples.flatMap(({ likeness }) => {
    if (likeness === undefined) return [];
    const { psnr, nats, usual } = likeness;
    if (psnr >= LEAST_LIKENESS && nats <= MOST_NATS * usual) return [];
    const found = `likeness ${psnr.toFixed(1)} dB, styles ${nats.toFixed(0)} nats from the average, where samples have ${usual}`;
    return [
      warning(
        "L4111",
        `the photograph of \`${task.name}\` is not of this model's kind: ${found}`,
        ["a picture that is cut as those of the model, or a larger `prior`, stays nearer to what it draws"],
        { span: task.span, text: "looked for here" },
      ),
    ];
  });
}

/** L4105, an error, if no sample of a task succeeded. */
export function describeNothing(task: Task, samples: readonly SampleResult[]): readonly Diagnostic[] {
  if (samples.some((s) => isOutcome(task, s) && s.status !== "non-finite")) return [];
  return [
    {
      code: "L4105",
      severity: "error",
      message: `no sample of \`${task.name}\` succeeded, so there is nothing to show`,
      at: { span: task.span, text: "every sample left the finite numbers" },
      related: [],
      hints: [],
    },
  ];
}

function describeEarly(
  task: Task,
  samples: readonly SampleResult[],
  status: SampleResult["status"],
  what: string,
): readonly Diagnostic[] {
  const group = samples.filter((s) => s.status === status);
  if (group.length === 0) return [];
  return [
    {
      code: "L4103",
      severity: "warning",
      message: `${nameSamples(task, group)} of \`${task.name}\` ${what}; ${group.length === 1 ? "its image shows" : "their images show"} where it stopped`,
      at: { span: task.span, text: "sampled here" },
      related: [],
      hints: [
        status === "stalled"
          ? "the condition is stiff: `sampler ode { solver ros2 }` is made for that; a larger sigma or smaller weights make it less so"
          : "a larger `rtol` and `atol`, smaller weights, or a larger `maxSteps` let it arrive, or `solver ros2` where a sigma is small",
      ],
    },
  ];
}

/** `sample 3`, `samples 3, 5 and 7`, `samples 0, 1, 2, 3, 4, 5 and 10 more`; of sweeps and traverses images, by their number. */
function nameSamples(task: Task, group: readonly SampleResult[]): string {
  const noun = task.kind === "sample" || task.kind === "edit" ? "sample" : "image";
  const step = task.kind === "edit" ? `step ${group[0]?.part ?? 0} of ` : "";
  const indices = group.map((s) => String(imageNumber(task, s)));
  if (indices.length === 1) return `${step}${noun} ${indices.join("")}`;
  const named = indices.length > NAMED + 1 ? indices.slice(0, NAMED) : indices.slice(0, -1);
  const rest = indices.length - named.length;
  return `${step}${noun}s ${named.join(", ")} and ${rest === 1 ? indices.slice(-1).join("") : `${rest} more`}`;
}

/**
 * Samples by the top-level term that is to blame: the first whose log p or gradient is not finite where the sample stopped
 * (its last good state), else the one with the steepest gradient there. Run on the same engine: overflow is its own.
 */
async function groupByTerm(
  broken: readonly SampleResult[],
  energyOf: (sample: SampleResult) => Energy,
  program: TaskProgram,
  engine: Engine,
): Promise<ReadonlyMap<Energy, readonly SampleResult[]>> {
  const groups = new Map<Energy, SampleResult[]>();
  for (const energy of new Set(broken.map(energyOf))) {
    const followed = broken.filter((s) => energyOf(s) === energy);
    for (const [term, group] of await blameTerms(energy, followed, program, engine)) groups.set(term, group);
  }
  return groups;
}

/** The same for samples that followed one condition. */
async function blameTerms(
  whole: Energy,
  broken: readonly SampleResult[],
  program: TaskProgram,
  engine: Engine,
): Promise<ReadonlyMap<Energy, SampleResult[]>> {
  const groups = new Map<Energy, SampleResult[]>();
  const terms = topTerms(whole);
  const steepness = broken.map(() => terms.map(() => 0));
  if (terms.length > 1 && broken.length > 0) {
    for (const [t, energy] of terms.entries()) {
      const gradient = await engine.compile(program.termGradient(energy));
      for (const [k, sample] of broken.entries()) {
        const { logp, grad } = await gradient.run({ z: Float32Array.from(sample.z) });
        const finite = Number.isFinite(logp?.[0]) && grad?.every(Number.isFinite) === true;
        const row = steepness[k];
        if (row !== undefined) row[t] = finite ? Math.hypot(...grad) : Infinity;
      }
      await gradient.dispose();
    }
  }
  for (const [k, sample] of broken.entries()) {
    const row = steepness[k] ?? [];
    const term = terms[row.indexOf(Math.max(...row))] ?? whole;
    groups.set(term, [...(groups.get(term) ?? []), sample]);
  }
  return groups;
}

/** The parts of a conjunction, through nested ones; anything else is one term. */
function topTerms(energy: Energy): readonly Energy[] {
  return energy.kind === "and" ? energy.parts.flatMap(topTerms) : [energy];
}
