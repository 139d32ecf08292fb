// The licences of third parties whose code is bundled: a plugin of rolldown (and of Vite, which is one), for dist/ and for the studio.
// In: the modules of a bundle. Out: a text that names each package, its version and licence, with the licence's own words.
// Invariants: a package that is bundled is in the text, by the modules themselves and not by a list; one that says no licence, or one that is
// not known to be fit for bundling into a package under Apache-2.0, stops the build. The order is that of names, so the text is reproducible.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** SPDX names of licences whose code may be part of this package. */
const FIT = [
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "Unlicense",
  "CC0-1.0",
];
const isFit = (licence) =>
  licence
    .replace(/[()]/g, "")
    .split(" OR ")
    .some((one) => one.split(" AND ").every((l) => FIT.includes(l)));

/** The folder of the package that a module is part of; undefined for modules of our own. */
function packageOf(id) {
  const path = id
    .replace(/^\0/, "")
    .replace(/[?#].*$/, "")
    .replaceAll("\\", "/");
  const match = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
  return match?.[1];
}

function textOf(folder) {
  const pkg = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const licence = typeof pkg.license === "string" ? pkg.license : (pkg.license?.type ?? pkg.licenses?.[0]?.type ?? "");
  if (!isFit(licence)) throw new Error(`${pkg.name} is bundled, and its licence is ${licence || "not said"}`);
  const files = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(name))
    .sort();
  const words = files.map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim());
  return { name: pkg.name, version: pkg.version, licence, words };
}

/**
 * Two plugins: `collect` notes the packages of a bundle (for bundles that are made within another: workers), `write` does so and writes `fileName`
 * beside its own. `also`: folders of packages of which files are copied, not bundled.
 */
export function licences(fileName, also = []) {
  const folders = new Set(also);
  function note(bundle) {
    for (const chunk of Object.values(bundle))
      for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
        const folder = packageOf(id);
        if (folder !== undefined && existsSync(join(folder, "package.json"))) folders.add(folder);
      }
  }
  const collect = { name: "licences-of-workers", generateBundle: (_options, bundle) => note(bundle) };
  const write = {
    name: "licences",
    generateBundle(_options, bundle) {
      note(bundle);
      const found = new Map([...folders].map(textOf).map((one) => [`${one.name} ${one.version}`, one]));
      const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
      const parts = sorted.map(([title, { licence, words }]) => [title, `Licence: ${licence}`, ...words].join("\n\n"));
      const head = "Code of these packages is part of the files beside this one.";
      const line = `\n\n${"-".repeat(80)}\n\n`;
      this.emitFile({ type: "asset", fileName, source: `${[head, ...parts].join(line)}\n` });
    },
  };
  return { collect, write };
}
