// What a checkpoint is whose pickle asks for code of a well-known project: users are told its name, not which module lacec lacks.
// In: the name of a class or function, as pickles have it. Out: words. Nothing is allowed by it.

/** The first whose pattern fits. */
const PROJECTS: readonly (readonly [RegExp, string])[] = [
  [
    /^torch\._utils\._rebuild_(tensor_v3|qtensor)$|^torch\.float8/,
    "a checkpoint with numbers of 8 bits (float8 or quantised)",
  ],
  [
    /^(tfutil|networks|dnnlib\.tflib\.tfutil)\./,
    "a generator of the TensorFlow releases before StyleGAN2 (Progressive GAN or StyleGAN of 2018)",
  ],
  [/stylegan3|^training\.networks_stylegan3\./i, "a StyleGAN3 generator"],
  [/stylegan_?xl|^training\.networks_fastgan\./i, "a StyleGAN-XL generator"],
  [/^(ldm|sgm|diffusers|k_diffusion|comfy)\./, "a diffusion model"],
  [/^(transformers|sentence_transformers|open_clip|clip)\./, "a model of language or of pictures and words"],
  [/^(ultralytics|detectron2|mmdet|mmcv|mmengine|models\.yolo)\b/, "a detector of objects"],
  [/^(torchvision|timm|efficientnet_pytorch|pretrainedmodels)\./, "a classifier of pictures"],
  [/^(keras|tensorflow|tf_keras)\./, "a model of Keras or TensorFlow"],
  [/^(jax|jaxlib|flax|haiku)\./, "a model of JAX"],
  [/^joblib\./, "a file of joblib, which pickle.dump(joblib.load(FILE), open('head.pkl', 'wb')) writes as a pickle"],
  [/^(xgboost|lightgbm|catboost|sklearn)\./, "a model of tables"],
  [/^(cupy|paddle|mindspore|mxnet|chainer)\./, "a model of a framework that lacec does not read"],
];

/** What asks for this code; undefined if it tells nothing. */
export function projectOf(name: string): string | undefined {
  return PROJECTS.find(([pattern]) => pattern.test(name))?.[1];
}
