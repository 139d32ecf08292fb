// The first page: what Lace is, its script, its picture, and where to go on. In: README.md, which is the one source. Out: a page like the others.

/** README up to its commands, with the way into the studio, and then ways to go on. */
export function landing(render, readme) {
  const [opening = "", ...rest] = readme.split(/^(?=## )/m);
  const start = rest.find((part) => part.startsWith("## Start\n"));
  const onward = rest.find((part) => part.startsWith("## Go on\n"));
  if (start === undefined || onward === undefined) throw new Error("README.md has no `## Start` and `## Go on`");
  const method = onward.split(/\n\n/).at(-2) ?? "";
  const page = render("README.md", `${opening}${start}## Go on\n\n${WAYS}\n\n${method}\n`);
  return { ...page, title: "Lace", description: "A small language for recipes of images", isLanding: true };
}

const WAYS = `- [The tutorial](docs/tutorial.md): from nothing to recipes of your own in ten minutes.
- [How do I ...](docs/how-to.md): own generators, own attributes, photographs, figures, version control, many machines.
- [The language](docs/language.md), with a picture of everything; [the gallery](docs/gallery.md); [every error](docs/errors.md).
- [The studio](docs/studio.md) in the browser, [the editor](docs/editor.md), [the command line](docs/commands.md), [the library](docs/library.md).
- [Results](docs/results.md), [speed](docs/performance.md), [security](docs/security.md).`;
