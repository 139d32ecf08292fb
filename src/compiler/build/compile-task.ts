// The graphs of a task: everything that a run evaluates for it, and all that `lacec build --print` shows.
// In: a task of the plan, its model, what the engine asks for. Out: a TaskProgram: the conditions that samplers follow, the read-out, the synthesis.
// Invariants: the only way from a plan to a gradient, a Jacobian, a read-out or a synthesis; a graph is made when it is asked for, anew each
// time, since weights are folded into it: whoever asks holds it no longer than it takes to compile it for an engine.
import type { ModelInfo } from "../attribute.js";
import type { Decoder } from "../decoder.js";
import type { OnnxModelFile } from "../onnx-network.js";
import { argumentsOf } from "../energy/arguments.js";
import { curvatureOf } from "../energy/curvature.js";
import { goalOf, keepOf } from "./edit-goals.js";
import type { Energy } from "../energy/energy.js";
import { commonForms, type Varying } from "../energy/varying.js";
import type { Graph, ImageLayout } from "../graph/graph.js";
import { isLinearlyImplicit, startOf, type Keep, type Sampler, type Task } from "../plan.js";
import { unreachable } from "../../source/internal-error.js";
import type { EnergyWeights } from "../weights.js";
import type { SynthesisWeights } from "../synthesis-weights.js";
import { forClass } from "./for-class.js";
import { sourceOf, type GraphSource } from "./graph-source.js";
import {
  anchorsOfGradient,
  buildEnergyGraph,
  buildReadout,
  compileEnergyGradient,
  compileReadout,
  looksAtPictures,
  type AnchorName,
  type EnergyTask,
} from "./gradient.js";
import { aboutHead, keptFeatures, looksAt } from "./task-pictures.js";
import { compilePictureReadout, rowsOfPictures, type PictureTask } from "./pictures.js";
import { stretchesOf } from "./stretches.js";
import { buildJacobian, compileJacobian, jacobianPasses } from "./jacobian.js";
import { compileStepGraph, stepGraphsOf, type StepGraphs } from "./step-graphs.js";
import { buildSynthesis, compileSynthesis } from "./synthesis.js";

/** A model as far as its graphs go. */
export interface ProgramModel {
  readonly info: Pick<ModelInfo, "name" | "numWs" | "attributes" | "resolution">;
  readonly weights: EnergyWeights;
  /** Absent where a decoder makes the images. */
  readonly synthesis?: SynthesisWeights | undefined;
  readonly decoder?: Decoder | undefined;
  /** The decoder as a network, where it may be followed. */
  readonly network?: OnnxModelFile | undefined;
}

/** What graphs are made for. */
export interface Target {
  /** Rows of a tile of latents. */
  readonly rows: number;
  /** Layout of image tensors that the engine wants. */
  readonly layout: ImageLayout;
}

/** One graph of a program. */
export interface ProgramGraph {
  /** Distinct in its program, such as `gradient`, `gradient-1`, `readout`, `synthesis`. */
  readonly name: string;
  /** For people: what it is of. */
  readonly title: string;
  /** As the builders make it, before any pass: of a gradient the value alone. */
  built(): Graph;
  /** As an engine gets it. */
  compiled(): Graph;
  /** What `compiled` is a function of, where no network over pictures is part of it. */
  readonly source?: GraphSource;
}

/** The Jacobian of an energy's arguments, and the second derivatives of log p in them: what linearly implicit solvers make the Gauss-Newton matrix of. */
export interface ArgumentJacobian {
  /** Arguments of the energy (energy/arguments.ts). */
  readonly count: number;
  /** Passes back through the mapping that one evaluation takes. */
  readonly passes: number;
  /** Outputs as buildJacobian; absent for an energy without arguments, which has no curvature. */
  readonly graph?: ProgramGraph;
  /** Second derivatives [count, count] of log p at the values [count] of its arguments, for the `numbers` [columns] of a row: a new array. */
  hessianAt(values: ArrayLike<number>, numbers?: ArrayLike<number>): Float64Array;
}

/** A stretch of a flow that some terms have not joined yet. */
export interface Stretch {
  /** The tau at which it ends. */
  readonly until: number;
  /** Of the terms that are there: as a Condition's, with no more inputs than its. */
  readonly gradient: ProgramGraph;
  readonly jacobian?: ArgumentJacobian;
}

/** What some parts of a task (one for a sample, the frames of a traverse, cells of a sweep, a step of an edit) ask for, as one gradient. */
export interface Condition {
  readonly energy: Energy;
  /** Numbers of the energy that come in as the input `numbers`. */
  readonly varying?: Varying;
  /** Of an edit's step: what it holds; of a row that is kept: what holds these parts near its first. */
  readonly keep?: Keep;
  /** Inputs of its gradient beside z that say where states started from. */
  readonly anchors: readonly AnchorName[];
  /** Whether it looks at pictures. */
  readonly looks: boolean;
  /** Where terms join a flow that is under way: what is followed before them, in order. */
  readonly early: readonly Stretch[];
  /** Which parts of the task these are, ascending. */
  readonly parts: readonly number[];
  /** What each of them puts into `numbers`: [parts, columns]. */
  readonly numbers: readonly (readonly number[])[];
  /** log p and its gradient in z; shapes as compileEnergyGradient. */
  readonly gradient: ProgramGraph;
  /** Where the task's sampler asks for it. */
  readonly jacobian?: ArgumentJacobian;
  /** The sampler on it, where it can step in graphs. */
  readonly stepping?: Stepping;
}

/** The start and the step of a sampler on a condition. */
export interface Stepping extends Omit<StepGraphs, "start" | "step"> {
  readonly start: ProgramGraph;
  readonly step: ProgramGraph;
  /** Both as an engine gets them, on one gradient, which takes most of the time. */
  compiled(): { readonly start: Graph; readonly step: Graph };
}

/** The graphs of a task. */
export interface TaskProgram {
  /** Rows of its tiles: fewer than the target's where pictures are looked at while it is solved. */
  readonly rows: number;
  /** psi of the mapping. */
  readonly truncation: number;
  readonly conditions: readonly Condition[];
  /** w and the outputs of all heads; shapes as buildReadout. */
  readonly readout: ProgramGraph;
  /**
   * Where truncation stops at a layer: that layer, and a read-out of w without truncation. Two graphs, since `readout` has the truncation
   * folded into its last layer: taking it back would divide by psi, and truncating afterwards would round otherwise than it does.
   */
  readonly far?: { readonly from: number; readonly readout: ProgramGraph };
  /** The synthesis of so many images at once, for models that have one; shapes as compileSynthesis. */
  readonly synthesis?: (rows: number) => ProgramGraph;
  /** Where some heads look at pictures: what they say of those of styles. */
  readonly pictureReadout?: PictureReadoutProgram;
  /** The gradient of one term of a condition, alone and for one row: who is to blame when a number is not finite. */
  termGradient(term: Energy): Graph;
}

/** What heads that look at pictures say. */
export interface PictureReadoutProgram {
  /** Which heads, by place in the model's table, ascending: the columns of `graph` are theirs, side by side. */
  readonly heads: readonly number[];
  /** All that it depends on besides the model and styles, as plain data. */
  readonly about: object;
  /** Whether the graph gives features too. */
  readonly hasFeatures: boolean;
  /** Shapes as compilePictureReadout. */
  readonly graph: ProgramGraph;
}

/**
 * The program of a task on a model.
 *
 * Errors   InternalError if a conditional model has no such class (the checker has refused it).
 */
export function compileTask(task: Task, model: ProgramModel, target: Target): TaskProgram {
  const weights = task.class === undefined ? model.weights : forClass(model.weights, task.class);
  const { truncation, logic, noise, shifted } = task;
  const { layout } = target;
  const { attributes } = model.info;
  const { synthesis } = model;
  const from = untruncatedFrom(task, model);
  const anchored = task.kind === "edit" || startOf(task) !== undefined;
  const features = keptFeatures(task, weights);
  const look: PictureTask = { model, layout, noise, truncation, untruncated: from, anchored, features };
  const looks = looksAt(task, weights);
  const rows = looks ? Math.min(target.rows, rowsOfPictures(model)) : target.rows;
  const readout = { weights, truncation, rows, ...(shifted && { shifted }) };
  const settings = { ...readout, attributes, logic, sampler: task.sampler, ...(looks && { look }) };
  const pictured = weights.heads.flatMap(({ picture }, at) => (picture === undefined ? [] : [{ picture, at }]));
  const seen = pictured.map(({ picture }) => picture);
  const untruncated = { weights: { ...weights, heads: [] }, truncation: 1, rows };
  return {
    ...{ rows, truncation },
    conditions: conditionsOf(task, settings),
    readout: {
      name: "readout",
      title: "w and the outputs of all heads",
      built: () => buildReadout(readout),
      compiled: () => compileReadout(readout),
      source: sourceOf(model.weights, ["readout", rows, truncation, shifted === true, task.class]),
    },
    ...(from !== undefined && {
      far: {
        from,
        readout: {
          name: "readout-untruncated",
          title: `w without truncation, for layers from ${from} on`,
          built: () => buildReadout(untruncated),
          compiled: () => compileReadout(untruncated),
          source: sourceOf(model.weights, ["readout-untruncated", rows, task.class]),
        },
      },
    }),
    ...(synthesis !== undefined && {
      synthesis: (images) => ({
        name: "synthesis",
        title: "images from styles",
        built: () => buildSynthesis(model, { rows: images, layout, noise }),
        compiled: () => compileSynthesis(model, { rows: images, layout, noise }),
        source: sourceOf(synthesis, ["synthesis", images, layout, noise]),
      }),
    }),
    ...((pictured.length > 0 || features !== undefined) && {
      pictureReadout: {
        heads: pictured.map(({ at }) => at),
        hasFeatures: features !== undefined,
        about: {
          noise: noise === "const" ? "const" : "none",
          heads: seen.map(aboutHead),
          ...(features && { features: aboutHead(features) }),
        },
        graph: {
          name: "picture-readout",
          title: "what networks say of pictures",
          built: () => compilePictureReadout(look, seen, 1),
          compiled: () => compilePictureReadout(look, seen, 1),
        },
      },
    }),
    termGradient: (energy) =>
      compileEnergyGradient({
        ...{ weights, truncation, attributes, logic, energy, rows: 1 },
        ...(looks && { look: { ...look, anchored: false } }),
      }),
  };
}

/** The first layer whose style is not truncated; undefined where truncation reaches all of them, or changes nothing. */
export function untruncatedFrom(
  { cutoff, truncation }: Pick<Task, "cutoff" | "truncation">,
  { weights, info }: Pick<ProgramModel, "weights"> & { readonly info: Pick<ModelInfo, "numWs"> },
): number | undefined {
  if (cutoff === undefined || cutoff >= info.numWs || truncation === 1) return undefined;
  return weights.mapping === undefined ? undefined : cutoff;
}

/** All graphs of a program, in the order in which a run comes to them. A run leaves out what it has no use for, such as the synthesis of a task that saves nothing. */
export function graphsOf(
  { conditions, readout, far, pictureReadout, synthesis }: TaskProgram,
  images: number,
): readonly ProgramGraph[] {
  const followed = conditions.flatMap((condition) =>
    [...condition.early, condition].flatMap(({ gradient, jacobian }) => [
      gradient,
      ...(jacobian?.graph ? [jacobian.graph] : []),
    ]),
  );
  return [
    ...followed,
    readout,
    ...(far === undefined ? [] : [far.readout]),
    ...(pictureReadout === undefined ? [] : [pictureReadout.graph]),
    ...(synthesis === undefined ? [] : [synthesis(images)]),
  ];
}

/** The starts and steps of a program's sampler, condition by condition: what an engine that steps on its device gets in place of the gradient. */
export function steppingOf({ conditions }: TaskProgram): readonly ProgramGraph[] {
  return conditions.flatMap(({ stepping }) => (stepping === undefined ? [] : [stepping.start, stepping.step]));
}

interface Settings extends Omit<EnergyTask, "energy" | "keep" | "varying"> {
  readonly sampler: Sampler;
}

/**
 * The conditions of a task: one, or one for each form of a sweep's cells, or one for each step of an edit. Where rows are kept, one more for
 * their first parts, which comes first; the others know the first part too, for what lies between it and the second.
 */
function conditionsOf(task: Task, settings: Settings): readonly Condition[] {
  const implicit = isLinearlyImplicit(task.sampler);
  switch (task.kind) {
    case "sample":
      return [condition({ ...settings, energy: task.energy }, { parts: [0], implicit })];
    case "traverse": {
      const { energy, keep } = task;
      const parts = Array.from({ length: task.frames }, (_, frame) => frame);
      if (keep === undefined) return [condition({ ...settings, energy }, { parts, implicit })];
      return [
        condition({ ...settings, energy }, { suffix: "-first", of: " of the first frame", parts: [0], implicit }),
        condition({ ...settings, energy, keep }, { suffix: "-held", of: " of the other frames", parts, implicit }),
      ];
    }
    case "sweep": {
      const { cells, keep } = task;
      const forms = commonForms(cells);
      const all = forms.map(({ energy, varying, members, numbers }, k) => {
        const place = forms.length === 1 ? {} : { suffix: `-${k}`, of: ` of cells ${members.join(", ")}` };
        return condition(
          { ...settings, energy, ...(varying && { varying }), ...(keep && { keep }) },
          { ...place, parts: members, numbers, implicit },
        );
      });
      const [first] = cells;
      if (keep === undefined || first === undefined || task.source !== undefined) return all;
      const place = { suffix: "-first", of: " of the first cell", parts: [0], numbers: [[]] };
      return [condition({ ...settings, energy: first }, { ...place, implicit }), ...all];
    }
    case "edit":
      return task.steps.map((_, step) => {
        const energy = goalOf(task, step, settings.attributes);
        const place = { suffix: `-${step}`, of: ` of step ${step}` };
        const look = settings.look && { ...settings.look, layers: task.steps[step]?.layers };
        return condition(
          { ...settings, energy, keep: keepOf(task, step), ...(look && { look }) },
          { ...place, parts: [step], implicit },
        );
      });
    default:
      return unreachable(task);
  }
}

interface Place {
  /** Of the graphs' names. */
  readonly suffix?: string;
  /** Of their titles. */
  readonly of?: string;
  readonly parts: readonly number[];
  readonly numbers?: readonly (readonly number[])[];
  readonly implicit: boolean;
}

function condition(
  task: EnergyTask & Settings,
  { suffix = "", of = "", parts, numbers = [], implicit }: Place,
): Condition {
  const { energy, varying, keep } = task;
  return {
    energy,
    ...(varying !== undefined && { varying }),
    ...(keep !== undefined && { keep }),
    anchors: anchorsOfGradient(task),
    looks: looksAtPictures(task),
    early: stretchesOf(task).map(({ until, ...terms }) => {
      const place = { suffix: `${suffix}-until-${until}`, of: `${of} until tau ${until}` };
      return { until, ...followedIn({ ...task, ...terms }, place, implicit) };
    }),
    parts,
    numbers,
    ...followedIn(task, { suffix, of }, implicit),
    ...steppingWith(task, { suffix, of }),
  };
}

/** What a sampler evaluates of a task. */
function followedIn(
  task: EnergyTask,
  { suffix, of }: { readonly suffix: string; readonly of: string },
  implicit: boolean,
): Pick<Condition, "gradient" | "jacobian"> {
  return {
    gradient: {
      name: `gradient${suffix}`,
      title: `log p${of} and its gradient`,
      built: () => buildEnergyGraph(task),
      compiled: () => compileEnergyGradient(task),
      ...sourceOfGradient(task),
    },
    ...(implicit && { jacobian: jacobianOf(task, { suffix, of }) }),
  };
}

/** What a gradient is a function of: all of its task, where that is plain data. */
function sourceOfGradient(task: EnergyTask): Pick<ProgramGraph, "source"> {
  const { weights, attributes, energy, logic, keep, varying, truncation, rows, shifted, look } = task;
  if (look !== undefined) return {};
  const columns = varying && [varying.columns, [...varying.of.values()]];
  const about = [attributes, energy, logic, keep, columns, truncation, rows, shifted === true];
  return { source: sourceOf(weights, ["gradient", ...about]) };
}

/** The sampler's start and step on a task's gradient, as a condition has them. */
function steppingWith(
  task: EnergyTask & Settings,
  { suffix, of }: { readonly suffix: string; readonly of: string },
): Pick<Condition, "stepping"> {
  const graphs = stepGraphsOf(task.sampler);
  const { sampler } = task;
  const watchesGain = sampler.kind === "ode" && sampler.within !== undefined;
  if (graphs === undefined || watchesGain || stretchesOf(task).length > 0) return {};
  const graph = (name: "start" | "step", title: string): ProgramGraph => {
    const built = (): Graph => graphs[name](compileEnergyGradient(task));
    return { name: `${name}${suffix}`, title: `${title}${of}`, built, compiled: () => compileStepGraph(built()) };
  };
  return {
    stepping: {
      ...graphs,
      start: graph("start", "the start of the sampler"),
      step: graph("step", "a step of the sampler"),
      compiled: () => {
        const gradient = compileEnergyGradient(task);
        const [start, step] = [graphs.start(gradient), graphs.step(gradient)];
        return { start: compileStepGraph(start), step: compileStepGraph(step) };
      },
    },
  };
}

/** The Jacobian of an energy's arguments and the second derivatives of log p in them. */
export function jacobianOf(
  task: EnergyTask,
  { suffix = "", of = "" }: { readonly suffix?: string; readonly of?: string } = {},
): ArgumentJacobian {
  const { length: count } = argumentsOf(task);
  const curvature = curvatureOf(task);
  return {
    count,
    passes: count === 0 ? 1 : jacobianPasses(task),
    ...(count !== 0 && {
      graph: {
        name: `jacobian${suffix}`,
        title: `log p${of}, its gradient and the Jacobian of its arguments`,
        built: () => buildJacobian(task),
        compiled: () => compileJacobian(task),
      },
    }),
    hessianAt: (values, at) => curvature(values, at).hessian,
  };
}
