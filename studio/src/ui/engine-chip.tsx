// What scripts run on, why, and what else they could: under the dot at the top.
import {
  BROWSER_ENGINES,
  engineChoice,
  hasMachine,
  MACHINE_ENGINES,
  choiceOf,
  type EngineChoice,
} from "../state/engine-choice.js";
import { engine } from "../state/runs.js";
import type { Studio } from "./app.js";

export function EngineChip({ studio }: { readonly studio: Studio }) {
  const { state, description, name, why } = engine.value;
  const { place } = engineChoice.value;
  const short = name === "" ? description : place === "machine" ? name : name.replace("tfjs-", "");
  return (
    <details class="chip" data-state={state}>
      <summary>
        <span class="dot" aria-hidden="true" /> {short}
      </summary>
      <div class="popover">
        <p>{description}</p>
        {why.map((w) => (
          <p key={w} class="faint">
            {w}
          </p>
        ))}
        <label class="engine-choice">
          Run in
          <select
            value={`${place} ${engineChoice.value.engine}`}
            onChange={({ currentTarget }) => {
              const choice = choiceOf(currentTarget.value);
              if (choice !== undefined) studio.choose(choice);
            }}
          >
            {hasMachine.value && <Group label="lacec on this machine" choices={ofMachine} />}
            <Group label="this browser" choices={ofBrowser} />
          </select>
        </label>
        <p class="faint">
          {place === "machine"
            ? "Computed by lacec on this machine, with the bytes of the command line; nothing leaves your machine."
            : "Everything is computed in this browser; nothing leaves your machine."}
        </p>
      </div>
    </details>
  );
}

interface Choice {
  readonly choice: EngineChoice;
  readonly words: string;
}

const ofBrowser: readonly Choice[] = Object.entries(BROWSER_ENGINES).flatMap(([name, words]) => {
  const choice = choiceOf(`browser ${name}`);
  return choice === undefined ? [] : [{ choice, words }];
});
const ofMachine: readonly Choice[] = MACHINE_ENGINES.map((name) => ({
  choice: { place: "machine", engine: name },
  words: name === "auto" ? "the best of this machine" : name,
}));

function Group({ label, choices }: { readonly label: string; readonly choices: readonly Choice[] }) {
  return (
    <optgroup label={label}>
      {choices.map(({ choice: { place, engine: name }, words }) => (
        <option key={`${place} ${name}`} value={`${place} ${name}`}>
          {words}
        </option>
      ))}
    </optgroup>
  );
}
