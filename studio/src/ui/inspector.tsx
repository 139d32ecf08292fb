// How a picture came about: the path of its solve as a plot, the energy that was followed, the graphs that it was compiled to.
// In: a picture. Out: what the engine finds when it is asked. Invariant: nothing is computed before it is asked for; a run that goes on comes first.
import { useState } from "preact/hooks";
import type { JudgedTerm, PictureInspection } from "../../../src/app/live/messages.js";
import { run, running, type ShownPicture } from "../state/runs.js";
import type { Studio } from "./app.js";
import { EnergyTree, GraphDrawing } from "./drawings.js";

export function Inspector({ picture, studio }: { readonly picture: ShownPicture; readonly studio: Studio }) {
  const [found, setFound] = useState<PictureInspection | string | undefined>(undefined);
  const [isAsked, setAsked] = useState(false);
  const job = run.value?.job;
  if (typeof found === "object") return <Found found={found} terms={picture.terms} />;
  return (
    <div class="inspect">
      <button
        type="button"
        disabled={isAsked || running.value || job === undefined}
        onClick={() => {
          if (job === undefined) return;
          setAsked(true);
          const { task, index, part, attempt } = picture;
          const place = { task, index, part, ...(attempt !== undefined && { attempt }) };
          void studio.engine.inspect(job, place).then((answer) => {
            setFound(answer);
            setAsked(false);
          });
        }}
      >
        {isAsked ? "It is drawn once more..." : "Show its path, energy and graphs"}
      </button>
      {typeof found === "string" && <p role="alert">{found}</p>}
    </div>
  );
}

function Found({
  found: { steps, energy, graphs },
  terms,
}: {
  readonly found: PictureInspection;
  readonly terms: JudgedTerm | undefined;
}) {
  return (
    <div class="inspected">
      <h3>The path of its solve</h3>
      {steps.length === 0 ? (
        <p class="faint">This sampler, or a step on the device of an engine, tells no path.</p>
      ) : (
        <>
          <Plot what="step size" unit="of the flow's time" values={steps.map((s) => s.h)} isLog />
          <Plot what="log p" unit="nats" values={steps.map((s) => s.logp)} />
        </>
      )}
      {energy !== "" && (
        <details>
          <summary>Energy</summary>
          {terms !== undefined && <EnergyTree term={terms} />}
          <pre tabIndex={0}>{energy}</pre>
        </details>
      )}
      <h3>Graphs</h3>
      {graphs.map(({ name, title, nodes, operations, drawn, text }) => (
        <details key={name}>
          <summary>
            {name} <small>{nodes} nodes</small>
          </summary>
          <p class="faint">{title}</p>
          <p class="operations">{operations.map(([operation, count]) => `${operation} ${count}`).join(", ")}</p>
          {drawn.length > 0 && <GraphDrawing name={name} nodes={drawn} />}
          <pre tabIndex={0}>{text}</pre>
        </details>
      ))}
    </div>
  );
}

const WIDTH = 320;
const HEIGHT = 72;
const EDGE = 4;

/** A curve over the accepted steps. */
function Plot({
  what,
  unit,
  values,
  isLog = false,
}: {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly isLog?: boolean;
}) {
  const heights = values.map((v) => (isLog ? Math.log10(Math.abs(v)) : v));
  const shown = heights.filter(Number.isFinite);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const x = (k: number): number => EDGE + ((WIDTH - 2 * EDGE) * k) / Math.max(1, values.length - 1);
  const y = (v: number): number => HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (v - low)) / (high - low || 1);
  const points = heights.flatMap((v, k) => (Number.isFinite(v) ? [`${x(k).toFixed(1)},${y(v).toFixed(1)}`] : []));
  const [first, last] = [shortOf(values[0]), shortOf(values.at(-1))];
  const [least, most] = isLog ? [10 ** low, 10 ** high] : [low, high];
  const range = `${shortOf(least)} to ${shortOf(most)}`;
  return (
    <figure class="plot">
      <figcaption>
        {what} <small>{`${range} ${unit}${isLog ? ", log scale" : ""}, over ${values.length} steps`}</small>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${what} over ${values.length} accepted steps: from ${first} to ${last}, between ${range} ${unit}`}
      >
        <polyline points={points.join(" ")} />
      </svg>
    </figure>
  );
}

function shortOf(value: number | undefined): string {
  return value === undefined ? "none" : String(Number(value.toPrecision(3)));
}
