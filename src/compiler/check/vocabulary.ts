// What may be written in braces: the settings of each kind of task, the words that some take, and the options of samplers and saves.
// In: nothing. Out: tables that the checker reads, and editors complete from. Ranges and defaults are where each is read.
import type { NoiseMode, SolverName } from "../plan.js";

/** A task as its settings know it: an edit of samples takes fewer than one from a model. */
export type TaskForm = "sample" | "traverse" | "sweep" | "sweep of" | "photo" | "edit of" | "edit from";

const EDIT = ["step", "keep", "goals", "reweight", "sampler", "logic"] as const;
const DRAWN = ["count", "seed", "truncation", "cutoff", "class", "noise", "translate", "rotate"] as const;

/** The settings of each kind of task, in the order in which messages list them. */
export const SETTINGS = {
  sample: ["where", "start", ...DRAWN, "sampler", "accept", "logic"],
  traverse: [
    "where",
    "between",
    "frames",
    "keep",
    "count",
    "truncation",
    "cutoff",
    "class",
    "noise",
    "translate",
    "rotate",
    "sampler",
    "logic",
  ],
  sweep: ["where", "keep", ...DRAWN, "sampler", "accept", "logic"],
  "sweep of": ["where", "keep", "sampler", "logic"],
  photo: ["space", "prior", "tries", "tune", "compare", "encoder", "landmarks", "noise", "class"],
  "edit of": EDIT,
  "edit from": [...EDIT, "start", ...DRAWN],
} as const;

/** The words that a setting takes, the default first. */
export const WORDS = {
  logic: ["product", "lace"],
  goals: ["all", "last"],
  noise: ["const", "random", "none"] satisfies NoiseMode[],
} as const;

/** Spaces that a photograph is looked for in: one style for all layers, or, with a `+` behind it, one for each. */
export const SPACES = ["w", "p"] as const;

/** Who looks for a face's landmarks, where the script has none. */
export const LANDMARKS = ["find"] as const;

/** Who may judge the attempts of `accept`. */
export const JUDGES = ["labeller", "heads"] as const;

/** Solvers of the sampler `ode`. */
export const SOLVERS: readonly SolverName[] = ["bosh3", "dopri5", "tsit5", "heun", "ros2", "euler", "rk4"];

/** What an option takes: a number, a text, or one of some words, the default first. */
export type OptionKind = "number" | "text" | readonly string[];

/** Of sheets: whether labels are there depends on the layout where a script does not say. */
const SHEET = { labels: ["on", "off"], gap: "number", caption: "text" } as const;

/** The options of each sampler. */
export const SAMPLERS = {
  ode: {
    solver: SOLVERS,
    rtol: "number",
    atol: "number",
    control: ["sample", "batch"],
    controller: ["pi", "pid"],
    maxSteps: "number",
    steps: "number",
    tau: "number",
  },
  langevin: { steps: "number", step: "number", noise: "number" },
  pc: { steps: "number", corrector: "number", snr: "number" },
  hmc: { steps: "number", leaps: "number", temper: "number" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, OptionKind>>>>;

/** The options of each form of `save`. */
export const SAVE_FORMS = {
  grid: { columns: "number", marks: ["off", "on"], ...SHEET },
  strip: SHEET,
  animation: { fps: "number", tween: "number" },
  paste: { feather: "number" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, OptionKind>>>>;
