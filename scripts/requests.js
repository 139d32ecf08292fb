// What the heads of a pack of the embedded model are worth to a sampler: the requests of training/evaluate.py as a script, counted by the labeller.
// Run: node scripts/requests.js PACK [SEED ...]     (default seeds: 5 6), after npm run build. docs/your-own-attributes.md has figures.
// In: a pack with the avatar's eight attributes and its labeller beside it. Out: a line for each group of requests: mean, least, and which that is.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [pack = "builtin:avatar", ...given] = process.argv.slice(2);
const seeds = given.length > 0 ? given : ["5", "6"];
const COUNT = 32;
const near = (name, value) => `${name} is ${value} +- 0.1`;
const one = [
  ...["glasses", "smile", "beard", "hat"].flatMap((name) => [name, `not ${name}`]),
  ...["black", "brown", "blond", "red", "gray"].map((colour) => `hair is ${colour}`),
  ...["skin", "tilt", "light"].flatMap((name) => [0.2, 0.5, 0.8].map((value) => near(name, value))),
];
const three = [
  "glasses and smile and hair is blond",
  "beard and hat and hair is gray",
  `not smile and hair is black and ${near("skin", 0.8)}`,
  "not glasses and not beard and hat",
  `hair is red and smile and ${near("tilt", 0.2)}`,
  `glasses and ${near("light", 0.8)} and hair is brown`,
  `beard and hair is brown and ${near("light", 0.3)}`,
  `not hat and ${near("skin", 0.2)} and ${near("tilt", 0.7)}`,
];
const groups = { one, three, four: ["glasses and beard and hat and hair is red"] };

const folder = mkdtempSync(join(tmpdir(), "lace-requests-"));
const script = join(folder, "requests.lace");
const reference = pack.startsWith("builtin:") ? pack : resolve(pack);
const sets = Object.entries(groups).flatMap(([group, wishes]) =>
  wishes.map((wish, k) => `sample ${group}_${k} from own { where ${wish}  count ${COUNT}  seed 1  truncation 0.7 }`),
);
writeFileSync(script, `lace 1\nmodel own from ${JSON.stringify(reference)}\n${sets.join("\n")}\n`);
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const found = new Map();
try {
  for (const seed of seeds) {
    const args = [main, "eval", script, "--seed", seed, "--reference", "50", "--json", "-q"];
    const text = execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
    for (const { name, clauses } of JSON.parse(text).evaluation.sets)
      found.set(name, [...(found.get(name) ?? []), clauses.at(-1).labeller.mean]);
  }
} finally {
  rmSync(folder, { recursive: true });
}
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
for (const [group, wishes] of Object.entries(groups)) {
  const all = wishes.map((wish, k) => ({ wish, share: mean(found.get(`${group}_${k}`)) }));
  all.sort((a, b) => a.share - b.share);
  const low = all.slice(0, 3).map(({ wish, share }) => `${wish} ${share.toFixed(3)}`);
  console.log(
    `${group.padEnd(5)}  ${String(wishes.length).padStart(2)} requests, ${COUNT * seeds.length} images each: mean ${mean(all.map((a) => a.share)).toFixed(3)}, least: ${low.join("; ")}`,
  );
}
