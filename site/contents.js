// What the site is made of: the pages of docs/ and of the root, in groups, in reading order.
// Invariant: every page of docs/ stands here once; the build says which one does not.

/** Groups of the menu. `pages` are files from the root of the repository; titles are their first headings, or what is said here. */
export const GROUPS = [
  {
    title: "Start",
    pages: ["docs/tutorial.md", "docs/install.md", "docs/studio.md", "docs/editor.md", "docs/commands.md"],
  },
  { title: "Reference", pages: ["docs/language.md", "docs/gallery.md", "docs/errors.md", "docs/run-json.md"] },
  {
    title: "How to",
    pages: [
      "docs/how-to.md",
      "docs/models.md",
      "docs/model-card.md",
      "docs/your-own-attributes.md",
      "docs/labellers.md",
      "docs/pictures.md",
      "docs/before-a-run.md",
      "docs/reproducibility.md",
      "docs/version-control.md",
      "docs/many-machines.md",
      "docs/engines.md",
      "docs/library.md",
    ],
  },
  {
    title: "Figures",
    pages: ["docs/results.md", "docs/results-paper.md", "docs/eval.md", "docs/performance.md", "docs/solvers.md"],
  },
  { title: "Files and safety", pages: ["docs/packs.md", "docs/data.md", "docs/security.md", "docs/releases.md"] },
  {
    title: "The code",
    pages: ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions/README.md", "training/README.md", "CHANGELOG.md"],
  },
];

/** Folders whose pages are reached from a page of the menu, and stand in no group. */
export const UNDER = ["docs/decisions/", "docs/editors/"];

/** The address of a page or file of the repository in the site, from the site's root. Pages of docs/ lie at the root. */
export function addressOf(file) {
  return file
    .replace(/^docs\//, "")
    .replace(/(^|\/)README\.md$/, "$1index.md")
    .replace(/\.md$/, ".html");
}
