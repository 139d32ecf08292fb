// The plan: everything a run does, with all names and numbers resolved. In: lower. Out: execute (runtime) and --print energy.
import type { Span } from "../source/span.js";
import type { Attribute } from "./attribute.js";
import type { Axis } from "./axes.js";
import type { DefaultsEdition } from "./defaults.js";
import type { Energy, Logic } from "./energy/energy.js";
import type { LatentForm, LatentFormat } from "./latent-table.js";
import type { Looking } from "./picture-head.js";

export interface Plan {
  /** What settings that the script leaves out got. */
  readonly defaults: DefaultsEdition;
  readonly models: readonly PlanModel[];
  readonly inputs: readonly { readonly name: string; readonly value: number | string }[];
  readonly tasks: readonly Task[];
  readonly expects: readonly Expect[];
  readonly saves: readonly Save[];
  /** `save NAME to "latents.npz"`: files of latents. */
  readonly latentSaves: readonly LatentSave[];
}

/** A head of latents that a script adds to a model's table: `attribute x: T from "FILE"`. */
export interface LatentHead {
  readonly attribute: string;
  /** Resolved. */
  readonly file: string;
  readonly on?: undefined;
}
/** A network over pictures in a model's table: `attribute x: T from "FILE" on image`. */
export interface PictureHeadSource extends Looking {
  readonly attribute: string;
  readonly on: "image";
  /** An ONNX file, resolved; absent: the labeller of the model. */
  readonly file?: string;
  /** What declares it. */
  readonly span?: Span;
}
/** A network whose features of a picture a task keeps: `keep identity 0.1 by "FILE"`. It has no row in the table. */
export interface FeatureSource extends Omit<PictureHeadSource, "attribute"> {
  /** `TASK.identity` */
  readonly attribute: string;
  readonly features: true;
  readonly span: Span;
}
/** How like pictures are to one: `like("ref.png" in "mask.png" by "net.onnx")`, a row of the table that no script names. */
export interface LikenessSource extends PictureHeadSource {
  /** Resolved; `file` is the network whose features are compared beside pixels: absent, the labeller of the model, if it shows any. */
  readonly picture: string;
  /** Where it is white, pictures are compared. */
  readonly mask?: string;
  readonly span: Span;
}
/** How like pictures are to what a text says: `text("a smiling man" against "a man" by "clip/")`, a row that no script names. */
export interface PromptSource extends Omit<PictureHeadSource, "file"> {
  readonly file?: undefined;
  readonly prompt: string;
  /** What it is told from. */
  readonly against: string;
  /** The folder of a CLIP model, resolved. */
  readonly clip: string;
  readonly span: Span;
}
export type PlanHead = LatentHead | PictureHeadSource | FeatureSource | LikenessSource | PromptSource;

/** A model that a task uses: the alias in the script and the resolved reference (`builtin:avatar`, an absolute path). */
export interface PlanModel {
  readonly alias: string;
  readonly reference: string;
  /** What the script adds to its table. */
  readonly heads: readonly PlanHead[];
  /** The table that energies index: the model's own rows, then one for each of `heads`, in order. */
  readonly attributes: readonly Attribute[];
  readonly span: Span;
}

/** What a synthesis adds at each layer: the images of the checkpoint, fresh ones for each sample, or nothing. */
export type NoiseMode = "const" | "random" | "none";

/** Where a picture stands in its image, of generators that can move it: turned around the middle, then shifted. */
export interface Placement {
  /** Shares of the image's width and height. */
  readonly right: number;
  readonly down: number;
  /** Degrees, against the clock. */
  readonly rotate: number;
}

interface TaskBase {
  readonly name: string;
  /** Index into Plan.models. */
  readonly model: number;
  readonly logic: Logic;
  /** The class that a conditional generator draws; absent where it draws none. */
  readonly class?: number;
  /** Layers that truncation changes: 0..cutoff-1; absent: all. */
  readonly cutoff?: number;
  readonly noise: NoiseMode;
  /**
   * The w of its states is the mapping's w and a shift that stays: it starts from styles that came from elsewhere. The shift is an input of its graphs.
   */
  readonly shifted?: true;
  /** Where pictures stand in their images; of a traverse from the first frame `to` the last. Absent: where the model draws them. */
  readonly placement?: { readonly from: Placement; readonly to?: Placement };
  readonly span: Span;
}
/** Pictures of a file of latents, which a task starts from in place of noise. */
export interface LatentStart {
  readonly kind: "latents";
  /** Resolved. */
  readonly file: string;
  readonly form: LatentForm;
  readonly span: Span;
}

/**
 * Where a photograph is looked for: `p`, styles before the last activation of the mapping, whose distribution is nearly normal; `w`, styles as they are, taken
 * for normal; `z`, of a decoder. One style for all layers, or, with a `+`, one for each.
 */
export type PhotoSpace = "w" | "w+" | "p" | "p+" | "z";

/** Five points of a face, in a file (resolved), in the script (x and y of each, in pixels), or to be found by a detector. */
export type PhotoLandmarks =
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "points"; readonly points: readonly number[] }
  | { readonly kind: "find" };

/** A photograph, which is looked for among the pictures of a model. */
export interface PhotoStart {
  readonly kind: "photo";
  /** Resolved. */
  readonly file: string;
  readonly space: PhotoSpace;
  /** A factor of the nats by which its styles are unlike the model's. */
  readonly prior: number;
  /** Samples that the search begins at. */
  readonly tries: number;
  /** Evaluations by which the model is tuned to it; 0: it is not. */
  readonly tune: number;
  /** A network whose features of what is found are compared with those of the photograph, resolved. */
  readonly compare?: string;
  /** An encoder that says where to begin in their place, resolved. */
  readonly encoder?: string;
  /** Where the face is; absent: the middle of the photograph is taken. */
  readonly landmarks?: PhotoLandmarks;
  readonly span: Span;
}

/** Slots that try again: each keeps its first attempt that satisfies the condition in the eyes of a judge. */
export interface Accept {
  /** The labeller of the model, or the heads of other rows that its head file keeps beside those that are followed (its witness). */
  readonly by: "labeller" | "heads";
  /** Most attempts of a slot. */
  readonly tries: number;
}

/**
 * How a state is held near its anchor, in nats: latent (|w - w0|^2 + |z - z0|^2) + attributes sum over held |f_j(w) - f_j(w0)|^2
 * + identity 100 (1 - cos(F(x), F(x0))), F a network's features of the picture x.
 */
export interface Keep {
  readonly latent: number;
  readonly attributes: number;
  /** Attributes by index. */
  readonly held: readonly number[];
  readonly identity?: KeptIdentity;
}

/** `keep identity`; `file`: an ONNX network, resolved; absent: the labeller of the model. */
export interface KeptIdentity extends Looking {
  readonly weight: number;
  readonly file?: string;
}

/** Images of an earlier task: its index in Plan.tasks, numbers of images from..to inclusive. */
export interface TaskSource {
  readonly task: number;
  readonly from: number;
  readonly to: number;
}

export interface SampleTask extends TaskBase {
  readonly kind: "sample";
  readonly energy: Energy;
  readonly count: number;
  readonly seed: number;
  readonly truncation: number;
  readonly sampler: Sampler;
  readonly accept?: Accept;
  /** Where its pictures start; absent: from the noise of `seed`. */
  readonly start?: LatentStart | PhotoStart;
}
export interface SweepTask extends TaskBase {
  readonly kind: "sweep";
  /** Row-major over the axes; one energy for each combination, each drawn from the same noise. */
  readonly axes: readonly Axis[];
  readonly cells: readonly Energy[];
  /** The cells of a row are edits of its first, or of `source`: they start from it and are held near it. */
  readonly keep?: Keep;
  /** Images of an earlier task that all cells of a row start from, in place of noise; `keep` is there then, and `seed` is not asked. */
  readonly source?: TaskSource;
  readonly count: number;
  readonly seed: number;
  readonly truncation: number;
  readonly sampler: Sampler;
  readonly accept?: Accept;
}
export interface TraverseTask extends TaskBase {
  readonly kind: "traverse";
  readonly energy: Energy;
  readonly fromSeed: number;
  readonly toSeed: number;
  readonly frames: number;
  /** The frames of a row are held near its first. */
  readonly keep?: Keep;
  readonly count: number;
  readonly truncation: number;
  readonly sampler: Sampler;
}
export interface EditTask extends TaskBase {
  readonly kind: "edit";
  /** Another task's results (by index in Plan.tasks; samples from..to inclusive), fresh noise, or latents of a file. */
  readonly source:
    | ({ readonly kind: "task" } & TaskSource)
    | { readonly kind: "seed"; readonly seed: number; readonly count: number; readonly start?: LatentStart };
  readonly truncation: number;
  readonly sampler: Sampler;
  readonly goals: "all" | "last";
  readonly reweight: boolean;
  readonly keepLatent: number;
  readonly keepAttributes: number;
  readonly keepIdentity?: KeptIdentity;
  readonly steps: readonly EditStep[];
}
export interface EditStep {
  readonly energy: Energy;
  readonly weight: number;
  /** The w indices that this step changes, inclusive; absent: all. */
  readonly layers?: readonly [number, number];
  /** Attributes (by index) that this step names. */
  readonly names: readonly number[];
  /** Attributes held by `keep attributes` in this step. */
  readonly held: readonly number[];
  /** What was asked for, as written, on one line. */
  readonly text: string;
  readonly span: Span;
}
export type Task = SampleTask | SweepTask | TraverseTask | EditTask;

export type SolverName = "dopri5" | "tsit5" | "bosh3" | "heun" | "ros2" | "euler" | "rk4";
/** Solvers that take the Gauss-Newton matrix of log p into account in each step (Rosenbrock methods): the compiler makes a Jacobian for them. */
const LINEARLY_IMPLICIT: readonly SolverName[] = ["ros2"];

/** Whether a sampler asks for the Jacobian of an energy's arguments beside its gradient. */
export function isLinearlyImplicit(sampler: Sampler): boolean {
  return sampler.kind === "ode" && LINEARLY_IMPLICIT.includes(sampler.solver);
}

export type Sampler =
  | {
      readonly kind: "ode";
      readonly solver: SolverName;
      readonly rtol: number;
      readonly atol: number;
      readonly control: "sample" | "batch";
      readonly stepControl: "pi" | "pid";
      /** Fixed steps for euler, rk4 (and any solver, if given): number of equal steps in tau. */
      readonly steps?: number;
      /** How long the flow is followed; absent: 5.024945, where the diffusion ends. */
      readonly tau?: number;
      /** Most steps tried, accepted and rejected, for each sample. */
      readonly maxSteps: number;
      /** A sample that makes no progress takes all of `maxSteps` (defaults before edition 2); absent: it ends when that is seen. */
      readonly patient?: true;
      /** Nats by which what a step gains may differ from what the slopes at its ends say, of solvers that know both; absent: by any. */
      readonly within?: number;
    }
  | { readonly kind: "langevin"; readonly steps: number; readonly step: number; readonly noise: number }
  /** Of `steps` the part `temper` lets the condition grow; a step has `leaps` evaluations. */
  | { readonly kind: "hmc"; readonly steps: number; readonly leaps: number; readonly temper: number }
  | { readonly kind: "pc"; readonly steps: number; readonly corrector: number; readonly snr: number };

/** `expect NAME: ENERGY >= FRACTION`. The predicate is judged by argmax or the scalar's tolerance, as an Energy read as a boolean. */
export interface Expect {
  readonly task: number;
  readonly clauses: readonly {
    readonly energy: Energy;
    readonly fraction: number;
    readonly text: string;
    readonly span: Span;
  }[];
  readonly span: Span;
}

export type SaveForm =
  /** `marks`: cells that miss what was asked, or are unclear, are marked. */
  | ({ readonly kind: "grid"; readonly columns?: number; readonly marks?: true } & SheetForm)
  | ({ readonly kind: "strip" } & SheetForm)
  /** `tween`: pictures between two neighbours, on the way that was solved for. */
  | { readonly kind: "animation"; readonly fps: number; readonly tween: number }
  /** One file for each image; the path has `{index}` (or there is one image only). `paste`: each is put back into the photograph that it is of. */
  | { readonly kind: "each"; readonly paste?: Paste };
/** Where a picture is put back: the task of the photograph; the part of the picture's width over which its edge fades. */
export interface Paste {
  readonly task: number;
  readonly feather: number;
}
/** What a sheet has beside its images. */
export interface SheetForm {
  /** Whether values, steps or numbers are written beside the images; absent: where the layout has values or steps for its rows and columns. */
  readonly labels?: boolean;
  /** Pixels between and around the images; absent: a 32nd of an image, at least 2. */
  readonly gap?: number;
  /** Written under the images. */
  readonly caption?: string;
}
export interface Save {
  /** Indices of Plan.tasks, each once, in the order in which they are shown: several on a sheet, else one. */
  readonly tasks: readonly number[];
  /** Relative to the output folder, with `{index}` and the like still in it. */
  readonly path: string;
  readonly form: SaveForm;
  readonly span: Span;
}

/** A file of the latents of a task's images, without pictures. */
export interface LatentSave {
  /** Index of Plan.tasks. */
  readonly task: number;
  /** Relative to the output folder. */
  readonly path: string;
  readonly format: LatentFormat;
  readonly span: Span;
}

/** A head as a script declares it, such as `from "smile.onnx" on image`; `shown` says what a file is called. */
export function headSourceText(head: PlanHead, shown: (file: string) => string = JSON.stringify): string {
  const { file, on } = head;
  if ("prompt" in head) return `by ${shown(head.clip)}${lookingText(head)}`;
  if ("picture" in head) {
    const others = [
      ...(head.mask === undefined ? [] : [`in ${shown(head.mask)}`]),
      ...(file === undefined ? [] : [`by ${shown(file)}`]),
    ];
    return `${[`of ${shown(head.picture)}`, ...others].join(" ")}${lookingText(head)}`;
  }
  const from = file === undefined ? [] : [`from ${shown(file)}`];
  return [...from, ...(on === undefined ? [] : [`on ${on}${lookingText(head)}`])].join(" ");
}

/** ` at 64 px from tau 3`, as a script says how pictures are looked at; nothing where it does not. */
function lookingText({ pixels, tau }: Looking): string {
  return `${pixels === undefined ? "" : ` at ${pixels} px`}${tau === undefined ? "" : ` from tau ${tau}`}`;
}

/** `, identity 0.1 by "face.onnx"`, of a Keep on one line; nothing where it keeps none. */
export function identityText(identity: KeptIdentity | undefined): string {
  if (identity === undefined) return "";
  const by = identity.file === undefined ? "" : ` by ${JSON.stringify(identity.file)}`;
  return `, identity ${identity.weight}${by}${lookingText(identity)}`;
}

/** What a task starts from that lies in a file; undefined: noise, or another task. */
export function startOf(task: Task): LatentStart | PhotoStart | undefined {
  if (task.kind === "sample") return task.start;
  return task.kind === "edit" && task.source.kind === "seed" ? task.source.start : undefined;
}

/** A plan whose photographs tune no model: for whoever measures the model as it is. The plan itself where none does. */
export function untuned(plan: Plan): Plan {
  if (tunedIn(plan).length === 0) return plan;
  const tasks = plan.tasks.map((task): Task => {
    const start = startOf(task);
    return task.kind === "sample" && start?.kind === "photo" ? { ...task, start: { ...start, tune: 0 } } : task;
  });
  return { ...plan, tasks };
}

/** The photographs that a model is tuned to. */
export function tunedIn({ tasks }: Plan): readonly Task[] {
  return tasks.filter((task) => {
    const start = startOf(task);
    return start?.kind === "photo" && start.tune > 0;
  });
}

/** The images of an earlier task that a task starts from; undefined: from noise, or from a file. */
export function sourceOf(task: Task): TaskSource | undefined {
  if (task.kind === "sweep") return task.source;
  return task.kind === "edit" && task.source.kind === "task" ? task.source : undefined;
}

/** Where the picture of a part stands: a traverse moves it evenly from frame to frame. */
export function placementAt(task: Task, part: number): Placement | undefined {
  const { placement } = task;
  if (placement?.to === undefined || task.kind !== "traverse") return placement?.from;
  const { from, to } = placement;
  const share = part / (task.frames - 1);
  const between = (key: keyof Placement): number => (1 - share) * from[key] + share * to[key];
  return { right: between("right"), down: between("down"), rotate: between("rotate") };
}
