// The bar at the top: the project, examples, run and stop, what it runs on.
import { engine, run, running } from "../state/runs.js";
import { fromExample, project, change } from "../state/project.js";
import { examples } from "../state/examples.js";
import { theme, type Theme } from "../state/theme.js";
import { side, type Studio } from "./app.js";
import { Menu, MenuItem } from "./menu.js";

export function TopBar({ studio }: { readonly studio: Studio }) {
  return (
    <header class="bar">
      <h1 class="brand">
        <img src="./icon.svg" alt="" width="22" height="22" /> <span>Lace</span>
      </h1>
      <input
        class="project-name"
        aria-label="Name of the project"
        value={project.value.name}
        onChange={({ currentTarget }) => change({ name: currentTarget.value.trim() || "untitled" })}
      />
      <Menu label="Examples">
        {examples.map((example, at) => (
          <MenuItem key={example.name} about={example.about} onPick={() => (project.value = fromExample(at))}>
            {example.name}
          </MenuItem>
        ))}
      </Menu>
      <span class="gap" />
      <EngineChip />
      <ThemeButton />
      {running.value ? (
        <button type="button" class="primary stop" onClick={() => studio.stop()}>
          Stop
        </button>
      ) : (
        <button
          type="button"
          class="primary"
          title="Ctrl+Enter"
          onClick={() => {
            studio.run();
            side.value = "pictures";
          }}
        >
          Run
        </button>
      )}
      <Progress />
    </header>
  );
}

function EngineChip() {
  const { state, description, name, why } = engine.value;
  const short = name === "" ? description : name.replace("tfjs-", "");
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
        <p class="faint">Everything is computed in this browser; nothing leaves your machine.</p>
      </div>
    </details>
  );
}

const THEMES: readonly Theme[] = ["system", "light", "dark"];
const SIGNS: Readonly<Record<Theme, string>> = { system: "◐", light: "☀", dark: "☾" };

function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  return (
    <button
      type="button"
      class="icon"
      aria-label={`Theme: ${theme.value}. Change to ${next}`}
      title={`Theme: ${theme.value}`}
      onClick={() => (theme.value = next)}
    >
      {SIGNS[theme.value]}
    </button>
  );
}

function Progress() {
  const now = run.value;
  if (now?.state !== "running") return null;
  const { part } = now.progress;
  return (
    <progress class="progress" aria-label="Progress of the run" {...(part === undefined ? {} : { value: part })} />
  );
}
