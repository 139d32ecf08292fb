// The sampler of a task, with its defaults (docs/language.md, samplers).
// In: the task's Settings. Out: a Sampler; L2010, L2004, L2003 for its options, L2026 for options that a fixed-step solver ignores.
import type * as ast from "../../parser/ast.js";
import { DEFAULTS, type DefaultsEdition, defaultSolver, defaultTolerance, isPatient } from "../defaults.js";
import type { Sampler, SolverName } from "../plan.js";
import { FIXED_STEPS } from "../sampling/diffusion.js";
import type { Env } from "./context.js";
import { chooseWord, COUNT, NOT_NEGATIVE, Options, POSITIVE, type Settings } from "./settings.js";
import { SAMPLERS, SOLVERS } from "./vocabulary.js";

const METHODS = Object.keys(SAMPLERS) as readonly (keyof typeof SAMPLERS)[];
const optionsOf = (method: keyof typeof SAMPLERS): readonly string[] => Object.keys(SAMPLERS[method]);
const FIXED_STEP: readonly SolverName[] = ["euler", "rk4"];
/** Fewest steps of `pc`: a step's beta is at most 20 / steps and must not pass 1, whose rest is under a root. */
const PC_STEPS = 20;

/** `sampler ode` of which a script says nothing. */
function odeDefault(edition: DefaultsEdition): Sampler {
  const solver = defaultSolver(edition);
  const tolerance = defaultTolerance(solver, edition);
  return {
    kind: "ode",
    solver,
    rtol: tolerance,
    atol: tolerance,
    control: "sample",
    stepControl: "pi",
    maxSteps: 1000,
    ...(isPatient(edition) && { patient: true as const }),
  };
}

/** The sampler of a task, defaults filled in. Reports L2010, L2003, L2004, and L2026 for options that a fixed-step solver ignores. */
export function readSampler(settings: Settings, env: Env): Sampler {
  const setting = settings.get("sampler", "SamplerSetting");
  const edition = env.cx.overrides.defaults ?? DEFAULTS;
  if (setting === undefined) return odeDefault(edition);
  const method = chooseWord(setting.method, "`sampler`", METHODS, env);
  const what = `the sampler \`${method ?? ""}\``;
  switch (method) {
    case undefined:
      return odeDefault(edition);
    case "ode":
      return readOde(setting.options, edition, env);
    case "langevin": {
      const options = new Options(setting.options, what, optionsOf("langevin"), env);
      return {
        kind: "langevin",
        steps: options.number("steps", COUNT) ?? 100,
        step: options.number("step", POSITIVE) ?? 0.01,
        noise: options.number("noise", NOT_NEGATIVE) ?? 0.01,
      };
    }
    case "hmc": {
      const options = new Options(setting.options, what, optionsOf("hmc"), env);
      return {
        kind: "hmc",
        steps: options.number("steps", COUNT) ?? 60,
        leaps: options.number("leaps", COUNT) ?? 9,
        temper: options.number("temper", { min: 0, max: 1 }) ?? 0.5,
      };
    }
    case "pc": {
      const options = new Options(setting.options, what, optionsOf("pc"), env);
      return {
        kind: "pc",
        steps: options.number("steps", { min: PC_STEPS, integer: true }) ?? 1000,
        corrector: options.number("corrector", { min: 0, integer: true }) ?? 2,
        snr: options.number("snr", POSITIVE) ?? 0.16,
      };
    }
  }
}

function readOde(given: readonly ast.Option[], edition: DefaultsEdition, env: Env): Sampler {
  const adaptive = ["rtol", "atol", "control", "controller", "maxSteps"];
  const options = new Options(given, "the sampler `ode`", optionsOf("ode"), env);
  const tau = options.number("tau", POSITIVE);
  const solver = options.word("solver", SOLVERS, defaultSolver(edition));
  const tolerance = defaultTolerance(solver, edition);
  const steps = options.number("steps", COUNT) ?? (FIXED_STEP.includes(solver) ? FIXED_STEPS : undefined);
  const sampler: Sampler = {
    kind: "ode",
    solver,
    rtol: options.number("rtol", POSITIVE) ?? tolerance,
    atol: options.number("atol", POSITIVE) ?? tolerance,
    control: options.word("control", SAMPLERS.ode.control, "sample"),
    stepControl: options.word("controller", SAMPLERS.ode.controller, "pi"),
    ...(steps !== undefined && { steps }),
    ...(tau !== undefined && { tau }),
    maxSteps: options.number("maxSteps", COUNT) ?? 1000,
    ...(isPatient(edition) && { patient: true as const }),
  };
  const tauSpan = options.span("tau");
  if (tauSpan !== undefined && sampler.control === "batch")
    env.report.warning(
      "L2026",
      tauSpan,
      "`tau` changes nothing: `control batch` integrates in the diffusion's own time",
      {
        text: "no effect",
        hints: ["remove `tau`, or `control batch`"],
      },
    );
  if (steps === undefined) return sampler;
  for (const key of adaptive) {
    const span = options.span(key);
    if (span === undefined) continue;
    env.report.warning("L2026", span, `\`${key}\` changes nothing: the solver takes ${steps} equal steps`, {
      text: "no effect",
      hints: [
        FIXED_STEP.includes(solver)
          ? `\`${solver}\` has no error estimate; \`bosh3\` has one`
          : "remove `steps` to let the solver choose its steps",
      ],
    });
  }
  return sampler;
}
