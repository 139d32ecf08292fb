// The examples of docs/language.md: scripts, whole or without their first lines, each followed by the pictures that it makes.
// In: the page. Out: whole scripts and the paths of their pictures, relative to docs/.

const HEAD = 'lace 1\nmodel avatar from "builtin:avatar"\n';
const EXAMPLE = /^```lace\n(.*?)^```\n((?:\n|!\[[^\]]*\]\([^)]*\) ?)*)/gms;

/** All examples, in order. */
export function examplesOf(page) {
  return [...page.matchAll(EXAMPLE)].map(([, text, after]) => ({
    script: text.startsWith("lace 1") ? text : HEAD + text,
    pictures: [...after.matchAll(/\]\(([^)]*)\)/g)].map(([, path]) => path),
  }));
}
