// The inputs of the script as sliders, switches, menus and fields; the script itself stays as it is.
import { computed } from "@preact/signals";
import { change, project } from "../state/project.js";
import { inputFields } from "../state/analysis.js";
import type { InputField } from "../state/inputs.js";

const changed = computed(() => Object.keys(project.value.inputs).length > 0);

function set(name: string, value: number | string | undefined, own: number | string): void {
  const others = Object.fromEntries(Object.entries(project.value.inputs).filter(([other]) => other !== name));
  change({ inputs: value === undefined || value === own ? others : { ...others, [name]: value } });
}

export function Inputs() {
  return (
    <>
      <Overrides />
      <Fields />
    </>
  );
}

/** What the recipe of a picture was drawn with in place of the script's own. */
function Overrides() {
  const { seed, count } = project.value.overrides ?? {};
  if (seed === undefined && count === undefined) return null;
  const words = [...(seed === undefined ? [] : [`seed ${seed}`]), ...(count === undefined ? [] : [`count ${count}`])];
  return (
    <p class="overrides">
      Drawn with {words.join(", ")}, as the picture was.{" "}
      <button type="button" class="link" onClick={() => change({ overrides: {} })}>
        as in the script
      </button>
    </p>
  );
}

function Fields() {
  if (inputFields.value.length === 0) return null;
  return (
    <form class="inputs" aria-label="Inputs" onSubmit={(event) => event.preventDefault()}>
      {inputFields.value.map((field) => (
        <Field key={field.name} field={field} />
      ))}
      {changed.value && (
        <button type="button" class="link" onClick={() => change({ inputs: {} })}>
          as in the script
        </button>
      )}
    </form>
  );
}

function Field({ field }: { readonly field: InputField }) {
  const { name, value: own } = field;
  const value = project.value.inputs[name] ?? own;
  return (
    <label class="field" data-changed={value !== own}>
      <span>{name}</span>
      <Control field={field} value={value} />
    </label>
  );
}

function Control({ field, value }: { readonly field: InputField; readonly value: number | string }) {
  const { name, form, value: own } = field;
  const put = (next: number | string): void => {
    if (typeof next === "string" || Number.isFinite(next)) set(name, next, own);
  };
  switch (form.kind) {
    case "slider":
      return (
        <span class="slider">
          <input
            type="range"
            {...{ min: form.min, max: form.max, step: form.step, value }}
            onInput={({ currentTarget }) => put(currentTarget.valueAsNumber)}
          />
          <output>{value}</output>
        </span>
      );
    case "switch":
      return (
        <input
          type="checkbox"
          role="switch"
          checked={value === 1}
          onChange={({ currentTarget }) => put(currentTarget.checked ? 1 : 0)}
        />
      );
    case "menu":
      return (
        <select
          value={String(value)}
          onChange={({ currentTarget }) =>
            put(typeof own === "number" ? Number(currentTarget.value) : currentTarget.value)
          }
        >
          {form.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      );
    case "whole":
      return (
        <span class="whole">
          <input
            type="number"
            {...{ min: 0, step: 1, value }}
            onChange={({ currentTarget }) => put(Math.max(0, Math.round(currentTarget.valueAsNumber)))}
          />
          <button
            type="button"
            class="icon"
            title="another one"
            aria-label={`Another ${name}`}
            onClick={() => put(Math.floor(Math.random() * 10_000))}
          >
            ↻
          </button>
        </span>
      );
    case "number":
      return (
        <input
          type="number"
          {...{ step: "any", value }}
          onChange={({ currentTarget }) => put(currentTarget.valueAsNumber)}
        />
      );
    case "text":
      return <input type="text" value={value} onChange={({ currentTarget }) => put(currentTarget.value)} />;
  }
}
