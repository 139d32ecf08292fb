#!/usr/bin/env node
// The command line: verbs and their options. Each verb lives in its own file and is loaded when it is called, so that
// `lacec check` never waits for an engine or an image library.
// Invariant: the only file that ends the process. Every way out passes through `leave`.
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { EXIT, type ExitCode } from "./exit.js";
import { flush, processIo, type Io } from "./io.js";
import { reportThrown } from "./report.js";
import { addLookingCommands, addProgramCommands } from "./looking-commands.js";
import { MOST_ROWS, MOST_THUMBNAIL } from "../app/label-limits.js";
import { CLIP_MODEL, FIND_FACES, LABELLER, PROMPTS } from "./labeller-options.js";
import {
  atLeastZero,
  file,
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

const io = processIo();

// What no verb has caught: a library's, mostly. Said as everything else is, not with Node's own words.
process.on("uncaughtException", (error) => void leave(reportThrown(error, io)));

async function leave(code: number): Promise<never> {
  await flush();
  process.exit(code);
}

/** Runs a verb; whatever it throws becomes the right message and exit code. */
function verb<A extends unknown[]>(
  load: () => Promise<(io: Io, ...args: A) => Promise<ExitCode>>,
): (...args: [...A, Command]) => Promise<void> {
  return async (...all) => {
    const args = all.slice(0, -1) as unknown as A; // commander appends the command itself
    try {
      const run = await load();
      await leave(await run(io, ...args));
    } catch (error) {
      const { sayError } = await import("./command.js");
      await leave(sayError(error, io));
    }
  };
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function program(): Command {
  const lacec = new Command("lacec")
    .description("Compiler and runtime of Lace, a small language for recipes of images")
    .version(version(), "-V, --version", "print the version of lacec")
    .showHelpAfterError("(lacec --help lists the verbs; lacec VERB --help the options of one)")
    .exitOverride()
    .configureOutput({ writeOut: (s) => io.out(s), writeErr: (s) => io.err(s) })
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 expectations failed, 2 the script is wrong, 3 the environment, 70 a bug, 130 interrupted.",
    );

  lacec
    .command("run")
    .description("run scripts: sample, synthesise, save, and judge their expectations")
    .argument("<script...>", ".lace files, patterns such as 'recipes/**/*.lace', or - for standard input")
    .option("-o, --out <dir>", "folder that outputs go to; paths in the script are relative to it", ".")
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .option("--count <n>", "draw this many samples, whatever the script says", wholeNumber(1))
    .option("--seed <n>", "draw from this seed, whatever the script says", wholeNumber(0))
    .option(
      "--engine <name>",
      "auto, onnx-cpu, onnx-webgpu, tfjs-gpu, tfjs-node, tfjs-webgpu, tfjs-wasm or tfjs-cpu",
      "auto",
    )
    .addOption(LABELLER)
    .addOption(FIND_FACES)
    .addOption(PROMPTS)
    .addOption(CLIP_MODEL)
    .option(
      "--shard <k/n>",
      "draw the k-th of n parts of the samples, or auto in an array of Kubernetes or Slurm; sheets wait for a run without it",
      shard,
    )
    .option("--frozen", "refuse to run if lace.lock would change")
    .option("--watch", "run again whenever the script, an import or a model changes")
    .option("--no-cache", "neither take results from .lace/ nor keep them there")
    .option("--no-provenance", "leave the recipe out of the images")
    .option("-q, --quiet", "print errors and missed expectations only")
    .option("--json", "print one JSON document on stdout instead of text")
    .addHelpText("after", "\nExample: lacec run 'recipes/*.lace' --out pictures --set seed=7")
    .action(verb(async () => (await import("./run.js")).runCommand));

  addLookingCommands(lacec, verb);

  lacec
    .command("show")
    .description("print the recipe inside an image")
    .argument("<image>", "a PNG, WebP, JPEG or AVIF that lacec wrote")
    .option("--json", "print the recipe as JSON")
    .addHelpText("after", "\nExample: lacec show out/portraits.png")
    .action(verb(async () => (await import("./show.js")).showCommand));

  lacec
    .command("reproduce")
    .description("make an image again from the recipe inside it, and compare")
    .argument("<image>", "a PNG, WebP, JPEG or AVIF that lacec wrote")
    .option("-o, --output <file>", "write the new image here (default: only compare)")
    .option("--model <name=path>", "where a model (or the head of an attribute) of the recipe lies (repeatable)", file)
    .option("--engine <name>", "another engine than the recipe's")
    .option("-q, --quiet", "no progress")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample: lacec reproduce out/portraits.png")
    .action(verb(async () => (await import("./reproduce.js")).reproduceCommand));

  lacec
    .command("check")
    .description("check scripts without running them")
    .argument("<script...>", ".lace files")
    .option("--json", "print diagnostics as JSON")
    .action(verb(async () => (await import("./check.js")).checkCommand));

  lacec
    .command("fmt")
    .description("format scripts in place; - formats standard input to standard output")
    .argument("<script...>", ".lace files, or -")
    .option("--check", "change nothing; fail if a file is not formatted")
    .action(verb(async () => (await import("./fmt.js")).fmtCommand));

  lacec
    .command("build")
    .description("show or write what a script compiles to")
    .argument("<script>", "a .lace file")
    .option("--print <stage>", "ast, checked, energy, graph, optimized, jacobian, onnx or dot")
    .option("--emit <target>", "onnx: a graph as an ONNX model, the gradient if --graph does not say another")
    .option("-o, --output <file>", "where --emit writes")
    .option("--task <name>", "one task of the script (default: all)")
    .option("--graph <name>", "one graph of a task, such as gradient, gradient-1, readout or synthesis (default: all)")
    .option("--rows <n>", "rows of the graphs (default: as a run has them)", wholeNumber(1, 65_536))
    .option("--engine <name>", "as for run: it says how images lie in memory", "auto")
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .action(verb(async () => (await import("./build.js")).buildCommand));

  const meeting = (made: Command): Command =>
    made
      .requiredOption("--queue <url>", "a Redis: redis://HOST:PORT, or rediss:// over TLS")
      .option("--project <name>", "projects of one Redis do not see each other", "lacec")
      .addOption(new Option("--on <kind>", "which workers are meant").choices(["cpu", "gpu"]).default("cpu"));
  const STORE = "--store <place>";
  const ABOUT_STORE = "where machines leave results: a folder that all see, or s3://BUCKET/PREFIX";

  meeting(lacec.command("submit"))
    .description("queue a script's pieces for `lacec worker` on many machines")
    .argument("<script>", "a .lace file")
    .requiredOption(STORE, ABOUT_STORE)
    .option("--rows <n>", "rows of a piece (default: what takes ten seconds here)", wholeNumber(1))
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .option("--count <n>", "as for run", wholeNumber(1))
    .option("--seed <n>", "as for run", wholeNumber(0))
    .option("--engine <name>", "measures how long a row takes; as for run", "auto")
    .option("-q, --quiet", "print errors only")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample: lacec submit portraits.lace --queue redis://10.0.0.5:6379 --store /mnt/shared/lace\n" +
        "The same command again queues what is missing.",
    )
    .action(verb(async () => (await import("./submit.js")).submitCommand));

  lacec
    .command("worker")
    .description("draw what is queued, until it is stopped")
    .option("--queue <url>", "a Redis: redis://HOST:PORT, or rediss:// over TLS")
    .option("--project <name>", "projects of one Redis do not see each other", "lacec")
    .addOption(new Option("--on <kind>", "what this worker is").choices(["cpu", "gpu"]).default("cpu"))
    .option(STORE, ABOUT_STORE)
    .option("--models <dir>", "where models out of the store are kept (default: in the folder for temporary files)")
    .option("--max-bytes <n>", "the largest file of a model that is taken", wholeNumber(1), 8e9)
    .option("--mixed", "go on with what another version, engine or processor began, though the last bits may differ")
    .option("--once", "end when nothing is waiting")
    .option("--grace <seconds>", "for the piece under way when it is told to stop", atLeastZero, 60)
    .option("--engine <name>", "as for run", "auto")
    .option("-q, --quiet", "say nothing but errors")
    .option("--json", "print at the end how much was drawn")
    .addOption(new Option("--child", "draw for the worker that started this process").hideHelp())
    .addHelpText("after", "\nExample: lacec worker --queue redis://10.0.0.5:6379 --store /mnt/shared/lace")
    .action(verb(async () => (await import("./worker.js")).workerCommand));

  meeting(lacec.command("jobs"))
    .description("say what a queue holds")
    .argument("[submission]", "the id that submit printed, or its beginning")
    .argument("[action]", "cancel, or retry what failed")
    .option("--watch", "until nothing is left")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample: lacec jobs 3f9a1c retry --queue redis://10.0.0.5:6379")
    .action(verb(async () => (await import("./jobs.js")).jobsCommand));

  lacec
    .command("collect")
    .description("write what a submitted script saves, from what the machines have drawn")
    .argument("<script>", "the script, with the options that it was submitted with")
    .requiredOption(STORE, ABOUT_STORE)
    .option("-o, --out <dir>", "folder that outputs go to", ".")
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .option("--count <n>", "as for run", wholeNumber(1))
    .option("--seed <n>", "as for run", wholeNumber(0))
    .option("-q, --quiet", "print errors only")
    .option("--json", "print one JSON document on stdout instead of text")
    .addHelpText("after", "\nExample: lacec collect portraits.lace --store /mnt/shared/lace")
    .action(verb(async () => (await import("./collect.js")).collectCommand));

  lacec
    .command("label")
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
    .option("--attributes <file.json>", "what the columns of --labels are (default: seen from their values)")
    .option("--from-styleflow <dir>", "convert all_latents.pickle and att_light.pickle of that data set")
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
    .option("--heads <file...>", "attribute heads to put into the pack: FILE, NAME=FILE, or a JSON table")
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
    .option("--slope <k>", "how steep a boundary's logits are: one unit of distance counts as k nats", nonZero)
    .option("--latent <n>", "numbers in z, where an ONNX file does not say", wholeNumber(1, 8192))
    .option("--clip <low..high>", "keep z within these before it goes into an ONNX decoder", interval)
    .option("--range <black..white>", "values of an ONNX decoder's images", interval)
    .addOption(new Option("--layout <layout>", "layout of an ONNX decoder's images").choices(["nchw", "nhwc"]))
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
    .argument("<data...>", "data files, as `lacec label` writes them (docs/data.md)")
    .option(
      "-o, --output <file>",
      "the heads (default: heads.safetensors), or with --into the new pack (pack.safetensors)",
    )
    .option("--into <pack>", "write a copy of this pack with the heads in it")
    .addOption(
      new Option("--space <name>", "the latent that heads take: w, or z, which truncation does not touch")
        .choices(["w", "z"])
        .default("w"),
    )
    .option("--attributes <a,b,...>", "train these only", names)
    .option(
      "--hidden <n,n,...>",
      "widths of the hidden layers, or none for linear heads (default: three, evenly from the latent's to 128; linear heads are fitted beside them, and the better is kept for each attribute)",
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

  lacec
    .command("eval")
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

  lacec
    .command("verify")
    .description("run a script again and compare with the hashes in its run.json; nothing is written")
    .argument("<script>", "a .lace file")
    .option("-o, --out <dir>", "folder that its outputs went to", ".")
    .option("--record <file>", "the run.json to compare with (default: where the script's outputs go)")
    .option("--engine <name>", "another engine than the recorded one")
    .option("-q, --quiet", "no progress")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample: lacec verify examples/portraits.lace")
    .action(verb(async () => (await import("./verify.js")).verifyCommand));

  lacec
    .command("diff")
    .description(
      "say what changed in meaning: in a script since its last commit, between two git revisions, or two scripts",
    )
    .argument("<what...>", "FILE, REVISION FILE, REVISION REVISION FILE, or A.lace B.lace")
    .option("--images <file>", "write a sheet of pictures before and after")
    .option("--engine <name>", "for --images, as for run", "auto")
    .option("--exit-code", "exit with 1 if there is a difference")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples: lacec diff portraits.lace\n          lacec diff HEAD~3 portraits.lace --images sheet.png\n          lacec diff old.lace new.lace",
    )
    .action(verb(async () => (await import("./diff.js")).diffCommand));

  lacec
    .command("lock")
    .description("bring lace.lock up to date: the hashes of all that scripts depend on")
    .argument("<script...>", ".lace files or patterns")
    .option("--check", "change nothing; fail if it would change")
    .addHelpText("after", "\nExample: lacec lock 'examples/*.lace'")
    .action(verb(async () => (await import("./lock.js")).lockCommand));

  lacec
    .command("cache")
    .description("say how much .lace/ holds; clean empties it")
    .argument("[action]", "clean")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample: lacec cache clean")
    .action(verb(async () => (await import("./cache.js")).cacheCommand));

  lacec
    .command("doctor")
    .description("list the engines of this machine, why each is or is not usable, and how fast they are")
    .option("--json", "print JSON")
    .option("--no-speed", "leave out the speed test")
    .action(verb(async () => (await import("./doctor.js")).doctorCommand));

  lacec
    .command("lsp")
    .description("serve an editor: diagnostics, completion and the like, over standard input and output")
    .option("--stdio", "over standard input and output, which is the only way")
    .addOption(new Option("--run", "run one script for a server that asks over a channel").hideHelp())
    .addHelpText("after", "\nEditors start it: docs/editor.md says how each is told.")
    .action(verb(async () => (await import("./lsp.js")).lspVerb));

  lacec
    .command("studio")
    .description("edit and run the scripts of a folder in a browser, on this machine alone")
    .argument("[folder]", "folder of scripts (default: the working folder)")
    .option("--port <n>", "port of the address (default: a free one)", wholeNumber(1))
    .option("--export <dir>", "write the studio as a static site instead, for any host of files")
    .addHelpText("after", "\nExample: lacec studio examples")
    .action(verb(async () => (await import("./studio.js")).studioCommand));

  lacec
    .command("explain")
    .description("explain a code such as L2001")
    .argument("<code>", "the code of an error or warning")
    .action(verb(async () => (await import("./explain.js")).explainCommand));

  addProgramCommands(lacec, verb);
  return lacec;
}

try {
  const lacec = program();
  if (process.argv.length <= 2) {
    lacec.outputHelp();
    await leave(EXIT.script);
  }
  await lacec.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) await leave(error.exitCode === 0 ? EXIT.done : EXIT.script);
  await leave(reportThrown(error, io));
}
