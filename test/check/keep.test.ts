// `keep` of sweeps and traverses in the plan: what it holds, and where it may stand.
import { expect, test } from "vitest";
import { mistakesOf, planOf } from "./support.js";

test("a sweep holds what none of its cells asks for, of what is declared or else of all", async () => {
  const { tasks, models } = await planOf(
    `sweep w over c in {black, red}, t in 0..1 by 1 from avatar { where hair is c and tilt is t  keep attributes 0.1 }
save w to "w.png" as grid`,
  );
  const [task] = tasks;
  const names = (held: readonly number[]): readonly (string | undefined)[] =>
    held.map((h) => models[0]!.attributes[h]?.name);
  if (task?.kind !== "sweep") throw new Error("not a sweep");
  const { keep } = task;
  expect([keep?.latent, keep?.attributes]).toEqual([0, 0.1]);
  const all = models[0]!.attributes.map((a) => a.name);
  expect(names(keep!.held)).toEqual(all.filter((name) => name !== "hair" && name !== "tilt"));
});

test("a traverse holds the attributes that the script declares", async () => {
  const { tasks, models } = await planOf(
    `attribute glasses: binary
attribute smile: binary
traverse w from avatar { where glasses  between seed 1 and seed 2  keep latent 0.2, attributes 0.1 }
save w to "w.png" as strip`,
  );
  const [task] = tasks;
  if (task?.kind !== "traverse") throw new Error("not a traverse");
  expect(task.keep?.held.map((h) => models[0]!.attributes[h]?.name)).toEqual(["smile"]);
});

test("weights of 0 keep nothing, a sample has no `keep`, and weights are not negative", async () => {
  const sweep = (keep: string): string =>
    `sweep w over t in {0, 1} from avatar { where tilt is t  ${keep} }\nsave w to "w.png" as grid`;
  const { tasks } = await planOf(sweep("keep latent 0"));
  expect("keep" in tasks[0]!).toBe(false);
  expect(await mistakesOf(sweep("keep latent -1"))).toEqual([
    "L2004 `keep latent` must be a number, 0 or more, and this is -1",
  ]);
  expect(await mistakesOf('sample s from avatar { where glasses  keep latent 1 }\nsave s to "s.png"')).toEqual([
    "L2013 `keep` does not belong in a sample",
  ]);
});
