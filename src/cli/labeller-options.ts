// Options that choose who labels images: the same for `lacec label` and `lacec eval`.
import { Option } from "commander";
import { repeated } from "./option-values.js";

export const LABELLER = new Option(
  "--labeller <name>",
  "who judges images: an image classifier FILE.onnx with a JSON beside it that describes its outputs, faces, or clip (default: the model's own)",
);
export const FIND_FACES = new Option(
  "--find-faces",
  "for faces: look for the face in every image; without it the generator's faces are aligned, as those of CelebA and FFHQ",
);
export const PROMPTS = new Option(
  "--prompts <text>",
  'for clip: "glasses: a person wearing glasses | a person without glasses" (repeatable), or a .txt file of such lines',
).argParser(repeated);
export const CLIP_MODEL = new Option(
  "--clip-model <dir>",
  "for clip: the folder of a CLIP model as transformers.js takes it, or the name of a downloaded one",
);
