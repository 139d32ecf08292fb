// The options of `lacec git`: what git calls for pictures that carry recipes.
// In: the program and how a verb is run. Out: their options, in the program.
import type { Command } from "commander";
import type { RunVerb } from "./looking-commands.js";
import { file, repeated } from "./option-values.js";

const MODEL = "--model <name=path>";
const ABOUT_MODEL = "where a model of the recipes lies (repeatable)";

/** Adds `git setup`, `git textconv`, `git diff` and `git merge`. */
export function addGitCommands(lacec: Command, verb: RunVerb): void {
  const git = lacec.command("git").description("let git compare and merge pictures by their recipes");

  git
    .command("setup")
    .description("write .gitattributes here, and the configuration of this clone")
    .option("--pattern <glob>", "files that are compared so (repeatable; default: pictures of every format)", repeated)
    .addHelpText(
      "after",
      "\nExample: lacec git setup --pattern 'out/*.png'\ndocs/version-control.md says what it writes.",
    )
    .action(verb(async () => (await import("./git.js")).gitSetupCommand));

  git
    .command("textconv")
    .description("print what a picture means, as lines")
    .argument("<picture>", "a PNG, WebP, JPEG, AVIF or GIF")
    .option(MODEL, ABOUT_MODEL, file)
    .action(verb(async () => (await import("./git.js")).textconvCommand));

  git
    .command("diff")
    .description("print how two pictures differ in meaning, called as git calls an external diff")
    .argument("<words...>", "PATH OLD-FILE OLD-HEX OLD-MODE NEW-FILE NEW-HEX NEW-MODE")
    .option(MODEL, ABOUT_MODEL, file)
    .action(verb(async () => (await import("./git.js")).pictureDiffCommand));

  git
    .command("merge")
    .description("merge the recipes of two pictures and make the picture again")
    .argument("<base>", "the picture that both came of")
    .argument("<ours>", "one picture; it is written anew")
    .argument("<theirs>", "the other one")
    .option("--path <name>", "how messages call the picture")
    .option(MODEL, ABOUT_MODEL, file)
    .action(verb(async () => (await import("./git.js")).pictureMergeCommand));
}
