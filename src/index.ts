// The door `lacec`: language, compiler and executor without Node: what a browser, a server or a test brings its own files and engines to.
// Names are re-exported one by one; what is not here is internal. Nothing here prints, reads a disk or ends a process.
// On Node, `lacec/node` has all of this and runs scripts that are files.
export { LaceError } from "./source/diagnostic.js";
export type { Diagnostic, Fix, Label } from "./source/diagnostic.js";
export type { Span } from "./source/span.js";
export type { Code } from "./source/codes.js";
/** Every code with its one-line meaning. */
export { codes } from "./source/codes.js";
/** A diagnostic as text for people. */
export { render, plainStyle } from "./source/render.js";
export { SourceText } from "./source/text.js";
export type { Host } from "./ports/host.js";
export type { Cache } from "./ports/cache.js";
export type { OnEvent, RunEvent } from "./ports/events.js";
/** A script's text in its canonical layout. */
export { format } from "./parser/format.js";
/** A script's text as a syntax tree. */
export { parse } from "./parser/parse.js";
export type { Plan } from "./compiler/plan.js";
export type { Attribute, ModelInfo } from "./compiler/attribute.js";
/** What changed in meaning between two plans, in sentences. */
export { diffPlans, type PlanDifference } from "./compiler/diff-plans.js";
export type { Model } from "./models/model.js";
/** A model from a pack, read through a host. */
export { loadPack } from "./models/pack/pack.js";
/** What a checkpoint or pack holds. */
export { describeFile, type Description } from "./models/describe-model.js";
export type { Engine, EngineName } from "./runtime/services/engine.js";
export type { Services } from "./runtime/services/services.js";
/** An engine on a TensorFlow.js backend that the caller has initialised: the one for browsers. */
export { tfjsEngine } from "./runtime/services/tfjs-engine.js";
export type { ExpectationResult } from "./runtime/record/results.js";
export type { Results } from "./runtime/record/record.js";
export type { OutputFile } from "./runtime/show/saves.js";
export type { SampleResult, TaskResult } from "./runtime/draw/results.js";
export type { RunRecord } from "./runtime/record/record.js";
/** A recipe that came out of an image. */
export { parseRecipe, type Recipe } from "./runtime/recipe/recipe.js";
export { compileScript, type Compilation } from "./app/compile-script.js";
export { openRecipe, reproduce, type OpenRecipe, type Reproduction } from "./app/reproduce.js";
export { drawRows, type DrawnRow, type RowsJob } from "./app/draw-rows.js";

// What those are made of.
export type { CheckedModule } from "./compiler/check/checked.js";
export type { DefaultsEdition } from "./compiler/defaults.js";
export type { HeadOutputs } from "./compiler/energy/interpret.js";
export type { Executable, Graph, ImageLayout } from "./compiler/graph/graph.js";
export type { Expect, PlanModel, Save, Task } from "./compiler/plan.js";
export type { SampleStatus } from "./compiler/sampling/status.js";
export type { Decoder } from "./compiler/decoder.js";
export type { DecoderModel, StyleganModel } from "./models/model.js";
export type { PhaseName } from "./ports/events.js";
export type { AttemptCount, Forecast } from "./runtime/draw/results.js";

export type { LockEntry } from "./runtime/recipe/lock.js";
export type { Overridden, RecipeFile } from "./runtime/recipe/recipe.js";
export type { FileRecord, JudgeRecord, MachineRecord, TaskRecord } from "./runtime/record/record.js";
export type { Count } from "./runtime/record/results.js";
export type { ChainSummary } from "./runtime/sample/chains.js";
export type { FileFormat, ImageCodec } from "./runtime/services/codec.js";
export type { Labeller } from "./runtime/services/services.js";
export type { TfjsBackend } from "./runtime/services/tfjs-engine.js";
export type { DrawRowsOptions } from "./app/draw-rows.js";
export type { ReproduceOptions } from "./app/reproduce.js";

// Types that those name.
export type { HeadFacts, WitnessRow } from "./compiler/attribute.js";
export type { Axis } from "./compiler/axes.js";
export type { CheckedExpect, CheckedKeep, CheckedStep, CheckedTask } from "./compiler/check/checked.js";
export type { Energy, Logic } from "./compiler/energy/energy.js";
export type { Formula } from "./compiler/energy/formula.js";
export type {
  Arrays,
  BinaryKind,
  FirKernel,
  LeakyRelu,
  Node,
  Op,
  QueueInputs,
  Resident,
  Shape,
  UnaryKind,
} from "./compiler/graph/graph.js";
export type { LatentForm } from "./compiler/latent-table.js";
export type {
  OnnxAttribute,
  OnnxConstant,
  OnnxModelFile,
  OnnxNodeFile,
  OnnxValueFile,
} from "./compiler/onnx-network.js";
export type {
  FeatureHead,
  FeatureOrigin,
  LabelHead,
  LikenessHead,
  Looking,
  OutputReading,
  PictureHead,
  PictureInput,
  PictureNetwork,
  PictureCrop,
  PromptHead,
} from "./compiler/picture-head.js";
export type {
  Accept,
  EditStep,
  EditTask,
  Keep,
  LatentHead,
  LatentSave,
  LatentStart,
  NoiseMode,
  Placement,
  PhotoLandmarks,
  PhotoSpace,
  PhotoStart,
  FeatureSource,
  KeptIdentity,
  LikenessSource,
  PromptSource,
  PictureHeadSource,
  PlanHead,
  SampleTask,
  Sampler,
  SaveForm,
  Paste,
  SheetForm,
  SweepTask,
  TraverseTask,
  TaskSource,
} from "./compiler/plan.js";
export type { BoundPredicate, ClassPredicate, NearPredicate, Predicate } from "./compiler/predicate.js";
export type { Residuals } from "./compiler/residuals.js";
export type {
  ConvWeights,
  FilteredLayer,
  FirstBlock,
  FourierInput,
  LaterBlock,
  ModulatedWeights,
  Stylegan2Weights,
  Stylegan3Weights,
  SynthesisStyle,
  SynthesisWeights,
} from "./compiler/synthesis-weights.js";
export type { EnergyWeights, HeadWeights, MappingWeights, Tensor } from "./compiler/weights.js";
export type { DecoderInput, DecoderInputRole } from "./compiler/decoder.js";
export type { LabellerFile } from "./models/model.js";
export type { Likeness } from "./runtime/draw/results.js";
export type { RgbImage } from "./runtime/image/rgb.js";
export type { LockedFile, LockedModel } from "./runtime/recipe/lock.js";
export type { ChainReport } from "./runtime/record/chain-report.js";
export type { FamilyRecord, IdentityRecord, KeepRecord, SampleRecord, SourceRecord } from "./runtime/record/record.js";
export type { AnimationFormat, Film, ImageContents, ImageFormat } from "./runtime/services/codec.js";
export type { GraphSource } from "./compiler/build/graph-source.js";
export type { ProgramGraph } from "./compiler/build/compile-task.js";
export type { Residency, SourcedGraph } from "./runtime/services/engine.js";
export type { JudgedHeads } from "./runtime/services/labeller-identity.js";
export type { Labels, FeaturedLabels } from "./runtime/services/services.js";
export type { TfjsModule } from "./runtime/services/tfjs-engine.js";
