// The bar at the top: the project, examples, run and stop, what it runs on.
import { run, running } from "../state/runs.js";
import { fromExample, project, change } from "../state/project.js";
import { examples } from "../state/examples.js";
import { theme, type Theme } from "../state/theme.js";
import { side, type Studio } from "./app.js";
import { folderName } from "../state/folder.js";
import { heldSeconds, live, LIVE_SECONDS } from "../state/live.js";
import { EngineChip } from "./engine-chip.js";
import { Menu, MenuItem } from "./menu.js";
import { Share } from "./share.js";

export function TopBar({ studio }: { readonly studio: Studio }) {
  return (
    <header class="bar" aria-label="Studio">
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
        {folderName.value !== undefined && (
          <p class="faint">An example leaves the folder {folderName.value} as it is.</p>
        )}
        {examples.map((example, at) => (
          <MenuItem key={example.name} about={example.about} onPick={() => openExample(at)}>
            {STUDIO_GALLERY.includes(example.name) && (
              <img class="thumb" src={`./gallery/${example.name}.webp`} alt="" width="44" height="44" loading="lazy" />
            )}
            {example.name}
          </MenuItem>
        ))}
      </Menu>
      <span class="gap" />
      <Share />
      <Live />
      <EngineChip studio={studio} />
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

function openExample(at: number): void {
  if (folderName.value === undefined) project.value = fromExample(at);
  // In a folder an example joins the other scripts; none of its files takes the place of one that is there.
  else {
    const { files: added, entry } = fromExample(at);
    const { files } = project.value;
    change({ files: { ...added, ...files }, entry, active: entry });
  }
}

function Live() {
  return (
    <>
      <label class="live" title={`Run after each change, if a run takes less than about ${LIVE_SECONDS} s`}>
        <input
          type="checkbox"
          checked={live.value}
          onChange={({ currentTarget }) => (live.value = currentTarget.checked)}
        />
        live
      </label>
      <span class="held" role="status">
        {live.value && heldSeconds.value !== undefined && `about ${Math.round(heldSeconds.value)} s: press Run`}
      </span>
    </>
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
