// What the tasks of a run ask of one painter together.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileWhole } from "../../src/app/compile-script.js";
import type { Plan } from "../../src/compiler/plan.js";
import { nodeHost } from "../../src/node/host.js";
import { askedPictures } from "../../src/runtime/run/asked-pictures.js";
import { selectAll, selectImage, selectShard } from "../../src/runtime/plan/selection.js";
import { folderWith } from "../support/lacec.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"
sample few from avatar { where glasses count 4 }
sample many from avatar { where smile count 160 }
sweep hats over h in {hat, not hat} from avatar { where h count 8 }
sample unseen from avatar { where hat count 500 }
sample noisy from avatar { where hat count 70 noise random }
save few to "few/{index}.png"
save many to "many/{index}.png"
save hats to "hats.png" as grid
save noisy to "noisy/{index}.png"
`;

let folder: ReturnType<typeof folderWith>;
let plan: Plan;
beforeAll(async () => {
  folder = folderWith({ "x.lace": SCRIPT });
  ({ plan } = await compileWhole(join(folder.path, "x.lace"), nodeHost()));
});
afterAll(() => folder.remove());

test("pictures of tasks that share a painter are counted together, whichever asks first", () => {
  const all = { plan, request: {}, selection: selectAll(plan) };
  expect(askedPictures(0, 4, all)).toEqual({ most: 160, total: 4 + 160 + 16 });
  expect(askedPictures(1, 160, all)).toEqual({ most: 160, total: 4 + 160 + 16 });
  expect(askedPictures(4, 70, all)).toEqual({ most: 70, total: 70 });
});

test("rows that this run does not show are not counted, nor tasks that nobody saves", () => {
  const shard = selectShard(plan, { number: 1, of: 2 });
  expect(askedPictures(0, 2, { plan, request: {}, selection: shard })).toEqual({ most: 80, total: 2 + 80 });
  const one = selectImage(plan, { save: 0, index: 1 });
  expect(askedPictures(0, 1, { plan, request: {}, selection: one })).toMatchObject({ most: 1 });
});
