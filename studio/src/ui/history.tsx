// Runs of the past: thumbnails, pin, compare two side by side, go back to what was run.
import { useEffect, useState } from "preact/hooks";
import { compare, compared, forgetRun, past, pin, type PastPicture, type PastRun } from "../state/history.js";
import { change } from "../state/project.js";
import type { ComparedProject, Meaning } from "../engine/compare.js";
import { compareMeaning } from "../engine/errand.js";
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
  return (
    <section class="comparison" aria-label="Comparison">
      {[before, after].map((run) => (
        <div key={run.id}>
          <h2>{new Date(run.time).toLocaleTimeString()}</h2>
          <div class="thumbs wide">
            {run.pictures.slice(0, 16).map((picture) => (
              <Thumb key={`${picture.task} ${picture.index} ${picture.part}`} picture={picture} />
            ))}
          </div>
        </div>
      ))}
      <Differences key={`${before.id} ${after.id}`} before={before} after={after} />
    </section>
  );
}

/** What differs in meaning, as `lacec diff` says it; the lines that differ below it. */
function Differences({ before, after }: { readonly before: PastRun; readonly after: PastRun }) {
  const [meaning, setMeaning] = useState<Meaning | undefined>(undefined);
  useEffect(() => {
    const asked = { isWanted: true };
    void compareMeaning({ before: plain(before.project), after: plain(after.project) }).then((found) => {
      if (asked.isWanted) setMeaning(found);
    });
    return () => {
      asked.isWanted = false;
    };
  }, [before, after]);
  const lines = differingLines(before, after);
  return (
    <div class="difference">
      <h2>What differs in meaning</h2>
      <div role="status">
        <MeaningView meaning={meaning} />
      </div>
      {lines.length > 0 && (
        <details>
          <summary>Lines that differ</summary>
          <pre tabIndex={0}>{lines.join("\n")}</pre>
        </details>
      )}
    </div>
  );
}

function plain({ files, entry, inputs }: ComparedProject): ComparedProject {
  return { files, entry, inputs };
}

function MeaningView({ meaning }: { readonly meaning: Meaning | undefined }) {
  if (meaning === undefined) return <p class="faint">The scripts are compared...</p>;
  if (meaning.trouble !== undefined) return <p>They cannot be compared: {meaning.trouble}</p>;
  if (meaning.differences.length === 0) return <p>Nothing: both scripts compute the same.</p>;
  return (
    <dl>
      {meaning.differences.map(({ about, sentences }) => (
        <div key={about}>
          <dt>{about}</dt>
          {sentences.map((sentence) => (
            <dd key={sentence}>{sentence}</dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

/** Lines and inputs that one run has and the other has not. */
function differingLines(before: PastRun, after: PastRun): readonly string[] {
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
