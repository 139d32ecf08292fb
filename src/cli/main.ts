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
import { addGitCommands } from "./git-commands.js";
import { addModelCommands } from "./model-commands.js";
import { ABOUT_QUEUE, ABOUT_STORE, addProject, QUEUE, ROWS, STORE } from "./meeting-options.js";
import { CLIP_MODEL, FIND_FACES, LABELLER, PROMPTS } from "./labeller-options.js";
import { atLeastZero, file, setting, shard, wholeNumber } from "./option-values.js";

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
      "auto, onnx-cpu, onnx-webgpu, tfjs-gpu, tfjs-node, tfjs-webgpu, tfjs-wasm or tfjs-cpu; with :host or :device to step there",
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
    .addOption(new Option("--sarif", "print diagnostics as a SARIF 2.1.0 log").conflicts("json"))
    .addHelpText("after", "\nExample: lacec check 'recipes/*.lace' --sarif > lacec.sarif")
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
    .option("--print <stage>", "ast, checked, energy, graph, optimized, jacobian, step, onnx or dot")
    .option("--emit <target>", "onnx: a graph as an ONNX model, the gradient if --graph does not say another")
    .option("-o, --output <file>", "where --emit writes")
    .option("--task <name>", "one task of the script (default: all)")
    .option(
      "--graph <name>",
      "one graph of a task, such as gradient, gradient-1, readout, synthesis or step (default: all but start and step)",
    )
    .option("--rows <n>", "rows of the graphs (default: as a run has them)", wholeNumber(1, 65_536))
    .option("--engine <name>", "as for run: it says how images lie in memory", "auto")
    .option("--set <name=value>", "set an input of the script (repeatable)", setting)
    .action(verb(async () => (await import("./build.js")).buildCommand));

  const meeting = (made: Command): Command => addProject(made.requiredOption(QUEUE, ABOUT_QUEUE));

  meeting(lacec.command("submit"))
    .description("queue a script's pieces for `lacec worker` on many machines")
    .argument("<script>", "a .lace file")
    .requiredOption(STORE, ABOUT_STORE)
    .addOption(ROWS)
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

  addProject(lacec.command("worker"), "what this worker is")
    .description("draw what is queued, until it is stopped")
    .option(QUEUE, ABOUT_QUEUE)
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
    .option(
      "--shard <k/n>",
      "write the files of the k-th of n parts of the samples, or auto; a collect without it makes the rest",
      shard,
    )
    .option("-q, --quiet", "print errors only")
    .option("--json", "print one JSON document on stdout instead of text")
    .addHelpText("after", "\nExample: lacec collect portraits.lace --store /mnt/shared/lace")
    .action(verb(async () => (await import("./collect.js")).collectCommand));

  addModelCommands(lacec, verb);

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
      "say what changed in meaning: in a script since its last commit, between two git revisions, two scripts or two pictures",
    )
    .argument("<what...>", "FILE, REVISION FILE, REVISION REVISION FILE, A.lace B.lace, or A.png B.png")
    .option("--images <file>", "write a sheet of pictures before and after")
    .option("--engine <name>", "for --images, as for run", "auto")
    .option("--model <name=path>", "of pictures: where a model of their recipes lies (repeatable)", file)
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
    .option("--install", "add onnxruntime-node, the engine with native code, after saying what is run and asking")
    .option("--yes", "with --install: do not ask")
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
    .addOption(new Option("--engine", "run scripts for a studio's server that asks over a channel").hideHelp())
    .addHelpText("after", "\nExample: lacec studio examples")
    .action(verb(async () => (await import("./studio.js")).studioCommand));

  lacec
    .command("explain")
    .description("explain a code such as L2001")
    .argument("<code>", "the code of an error or warning")
    .action(verb(async () => (await import("./explain.js")).explainCommand));

  addGitCommands(lacec, verb);
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
