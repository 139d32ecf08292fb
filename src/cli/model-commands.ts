// Commands about models: labels, imports, what is kept, training, and what a script's pictures are worth.
// In: the program and how a verb is run. Out: their options, in the program.
import { Option, type Command } from "commander";
import { MOST_ROWS, MOST_THUMBNAIL } from "../app/label-limits.js";
import { CLIP_MODEL, FIND_FACES, LABELLER, PROMPTS } from "./labeller-options.js";
import { addMeeting } from "./meeting-options.js";
import type { RunVerb } from "./looking-commands.js";
import {
  activation,
  atLeastZero,
  interval,
  names,
  nonZero,
  numberIn,
  range,
  repeated,
  setting,
  shard,
  wholeNumber,
  widths,
} from "./option-values.js";

/** Adds `label`, `import`, `inspect`, `models`, `train` and `eval`. */
export function addModelCommands(lacec: Command, verb: RunVerb): void {
  addMeeting(lacec.command("label"))
    .description("label latents of a generator: the data that `lacec train` learns attributes from")
    .argument("[model]", "builtin:NAME or the path of a pack")
    .option("-n, --count <n>", "rows (default: 10000; with --labels, as many as it labels)", wholeNumber(1, MOST_ROWS))
    .option("--seed <n>", "row i has the latent of sample i of this seed", wholeNumber(0), 1)
    .option("-o, --output <file>", "the data file (default: data.safetensors)")
    .addOption(LABELLER)
    .addOption(FIND_FACES)
    .addOption(PROMPTS)
    .addOption(CLIP_MODEL)
    .option("--labels <file>", "labels by hand or from elsewhere: .csv or .jsonl, by index of the row")
    .option(
      "--attributes <file.json>",
      "what the columns of --labels or --from-lace are (default: seen from their values)",
    )
    .option("--from-styleflow <dir>", "convert all_latents.pickle and att_light.pickle of that data set")
    .option("--from-lace <dir>", "convert ws_latent.pickle and pred.pickle of the LACE paper's scripts")
    .option("--export <dir>", "write the images for labelling by hand, and label nothing")
    .option("--shard <k/n>", "label part k of n of the rows, into FILE.shard-k-of-n", shard)
    .option("--join <file...>", "make one file of those that --shard wrote, the same as of one run")
    .option("--class <n>", "the class that a conditional generator draws", wholeNumber(0))
    .option("--truncation <range>", "psi of the rows, drawn evenly from here", range, [0.5, 1] as readonly [
      number,
      number,
    ])
    .option("--jitter <x>", "most noise added to w, in its standard deviations", atLeastZero, 0.4)
    .option(
      "--follow <part>",
      "part of the rows that go where the flow of the model's heads leads for random wishes: what heads are sure of, and may be wrong about",
      numberIn(0, 1),
      0,
    )
    .option("--thumbnails <px>", "keep a picture of this edge for each row", wholeNumber(0, MOST_THUMBNAIL), 0)
    .option("--engine <name>", "as for run", "auto")
    .option("--fresh", "begin anew where an interrupted run left a part")
    .option("-q, --quiet", "print errors only")
    .option("--json", "print one JSON document on stdout instead of text")
    .addHelpText(
      "after",
      "\nExample: lacec label builtin:avatar -n 10000 --seed 1 -o data.safetensors\n" +
        "         lacec label builtin:avatar -n 1000000 --queue redis://10.0.0.5:6379 --store /mnt/shared/lace\n" +
        "         lacec label --join data.shard-*.safetensors -o data.safetensors\n" +
        "Ctrl-C keeps what was done (FILE.part); the same command goes on, with more rows or fewer too.",
    )
    .action(verb(async () => (await import("./label.js")).labelCommand));

  lacec
    .command("import")
    .description("turn a checkpoint, an ONNX decoder or attribute heads into a pack that scripts can name")
    .argument("<file>", "a StyleGAN2 checkpoint (.pkl, .pt), a decoder (.onnx), heads (.pt) or a pack (.safetensors)")
    .option("-o, --output <file>", "the pack to write (default: the file's name, with .safetensors)")
    .option("--name <name>", "name of the model")
    .option("--licence <text>", "licence of the model, to be kept in the pack")
    .option(
      "--heads <file...>",
      "attribute heads to put into the pack: FILE, NAME=FILE (FILE#3 is one of its outputs), or a JSON table",
    )
    .option(
      "--attribute <declaration>",
      'what a head means, as a script declares it: "hair: category { black, red }"',
      repeated,
    )
    .option(
      "--labeller <name>",
      "who judges images of this model from now on: a classifier FILE.onnx with its JSON beside it, or faces",
    )
    .option("--float16", "store weights in half precision: half the size, values to 3 digits")
    .addOption(new Option("--as <what>", "what the file must hold").choices(["head"]))
    .option("--slope <k>", "how steep a boundary's logits are: one unit of distance counts as k nats", nonZero)
    .option("--data <file>", "labelled data of the model: fit to it how sure heads of other tools are")
    .option(
      "--activation <name>",
      "between dense layers of other tools: leaky (0.2, the default), leaky:SLOPE, relu or none",
      activation,
    )
    .addOption(new Option("--space <name>", "what heads of other tools take (default: w)").choices(["w", "z"]))
    .option("--latent <n>", "numbers in z, where an ONNX file does not say", wholeNumber(1, 8192))
    .option("--clip <low..high>", "keep z within these before it goes into an ONNX decoder", interval)
    .option("--range <black..white>", "values of an ONNX decoder's images", interval)
    .addOption(new Option("--layout <layout>", "layout of an ONNX decoder's images").choices(["nchw", "nhwc"]))
    .option(
      "--input <name=what>",
      "what an ONNX decoder's further input is given: class, class:N, truncation, or numbers (noise=0); latent says which is z",
      repeated,
    )
    .option("--output-name <name>", "the output of an ONNX decoder that is the picture, where several are")
    .option("-q, --quiet", "print errors only")
    .option("--json", "print the pack's description as JSON")
    .addHelpText(
      "after",
      '\nExample: lacec import ffhq.pkl -o ffhq.safetensors --licence "CC BY-NC-SA 4.0" --heads classifier_*.pt',
    )
    .action(verb(async () => (await import("./import.js")).importCommand));

  lacec
    .command("inspect")
    .description("show what a checkpoint or pack holds: architecture, sizes, attributes, layer groups, licence, hashes")
    .argument("<model>", "a checkpoint or a pack: its path, builtin:NAME, or the name of an imported model")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples: lacec inspect ffhq.pkl\n          lacec inspect builtin:avatar")
    .action(verb(async () => (await import("./inspect.js")).inspectCommand));

  const models = lacec
    .command("models")
    .description("keep imported models in a folder of yours, so that scripts name them without a path")
    .addHelpText(
      "after",
      "\nThe folder is LACE_MODELS, or lacec/models in XDG_DATA_HOME (~/.local/share).\n" +
        'Example: lacec models add ffhq.pkl, then in a script: model ffhq from "ffhq"',
    );
  models
    .command("add")
    .description("import a checkpoint, a decoder or a pack into the folder")
    .argument("<file>", "what lacec import reads")
    .option("--name <name>", "what scripts call it (default: the file's name)")
    .option("--licence <text>", "licence of the model, to be kept in the pack")
    .option("--force", "replace a model of this name")
    .action(verb(async () => (await import("./models.js")).addCommand));
  models
    .command("pull")
    .description("download a checkpoint or pack, check its hash, and add it; a download that was cut off goes on")
    .argument("<url>", "address of the file")
    .option("--sha256 <hash>", "SHA-256 that the file must have; without it nothing is downloaded")
    .option("--max-bytes <n>", "take no more than this, labeller and decoder included (default: 16 GB)", wholeNumber(1))
    .option("--name <name>", "what scripts call it (default: the file's name)")
    .option("--licence <text>", "licence of the model, to be kept in the pack")
    .option("--force", "replace a model of this name")
    .addHelpText("after", "\nExample: lacec models pull https://example.org/ffhq.pkl --sha256 a1b2... --name ffhq")
    .action(verb(async () => (await import("./models.js")).pullCommand));
  models
    .command("list")
    .description("what is in the folder, and what ships with lacec")
    .option("--json", "print JSON")
    .action(verb(async () => (await import("./models.js")).listCommand));
  models
    .command("remove")
    .description("remove models from the folder")
    .argument("<name...>", "names as `lacec models list` shows them")
    .action(verb(async () => (await import("./models.js")).removeCommand));

  lacec
    .command("train")
    .description("train heads for attributes on labelled latents, and report what they are worth")
    .argument("<data...>", "data files, as `lacec label` writes them (docs/data.md); with --encoder a model")
    .option(
      "-o, --output <file>",
      "the heads (default: heads.safetensors), with --into the new pack (pack.safetensors), with --encoder the encoder (encoder.safetensors)",
    )
    .option("--into <pack>", "write a copy of this pack with the heads in it")
    .option(
      "--encoder",
      "train an encoder of a model's pictures on its own samples, which a photograph begins with; of the options below it takes --count, --epochs, --hidden, --seed and --engine",
    )
    .option("--count <n>", "samples that an encoder learns from (default: 16000)", wholeNumber(64, 1_000_000))
    .addOption(
      new Option("--space <name>", "the latent that heads take: w, or z, which truncation does not touch")
        .choices(["w", "z"])
        .default("w"),
    )
    .option("--attributes <a,b,...>", "train these only", names)
    .option(
      "--hidden <n,n,...>",
      "widths of the hidden layers, or none for linear heads (default: three, evenly from the latent's to 128; linear heads, and heads on one layer that all share, are fitted beside them, and the best is kept for each attribute)",
      widths,
    )
    .option(
      "--epochs <n>",
      "passes over the data, at most (default: 50, or what makes 500 steps)",
      wholeNumber(1, 1_000_000),
    )
    .option("--batch <n>", "rows of a minibatch", wholeNumber(1, 65_536), 256)
    .option("--lr <rate>", "peak learning rate of Adam", numberIn(0, 10), 3e-3)
    .addOption(new Option("--schedule <kind>", "how the rate falls").choices(["cosine", "plateau"]).default("cosine"))
    .option(
      "--patience <n>",
      "stop after so many epochs without an improvement; 0: never (default: a fifth of the epochs)",
      wholeNumber(0),
    )
    .option("--decay <x>", "weight decay of networks", numberIn(0, 100), 3)
    .option(
      "--noise <x>",
      "most noise added to latents, in their standard deviations; for scalars half",
      numberIn(0, 10),
      0.6,
    )
    .option("--validation <part>", "part of the rows for choice of epoch and calibration", numberIn(0.01, 0.8), 0.1)
    .option("--test <part>", "part of the rows for the report", numberIn(0, 0.8), 0.1)
    .addOption(
      new Option("--class-weights <kind>", "balanced: rare classes count as much")
        .choices(["none", "balanced"])
        .default("none"),
    )
    .addOption(new Option("--loss <kind>", "of scalars").choices(["smooth-l1", "gaussian"]).default("smooth-l1"))
    .option("--hard", "learn the labeller's choices, not its probabilities")
    .option("--seed <n>", "of everything that is drawn", wholeNumber(0), 0)
    .option("--engine <name>", "as for run", "auto")
    .option("--resume", "go on from the checkpoint of an interrupted training")
    .option("--html <file>", "write the report as one page with plots")
    .option("-q, --quiet", "print errors and warnings only")
    .option("--json", "print the report as one JSON document")
    .addHelpText(
      "after",
      "\nExample: lacec train data.safetensors -o heads.safetensors --html heads.html\n" +
        'A script takes a head by its name: attribute beard: binary from "heads.safetensors"\n' +
        "Ctrl-C keeps a checkpoint (OUTPUT.checkpoint); the same command with --resume goes on.",
    )
    .action(verb(async () => (await import("./train.js")).trainCommand));

  addMeeting(lacec.command("eval"))
    .description("measure a script: accuracy, distance, identity and drift of edits, evaluations, seconds")
    .argument("[script]", "a .lace file; with --suite, a model (default: builtin:avatar)")
    .option("--suite <name>", "paper: the shapes of the LACE paper's experiments, over the attributes of a model")
    .addOption(LABELLER)
    .addOption(FIND_FACES)
    .addOption(PROMPTS)
    .addOption(CLIP_MODEL)
    .option("--reference <n>", "unconditional images to compare with", wholeNumber(4, 1_000_000), 1000)
    .option("--compare", "measure rejection and linear directions in latent space beside the script's own sampler")
    .option(
      "--export <dir>",
      "write the pictures, in an order by chance, and a table for labels by hand; measure nothing",
    )
    .option("--labels <file>", "count by labels by hand as well: the table that --export wrote, filled in")
    .option("--real <dir>", "real images to compare with as well")
    .option("--baseline <file.json>", "show what an earlier `lacec eval --json` measured beside it")
    .option("--html <file>", "write a page with tables and pictures")
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .option("--count <n>", "images of each set, whatever the script says", wholeNumber(1))
    .option("--seed <n>", "draw from this seed, whatever the script says", wholeNumber(0))
    .option("--engine <name>", "as for run", "auto")
    .option("-q, --quiet", "no progress, no warnings")
    .option("--json", "print one JSON document on stdout instead of tables")
    .addHelpText(
      "after",
      "\nExamples: lacec eval portraits.lace --html report.html\n          lacec eval --suite paper builtin:avatar --json > before.json",
    )
    .action(verb(async () => (await import("./eval.js")).evalCommand));
}
