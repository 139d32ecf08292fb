// What a sheet may have beside its images, and which results go on it.
import { describe, expect, test } from "vitest";
import type { Save } from "../../src/compiler/plan.js";
import { blocksOf } from "../../src/runtime/plan/sheet.js";
import { mistakesOf, planOf } from "./support.js";

const TASKS = `sample faces from avatar { where glasses  count 3  seed 7 }
sweep words over c in {black, red}, e in {smile, not smile} from avatar { where hair is c and e  count 2 }
edit change of faces[0..1] { step smile  step hair is red }
traverse walk from avatar { where hat  between seed 1 and seed 2  frames 4 }
`;
const formOf = async (save: string): Promise<Save["form"]> => {
  const { saves } = await planOf(`${TASKS}${save}\nsave faces, words, change, walk to "all.png" as grid`);
  return saves[0]!.form;
};

describe("options of sheets", () => {
  test("are in the plan where a script gives them, and only there", async () => {
    expect(await formOf('save faces to "a.png" as grid')).toEqual({ kind: "grid" });
    expect(
      await formOf('save faces to "a.png" as grid { columns 2  labels on  gap 4  marks on  caption "hello" }'),
    ).toEqual({ kind: "grid", columns: 2, marks: true, labels: true, gap: 4, caption: "hello" });
    expect(await formOf('save walk to "a.png" as strip { labels off  gap 0 }')).toEqual({
      kind: "strip",
      labels: false,
      gap: 0,
    });
  });

  test("a caption has the task's name and seed, and inputs, in its placeholders or alone", async () => {
    const head = 'input title: text = "Zoë"\ninput n: number = 3\n';
    const caption = async (text: string): Promise<unknown> => {
      const { saves } = await planOf(`${TASKS}${head}save faces to "{title}{n}.png" as grid { caption ${text} }
save words, change, walk to "all.png" as grid`);
      return (saves[0]!.form as { caption?: string }).caption;
    };
    expect(await caption('"{name} of {seed}, {title}, {n}"')).toBe("faces of 7, Zoë, 3");
    expect(await caption("title")).toBe("Zoë");
  });

  test("mistakes say what is wanted", async () => {
    const said = async (options: string): Promise<string[]> =>
      mistakesOf(
        `sample a from avatar { where hat }\nsample b from avatar { where hat }\nsave a, b to "a.png" as grid { ${options} }`,
      );
    expect(await said("labels maybe")).toEqual(["L2010 `labels` of `as grid` has no choice `maybe`"]);
    expect(await said("gap 0.5")).toEqual(["L2004 `gap` must be a whole number from 0 to 256, and this is 0.5"]);
    expect(await said("gap -1")).toEqual(["L2004 `gap` must be a whole number from 0 to 256, and this is -1"]);
    expect(await said("caption 3")).toEqual(["L2003 `caption` takes a text"]);
    expect(await said("caption hat")).toEqual(["L2003 `caption` takes a text"]);
    expect(await said('caption "{seed}"')).toEqual(["L2019 `{seed}` has no meaning in this caption"]);
    expect(await said(`caption "${"x".repeat(1001)}"`)).toEqual([
      "L2004 a caption has at most 1000 characters, and this has 1001",
    ]);
    expect(await said('columns "4"')).toEqual(["L2003 `columns` takes a number, and this is a text"]);
  });
});

describe("labels", () => {
  const labelsOf = async (save: string) => {
    const { saves, tasks } = await planOf(`${TASKS}${save}\nsave faces, words, change, walk to "all.png" as grid`);
    const { form, tasks: shown } = saves[0]!;
    if (form.kind !== "grid" && form.kind !== "strip") throw new Error("not a sheet");
    return blocksOf(
      shown.map((at) => tasks[at]!),
      form,
    );
  };
  test("of a sweep name the values of categories and energies", async () => {
    const [block] = await labelsOf('save words to "a.png" as grid');
    expect(block!.options).toEqual({
      columns: 2,
      columnLabels: ["smile", "not smile"],
      rowLabels: ["black", "red", "black", "red"],
    });
    const [off] = await labelsOf('save words to "a.png" as grid { labels off }');
    expect(off!.options).toEqual({ columns: 2 });
  });

  test("are on each image where `labels on` finds no rows and columns to label", async () => {
    const [words] = await labelsOf('save words to "a.png" as grid { columns 4  labels on }');
    expect(words!.options.cellLabels).toEqual(
      [0, 1].flatMap((row) =>
        ["black, smile", "black, not smile", "red, smile", "red, not smile"].map((v) => `${row}: ${v}`),
      ),
    );
    for (const [task, labels] of [
      ["faces", ["0", "1", "2"]],
      ["change", ["0", "1"]],
      ["walk", ["0", "1", "2", "3"]],
    ] as const)
      expect((await labelsOf(`save ${task} to "a.png" as grid { labels on  gap 3 }`))[0]!.options).toMatchObject({
        cellLabels: labels,
        padding: 3,
      });
    expect((await labelsOf('save faces to "a.png" as grid'))[0]!.options).toEqual({});
  });

  test("of several results are their names, in the order in which they are named", async () => {
    const blocks = await labelsOf('save change, faces to "a.png" as grid');
    expect(blocks.map((b) => b.title)).toEqual(["change", "faces"]);
    expect((await labelsOf('save change, faces to "a.png" as grid { labels off }')).map((b) => b.title)).toEqual([
      undefined,
      undefined,
    ]);
  });
});
