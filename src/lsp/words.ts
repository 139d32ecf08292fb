// What the words of the language mean, for people who look at them in an editor: a sentence or two each, from docs/language.md.
// Invariants: a test holds every setting, option, sampler and form of the compiler's tables to have an entry. Defaults are not told here:
// they are asked of the compiler (defaults.ts).

export interface WordDoc {
  readonly doc: string;
  /** How it is written, with places to fill in the protocol's way. */
  readonly snippet?: string;
}

const word = (doc: string, snippet?: string): WordDoc => ({ doc, ...(snippet !== undefined && { snippet }) });

/** Words that begin a statement. */
export const STATEMENT_DOCS: Readonly<Record<string, WordDoc>> = {
  lace: word("The edition of the language: the first line of every script.", "lace 1"),
  import: word(
    "Brings in the declarations of another script: all of them, or those named.",
    'import "${1:lib/looks.lace}"',
  ),
  model: word("Names a pretrained generator.", 'model ${1:avatar} from "${2:builtin:avatar}"'),
  input: word("A number that `lacec run --set NAME=VALUE` can change.", "input ${1:seed}: number = ${2:42}"),
  attribute: word(
    "Declares an attribute of the model, which is checked against its table; with `from` it adds one whose head was trained by `lacec train`.",
    "attribute ${1:glasses}: ${2|binary,category { },scalar in 0..1|}",
  ),
  let: word("Names a number.", "let ${1:tall} = ${2:0.8}"),
  energy: word(
    "Names a condition, with or without parameters. An energy is E = -log p, in nats.",
    "energy ${1:name} = ${2:glasses}",
  ),
  sample: word(
    "Draws samples that satisfy a condition.",
    "sample ${1:portraits} from ${2:avatar} {\n  where ${3:glasses}\n  count ${4:16}\n  seed ${5:1}\n}",
  ),
  edit: word(
    "Changes samples, or fresh ones, step by step.",
    "edit ${1:makeover} of ${2:portraits} {\n  keep latent ${3:0.04}, attributes ${4:0.01}\n  step ${5:smile}\n}",
  ),
  traverse: word(
    "Moves the noise on the sphere between two seeds.",
    "traverse ${1:walk} from ${2:avatar} {\n  where ${3:glasses}\n  between seed ${4:1} and seed ${5:2}\n  frames ${6:24}\n}",
  ),
  sweep: word(
    "Draws samples from the same noise for each value, or combination of values, of its axes.",
    "sweep ${1:tilts} over ${2:t} in ${3:0..1} by ${4:0.25} from ${5:avatar} {\n  where ${6:tilt is t}\n  count ${7:4}\n}",
  ),
  photo: word(
    "Looks for a photograph among the pictures of a model: its styles are then edited like those of a sample.",
    'photo ${1:me} from "${2:me.jpg}" in ${3:avatar} { space w+ }',
  ),
  expect: word(
    "Counts the samples that satisfy a condition; a miss makes the run fail.",
    "expect ${1:portraits}: ${2:glasses} >= ${3:0.9}",
  ),
  save: word(
    "Writes the images of a task, below the output folder; of several tasks on one sheet.",
    'save ${1:portraits} to "${2:portraits.png}" as ${3|grid,strip,animation,paste|}',
  ),
};

/** Settings of tasks. */
export const SETTING_DOCS: Readonly<Record<string, WordDoc>> = {
  where: word("The condition that samples are drawn under. What it says counts as log p, in nats.", "where $0"),
  count: word("How many samples are drawn.", "count ${1:16}"),
  seed: word(
    "The seed of the noise: sample 7 of seed 42 is the same alone, in a batch, or on another machine.",
    "seed ${1:1}",
  ),
  truncation: word(
    "psi in w = m + psi (w - m): 0 is the average image, 1 the whole of the model's variety.",
    "truncation ${1:0.7}",
  ),
  cutoff: word("How many layers truncation changes, from the first; without it all of them.", "cutoff ${1:4}"),
  class: word("The class that a conditional generator draws.", "class ${1:0}"),
  noise: word(
    "What a synthesis adds at each layer: the images of the checkpoint, fresh ones for each sample, or nothing.",
  ),
  translate: word(
    "Moves pictures right and down, in widths and heights of the image, of models that can (StyleGAN3). In a traverse each may be a range, from the first frame to the last.",
    "translate ${1:0.1}, ${2:0}",
  ),
  rotate: word(
    "Turns pictures around the middle, in degrees against the clock, of models that can (StyleGAN3). In a traverse it may be a range.",
    "rotate ${1:30}",
  ),
  frames: word("How many images lie on the way between the two seeds, both ends counted.", "frames ${1:24}"),
  between: word("The two seeds that a traverse goes between.", "between seed ${1:1} and seed ${2:2}"),
  sampler: word("How samples are drawn from the condition.", "sampler ${1|ode,langevin,pc,hmc|}"),
  accept: word(
    "Lets a sample try again, each attempt from noise of its own, until a judge finds that it satisfies `where`.",
    "accept by ${1|labeller,heads|}  tries ${2:8}",
  ),
  logic: word(
    "What `and`, `or` and `not` mean: `product` keeps p in (0, 1] and De Morgan's laws; `lace` gives the paper's numbers exactly.",
  ),
  goals: word("What a step of an edit aims at: the targets of all steps so far, or its own alone."),
  keep: word(
    "Holds an edit back, or the cells of a row near its first: `latent a` subtracts a (|w - w0|^2 + |z - z0|^2), `attributes b` subtracts b times the squared change of the attributes that nothing has named, `identity c` c nats for each hundredth by which a network's features of the picture turn away (the labeller's, or those of `by \"face.onnx\"`).",
    "keep latent ${1:0.04}, attributes ${2:0.01}",
  ),
  reweight: word("Earlier goals of an edit count 0.1, and the current one 10 if it is over scalars alone."),
  step: word(
    "One change of an edit. It starts from, and is anchored at, the result of the step before.",
    "step ${1:smile}",
  ),
  space: word(
    "Where a photograph is looked for: with `+` there is a style for each layer, which comes nearer, without one for all, which stays more like the model. `p` is before the last activation of the mapping, where styles are nearly normal; `w` takes them for normal as they are.",
    "space p+",
  ),
  prior: word(
    "A factor of the nats by which styles are unlike the model's own: more of it is less like the photograph.",
    "prior ${1:0.1}",
  ),
  tries: word("How many of the nearest samples the search begins at.", "tries ${1:12}"),
  tune: word(
    "Steps by which the model itself moves, where the search has ended, so that its picture of what was found is more like the photograph: for this photograph, and what is made of it. 0, the default: the model stays as it is.",
    "tune ${1:100}",
  ),
  compare: word(
    "A network with its JSON beside it, such as one that knows faces apart: the run tells how like its features of the photograph and of the picture that was found are. It changes no picture.",
    'compare by "${1:face.onnx}"',
  ),
  encoder: word(
    "A file of `lacec train --encoder`: the search for a photograph begins with what it says, beside the nearest samples.",
    'encoder "${1:encoder.safetensors}"',
  ),
  landmarks: word(
    "Where the face of a photograph is, so that it lies as the model's faces do: a JSON file, x and y of five points in pixels (left eye, right eye, nose, left and right corner of the mouth, as one sees them), or `find`.",
    "landmarks find",
  ),
  start: word(
    "Pictures to start from in place of noise: latents of a file, as z, w or one w a layer (`wplus`). Without a word, what the file says, else w.",
    'start from "${1:latents.npz}"',
  ),
};

/** Parts of settings. */
export const PART_DOCS: Readonly<Record<string, WordDoc>> = {
  layers: word(
    "The layers that a step changes, as a range or one of the model's groups; the others stay as they were.",
    "layers ${1:0..3}",
  ),
  weight: word("A factor of the step's log p.", "weight ${1:2}"),
  latent: word("Weight of |w - w0|^2 + |z - z0|^2.", "latent ${1:0.04}"),
  attributes: word(
    "Weight of the squared change of the attributes that no step so far, or no cell, has named.",
    "attributes ${1:0.01}",
  ),
  identity: word(
    "Nats for each hundredth of cosine distance between a network's features of the picture and those of the anchor's: of the model's labeller, or of a network of yours.",
    "identity ${1:0.05}",
  ),
};

/** What the words of settings mean, by setting. */
export const CHOICE_DOCS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  logic: {
    product: "not a = 1 - p; or by De Morgan's law; p stays in (0, 1].",
    lace: "The paper's formulas. Derived connectives are an error.",
  },
  goals: { all: "The sum of the targets of all steps so far.", last: "The target of this step alone." },
  space: { w: "One style for all layers; with `+` one for each." },
  start: {
    z: "Numbers of the mapping's input.",
    w: "One style for all layers, or one for each.",
    wplus: "Rows are the layers of one picture.",
  },
  noise: { const: "The noise images of the checkpoint.", random: "Fresh noise for each sample.", none: "No noise." },
  accept: {
    labeller: "The model's independent classifier of pictures.",
    heads: "Second heads, which `lacec train` fits to other rows and keeps beside the model.",
  },
  solver: {
    dopri5: "Dormand and Prince, order 5(4).",
    tsit5: "Tsitouras, order 5(4).",
    bosh3: "Bogacki and Shampine, order 3(2).",
    heun: "Heun with Euler, order 2(1).",
    ros2: "Rosenbrock, order 2, with the Gauss-Newton matrix: for stiff conditions.",
    euler: "Equal steps, order 1.",
    rk4: "Equal steps, the classical method of order 4.",
  },
  control: { sample: "Each sample has steps of its own.", batch: "One norm over the whole batch, as torchdiffeq has." },
  controller: { pi: "The last two errors.", pid: "The last three errors." },
  labels: { on: "Values, steps or numbers beside the images.", off: "No labels." },
  marks: { on: "Cells that miss what was asked, or are unclear, are marked.", off: "No marks." },
};

/** Samplers, and `as` of saves. */
export const METHOD_DOCS: Readonly<Record<string, WordDoc>> = {
  ode: word(
    "The probability-flow ODE of the diffusion: dz/dtau = grad log p. Each sample ends at a mode near its noise.",
    "ode { solver ${1:bosh3} }",
  ),
  langevin: word(
    "z <- z + step grad(log p - |z|^2 / 2) + noise xi.",
    "langevin { steps ${1:100}  step ${2:0.01}  noise ${3:0.01} }",
  ),
  pc: word(
    "Predictor and corrector of the variance-preserving SDE.",
    "pc { steps ${1:1000}  corrector ${2:2}  snr ${3:0.16} }",
  ),
  hmc: word(
    "Hamiltonian Monte Carlo on the posterior, the condition growing at first.",
    "hmc { steps ${1:60}  leaps ${2:9}  temper ${3:0.5} }",
  ),
};
export const FORM_DOCS: Readonly<Record<string, WordDoc>> = {
  paste: word("Each picture put back into the photograph that it is of.", "paste { feather ${1:0.1} }"),
  grid: word("All images on one sheet; of a sweep, rows and columns have its values.", "grid { columns ${1:4} }"),
  strip: word("One row for each sample, one column for each step, frame or value."),
  animation: word("A film: webp or gif.", "animation { fps ${1:4} }"),
};

/** Options in braces, as `OF.OPTION`: of samplers, and of the forms of saves. */
export const OPTION_DOCS: Readonly<Record<string, string>> = {
  "ode.solver": "The method of integration.",
  "ode.rtol": "Relative tolerance of a step.",
  "ode.atol": "Absolute tolerance of a step.",
  "ode.control": "Whose error decides on a step.",
  "ode.controller": "How the next step follows from the last errors.",
  "ode.maxSteps": "Most steps tried for each sample, accepted and rejected.",
  "ode.steps": "Equal steps in tau, in place of steps by error.",
  "ode.tau": "How long the flow is followed.",
  "langevin.steps": "Steps of each chain.",
  "langevin.step": "Factor of the gradient.",
  "langevin.noise": "Factor of the noise.",
  "pc.steps": "Steps of the predictor.",
  "pc.corrector": "Corrections after each step.",
  "pc.snr": "Signal to noise ratio of a correction.",
  "hmc.steps": "Trajectories of each chain.",
  "hmc.leaps": "Leapfrog steps of each trajectory: evaluations of the gradient.",
  "hmc.temper": "Part of the steps over which the condition grows.",
  "paste.feather": "Over which part of the picture's width its edge fades.",
  "grid.columns": "Images in a row.",
  "grid.marks": "Whether cells that miss what was asked are marked.",
  "grid.labels":
    "Whether values or numbers are written beside the images. Without it: on for a sweep without `columns`, else off.",
  "grid.gap": "Pixels between and around the images. Without it: a 32nd of an image.",
  "grid.caption": "A text under the images; `{name}`, `{seed}` and the names of inputs are filled in.",
  "strip.labels": "Whether values, steps or frames are written beside the images. Without it: on.",
  "strip.gap": "Pixels between and around the images. Without it: a 32nd of an image.",
  "strip.caption": "A text under the images; `{name}`, `{seed}` and the names of inputs are filled in.",
  "animation.fps": "Frames a second.",
  "animation.tween": "Pictures between two neighbours, on the way that was solved for.",
};

/** Operators and other words of expressions. */
export const OPERATOR_DOCS: Readonly<Record<string, WordDoc>> = {
  and: word("log p = log pa + log pb."),
  or: word("p = 1 - (1 - pa)(1 - pb), in log space."),
  xor: word("One of the two: p = pa (1 - pb) + (1 - pa) pb."),
  not: word("log p = log(1 - exp(log pa)), computed as log1mexp."),
  implies: word("p = 1 - pa (1 - pb)."),
  iff: word("Both or neither: p = pa pb + (1 - pa)(1 - pb)."),
  is: word(
    "A category's value: log p = log_softmax(f / T)[v]. A scalar near x: log p = -(f - x)^2 / (2 s^2).",
    "is $0",
  ),
  in: word("One of some values, or within a range.", "in $0"),
  atleast: word("At least n of some energies hold.", "atleast ${1:2} of (${2})"),
  atmost: word("At most n of some energies hold.", "atmost ${1:1} of (${2})"),
  exactly: word(
    "Exactly n of some energies hold, by a Poisson-binomial recurrence in log space.",
    "exactly ${1:1} of (${2})",
  ),
  like: word(
    'How like pictures are to one: log p = -(50 m + 100 (1 - cos)), m the mean square of what pixels in [-1, 1] differ by at several sizes, cos that of a network\'s features (the labeller\'s, or those of `by "net.onnx"`). `in "mask.png"`: where the mask is white.',
    'like("${1:ref.png}")',
  ),
  text: word(
    "How like pictures are to what a text says, rather than to another (`against`, without it `a photo`), by a CLIP model in a folder: log p = log sigmoid(100 (cos - cos of the other)), of eight crops in the mean.",
    'text("${1:a smiling man}" against "${2:a man}" by "${3:clip/}")',
  ),
  temperature: word("Divides the logits of binary and category attributes inside.", "temperature ${1:0.5} (${2})"),
};

/** Types after a colon. */
export const TYPE_DOCS: Readonly<Record<string, WordDoc>> = {
  binary: word("Yes or no: two logits."),
  category: word("One of some values: a logit for each.", "category { ${1} }"),
  scalar: word("A number within a range.", "scalar in ${1:0}..${2:1}"),
  number: word("A number."),
};

/** Other words between parts of statements. */
export const KEYWORD_DOCS: Readonly<Record<string, string>> = {
  from: "Where it comes from: a model, or a file in quotes.",
  of: "The samples that are edited, or the energies that are counted.",
  over: "The axes of a sweep.",
  by: "The step of a range; who judges; or the network that tells identities.",
  to: "Where images go, below the output folder.",
  as: "How images are laid out.",
  sigma: "The tolerance of a scalar where a condition says none.",
  on: "What an attribute reads: `on image` is a classifier of pictures; without it, latents.",
  image: "The picture: a network looks at it, and is followed through the synthesis.",
  at: "How wide the pictures are that are looked at while a task is solved: `at 64 px`.",
  px: "Pixels.",
  tau: "How far the flow of the sampler `ode` has come: from 0 to 5.025.",
  seed: "The seed of the noise.",
  tries: "How often a sample may be drawn, the first time counted.",
};

/** The entry of a word that stands for itself wherever it is looked at. */
export function docOf(text: string): string | undefined {
  for (const table of [STATEMENT_DOCS, SETTING_DOCS, PART_DOCS, OPERATOR_DOCS, TYPE_DOCS, METHOD_DOCS, FORM_DOCS])
    if (Object.hasOwn(table, text)) return table[text]?.doc;
  return Object.hasOwn(KEYWORD_DOCS, text) ? KEYWORD_DOCS[text] : undefined;
}
