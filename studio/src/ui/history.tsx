// Runs of the past: thumbnails, pin, compare two side by side, go back to what was run.
import { useEffect, useState } from "preact/hooks";
import { compare, compared, forgetRun, past, pin, type PastPicture, type PastRun } from "../state/history.js";
import { change } from "../state/project.js";
import type { Studio } from "./app.js";

export function History({ studio }: { readonly studio: Studio }) {
  const sorted = [...past.value].sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.time - a.time);
  if (sorted.length === 0) return <p class="faint">Runs are kept here, in this browser.</p>;
  const chosen = compared.value.flatMap((id) => past.value.find((r) => r.id === id) ?? []);
  return (
    <>
      {chosen.length === 2 && <Comparison runs={chosen} />}
      <ul class="history">
        {sorted.map((run) => (
          <li key={run.id} data-pinned={run.pinned}>
            <div class="thumbs">
              {run.pictures.slice(0, 6).map((picture) => (
                <Thumb key={`${picture.task} ${picture.index} ${picture.part}`} picture={picture} />
              ))}
            </div>
            <div class="about">
              <strong>{run.project.name}</strong>{" "}
              <small>
                {new Date(run.time).toLocaleString()}, {run.pictures.length} pictures, {run.seconds.toFixed(1)} s
              </small>
              <div class="actions">
                <button type="button" onClick={() => goBack(run)}>
                  Go back
                </button>
                <button type="button" aria-pressed={run.pinned} onClick={() => pin(studio.store, run.id)}>
                  {run.pinned ? "Pinned" : "Pin"}
                </button>
                <button type="button" aria-pressed={compared.value.includes(run.id)} onClick={() => compare(run.id)}>
                  Compare
                </button>
                <button type="button" aria-label="Forget this run" onClick={() => forgetRun(studio.store, run.id)}>
                  ✕
                </button>
              </div>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The scripts of a run take the place of the present ones: a step that can be undone. */
function goBack({ project: { files, entry, active, inputs } }: PastRun): void {
  change({ files, entry, active, inputs });
}

function Thumb({ picture }: { readonly picture: PastPicture }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(picture.png);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [picture.png]);
  const { task, index, label } = picture;
  return url === "" ? null : (
    <img src={url} alt={`${task} ${index}${label === "" ? "" : `, ${label}`}`} loading="lazy" />
  );
}

function Comparison({ runs }: { readonly runs: readonly PastRun[] }) {
  const [before, after] = [...runs].sort((a, b) => a.time - b.time);
  if (before === undefined || after === undefined) return null;
  const lines = differences(before, after);
  return (
    <section class="comparison" aria-label="Comparison">
      {[before, after].map((run) => (
        <div key={run.id}>
          <h3>{new Date(run.time).toLocaleTimeString()}</h3>
          <div class="thumbs wide">
            {run.pictures.slice(0, 16).map((picture) => (
              <Thumb key={`${picture.task} ${picture.index} ${picture.part}`} picture={picture} />
            ))}
          </div>
        </div>
      ))}
      <pre class="difference">{lines.length === 0 ? "the scripts are the same" : lines.join("\n")}</pre>
    </section>
  );
}

/** Lines and inputs that one run has and the other has not. */
function differences(before: PastRun, after: PastRun): readonly string[] {
  const lines = (run: PastRun): readonly string[] => {
    const { files, inputs } = run.project;
    const texts = Object.entries(files).flatMap(([path, text]) =>
      typeof text === "string"
        ? text.split("\n").map((line) => (path === run.project.entry ? line : `${path}: ${line}`))
        : [],
    );
    return [...texts, ...Object.entries(inputs).map(([name, value]) => `--set ${name}=${value}`)];
  };
  const [old, now] = [lines(before), lines(after)];
  const [had, has] = [new Set(old), new Set(now)];
  return [
    ...old.filter((l) => !has.has(l)).map((l) => `- ${l}`),
    ...now.filter((l) => !had.has(l)).map((l) => `+ ${l}`),
  ];
}
