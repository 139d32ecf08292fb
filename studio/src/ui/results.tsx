// The pictures' side: what the run is about, its pictures task by task, its expectations, what it said, its files.
import { Dropped } from "./dropped.js";
import { History } from "./history.js";
import { download } from "./download.js";
import { picked } from "./picture-view.js";
import { folderName } from "../state/folder.js";
import type { Studio } from "./app.js";
import { signal } from "@preact/signals";
import { run, type Run, type ShownPicture, type ShownPreview } from "../state/runs.js";
import type { TaskShape } from "../../../src/app/live/messages.js";

type Shown = "pictures" | "history";
const shown = signal<Shown>("pictures");

export function Results({ studio }: { readonly studio: Studio }) {
  const now = run.value;
  return (
    <section class="results-pane" aria-label="Results">
      <div class="tabs" role="tablist" aria-label="Results">
        <ShownTab of="pictures" label="Pictures" />
        <ShownTab of="history" label="History" />
      </div>
      <div class="results" role="tabpanel" tabIndex={0} aria-label={shown.value}>
        {shown.value === "history" ? (
          <History studio={studio} />
        ) : (
          <>
            <Dropped />
            {now === undefined ? <Welcome /> : <RunView run={now} studio={studio} />}
          </>
        )}
      </div>
    </section>
  );
}

function ShownTab({ of, label }: { readonly of: Shown; readonly label: string }) {
  return (
    <button type="button" role="tab" aria-selected={shown.value === of} onClick={() => (shown.value = of)}>
      {label}
    </button>
  );
}

function Welcome() {
  return (
    <div class="welcome">
      <p>
        Press <kbd>Ctrl</kbd> <kbd>Enter</kbd> to run the script.
      </p>
      <p class="faint">The pictures are made on your machine; nothing leaves it.</p>
    </div>
  );
}

function RunView({ run: now, studio }: { readonly run: Run; readonly studio: Studio }) {
  return (
    <>
      <p class="status" role="status" data-state={now.state}>
        {statusOf(now)}
      </p>
      <Said said={now.said} />
      {now.tasks.map((task) => (
        <Task
          key={task.name}
          task={task}
          pictures={now.pictures.filter((p) => p.task === task.name)}
          previews={now.previews.filter((p) => p.task === task.name)}
          run={now}
        />
      ))}
      <Expectations run={now} />
      <Files run={now} studio={studio} />
    </>
  );
}

function statusOf({ state, progress, pictures, seconds }: Run): string {
  const made = `${pictures.length} picture${pictures.length === 1 ? "" : "s"}`;
  switch (state) {
    case "running":
      return progress.text;
    case "done":
      return `${made} in ${seconds.toFixed(1)} s`;
    case "cancelled":
      return `stopped; ${made} stay`;
    case "failed":
      return "the script did not run";
  }
}

function Said({ said }: Pick<Run, "said">) {
  if (said.length === 0) return null;
  return (
    <div class="said">
      {said.map(({ severity, text }, k) => (
        <pre key={k} data-severity={severity}>
          {text}
        </pre>
      ))}
    </div>
  );
}

function Task({
  task,
  pictures,
  previews,
  run: { state },
}: {
  readonly task: TaskShape;
  readonly pictures: readonly ShownPicture[];
  readonly previews: readonly ShownPreview[];
  readonly run: Run;
}) {
  const parts = task.parts + (task.kind === "edit" ? 1 : 0);
  const expected = task.rows * parts;
  const left = expected - pictures.length - previews.length;
  const missing = state === "running" ? Math.max(0, Math.min(left, MOST_PLACES)) : 0;
  const columns = parts > 1 ? parts : undefined;
  return (
    <section class="task" aria-label={task.name}>
      <h2>
        {task.name} <small>{task.kind}</small>
      </h2>
      <ul
        class="pictures"
        {...(columns !== undefined && { style: { "--columns": columns } })}
        data-rows={columns !== undefined}
      >
        {pictures.map((picture) => (
          <li key={`${picture.index} ${picture.part}`}>
            <figure>
              <button type="button" class="picture" onClick={() => (picked.value = picture)}>
                <img src={picture.url} width={picture.width} height={picture.height} alt={nameOf(task, picture)} />
              </button>
              {picture.label !== "" && <figcaption>{picture.label}</figcaption>}
            </figure>
          </li>
        ))}
        {previews.map((small) => (
          <li key={`${small.index} ${small.part}`}>
            <figure>
              <span class="picture small">
                <img src={small.url} alt={`${nameOf(task, small)}, small, until it is there`} />
              </span>
              {small.label !== "" && <figcaption>{small.label}</figcaption>}
            </figure>
          </li>
        ))}
        {Array.from({ length: missing }, (_, k) => (
          <li key={`place ${k}`} class="place" aria-hidden="true" />
        ))}
      </ul>
    </section>
  );
}

function nameOf({ name }: TaskShape, { index, label }: Pick<ShownPicture, "index" | "label">): string {
  return `${name} ${index}${label === "" ? "" : `, ${label}`}`;
}

/** Places that are kept free for pictures that are to come. */
const MOST_PLACES = 64;

function Expectations({ run: { expectations, state } }: { readonly run: Run }) {
  if (expectations.length === 0) return null;
  return (
    <section class="expectations" aria-label="Expectations">
      <h2>Expectations</h2>
      <ul>
        {expectations.map((e) => (
          <li key={`${e.task} ${e.text}`} data-passed={state === "running" ? "yet" : e.passed}>
            <span class="what">
              {e.task}: {e.text}
            </span>
            <meter
              min={0}
              max={1}
              value={e.counted === 0 ? 0 : e.satisfied / e.counted}
              aria-label={`${e.text}: ${e.satisfied} of ${e.counted}, asked for ${Math.round(e.fraction * 100)}%`}
            />
            <span class="count">
              {e.satisfied}/{e.counted} {state === "running" ? "so far" : e.passed ? "✓" : "✗"}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Files({ run: { files }, studio }: { readonly run: Run; readonly studio: Studio }) {
  if (files.length === 0) return null;
  return (
    <section class="files" aria-label="Files">
      <h2>Files</h2>
      <ul>
        {files.map(({ path, blob }) => (
          <li key={path}>
            <button type="button" class="link" onClick={() => download(path, blob)}>
              {path}
            </button>{" "}
            <small>{Math.ceil(blob.size / 1024)} kB</small>
          </li>
        ))}
      </ul>
      {folderName.value !== undefined && (
        <button type="button" onClick={() => studio.writeFiles(files)}>
          Write into {folderName.value}
        </button>
      )}
    </section>
  );
}
