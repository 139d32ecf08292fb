// The defaults of settings and options, asked of the compiler: a script that says nothing is checked, and what it means is read.
// In: nothing. Out: defaults by kind of task, sampler and form of save. Invariants: no default is written down here.
import { analyse } from "../compiler/analyse.js";
import type { ModelInfo } from "../compiler/attribute.js";
import type { CheckedTask } from "../compiler/check/checked.js";
import { SAMPLERS, SAVE_FORMS, SETTINGS, WORDS, type TaskForm } from "../compiler/check/vocabulary.js";
import { link } from "../compiler/link.js";

export interface Defaults {
  readonly settings: Readonly<Record<TaskForm, ReadonlyMap<string, string>>>;
  /** By `OF.OPTION`, as `ode.rtol` and `animation.fps`. */
  readonly options: ReadonlyMap<string, string>;
}

const MODEL: ModelInfo = {
  name: "m",
  zDim: 8,
  wDim: 8,
  numWs: 4,
  resolution: 8,
  attributes: [{ name: "x", type: "binary", classes: ["no", "yes"], temperature: 1 }],
  layerGroups: {},
};

const SAMPLES = Object.keys(SAMPLERS).map((m) => `sample with_${m} from m { where x  sampler ${m} }`);
const FORMS = Object.keys(SAVE_FORMS).map((f) => `save ${f === "paste" ? "p" : "t"} to "${f}.webp" as ${f}`);
const SCRIPT = [
  "lace 1",
  'model m from "m"',
  ...["sample s from m { where x }", "traverse t from m { where x  between seed 0 and seed 1 }"],
  ...[
    "sweep w over v in {1} from m { where v * x }",
    "sweep u over v in {1} of s { where v * x }",
    "edit o of s { step x }",
    "edit f from m { step x }",
    'photo p from "p.png" in m { }',
  ],
  ...SAMPLES,
  ...FORMS,
].join("\n");

/** The compiler's defaults. What it does not say is not there. */
export async function compilerDefaults(): Promise<Defaults> {
  const { value } = await link("defaults.lace", {
    readText: () => Promise.resolve(SCRIPT),
    exists: () => Promise.resolve(true),
    resolve: (_, reference) => reference,
  });
  const checked = value && analyse(value, new Map([["m", MODEL]])).checked;
  const tasks = checked?.tasks ?? [];
  const named = (name: string): CheckedTask | undefined => tasks.find((t) => t.name === name);
  const options = new Map<string, string>();
  for (const method of Object.keys(SAMPLERS))
    note(
      options,
      `${method}.`,
      named(`with_${method}`)?.sampler ?? {},
      Object.keys(SAMPLERS[method as keyof typeof SAMPLERS]),
    );
  // The plan calls the controller by a longer name.
  const sampler = named("with_ode")?.sampler;
  if (sampler?.kind === "ode") options.set("ode.controller", sampler.stepControl);
  for (const save of checked?.saves ?? [])
    note(
      options,
      `${save.form.kind}.`,
      save.form,
      save.form.kind === "each" ? [] : Object.keys(SAVE_FORMS[save.form.kind]),
    );
  options.set("grid.marks", SAVE_FORMS.grid.marks[0]);
  for (const { form } of checked?.saves ?? [])
    if (form.kind === "each" && form.paste !== undefined)
      note(options, "paste.", form.paste, Object.keys(SAVE_FORMS.paste));
  const of = (form: TaskForm, name: string): ReadonlyMap<string, string> => {
    const task = named(name);
    const found = new Map<string, string>();
    if (task === undefined) return found;
    note(found, "", task, SETTINGS[form]);
    if (task.kind === "edit") note(found, "", task.source, SETTINGS[form]);
    if (task.kind === "sample" && task.start?.kind === "photo") {
      note(found, "", task.start, SETTINGS[form]);
      found.set("noise", task.noise);
      return found;
    }
    found.set("sampler", task.sampler.kind);
    for (const [key, [first]] of Object.entries(WORDS))
      if ((SETTINGS[form] as readonly string[]).includes(key)) found.set(key, found.get(key) ?? first);
    return found;
  };
  return {
    settings: {
      sample: of("sample", "s"),
      traverse: of("traverse", "t"),
      sweep: of("sweep", "w"),
      "sweep of": of("sweep of", "u"),
      photo: of("photo", "p"),
      "edit of": of("edit of", "o"),
      "edit from": of("edit from", "f"),
    },
    options,
  };
}

/** The values of some keys that are numbers or words. */
function note(into: Map<string, string>, prefix: string, from: object, keys: readonly string[]): void {
  for (const key of keys) {
    const value = (from as Readonly<Record<string, unknown>>)[key];
    if (typeof value === "number" || typeof value === "string") into.set(prefix + key, String(value));
  }
}
