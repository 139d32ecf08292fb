// Drawings of the inspector: the energy as a tree with what the heads say of each term, a graph as the layers that it is computed in.
// In: a picture's terms, a graph's nodes. Out: SVG. Invariant: all that a drawing shows is beside it as text too.
import type { DrawnNode, JudgedTerm } from "../../../src/app/live/messages.js";
import { layered, treePlaces } from "../state/layout.js";

const TERM = { width: 168, height: 34, gap: 28, row: 42 };

/** What was asked, from the whole on the left to its terms on the right. */
export function EnergyTree({ term }: { readonly term: JudgedTerm }) {
  const places = treePlaces(term).map(({ x, y, ...rest }) => ({
    ...rest,
    x: x * (TERM.width + TERM.gap),
    y: y * TERM.row,
  }));
  const width = Math.max(...places.map((p) => p.x)) + TERM.width + 2;
  const height = Math.max(...places.map((p) => p.y)) + TERM.height + 2;
  return (
    <div class="drawing" tabIndex={0} role="group" aria-label="The energy as a tree">
      <svg
        class="tree"
        width={width}
        height={height}
        viewBox={`-1 -1 ${width} ${height}`}
        role="img"
        aria-label={`${places.length} terms; the list below has the same`}
      >
        {places.map(({ x, y, parent }, k) => {
          const from = parent === undefined ? undefined : places[parent];
          if (from === undefined) return null;
          const [x0, y0, y1] = [from.x + TERM.width, from.y + TERM.height / 2, y + TERM.height / 2];
          const middle = (x0 + x) / 2;
          return <path key={k} class="edge" d={`M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x} ${y1}`} />;
        })}
        {places.map(({ x, y, node: { text, logp, verdict, parts, kind } }, k) => (
          <g key={k} data-verdict={verdict} transform={`translate(${x} ${y})`}>
            <title>{text}</title>
            <rect width={TERM.width} height={TERM.height} rx="6" />
            <text x="8" y="14">
              {shortened(parts.length === 0 ? text : `${kind}: ${text}`, 24)}
            </text>
            <text x="8" y="28" class="nats">
              {Number.isFinite(logp) ? `log p ${logp.toFixed(3)}` : "log p -∞"}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

const NODE = { width: 84, height: 20, column: 92, layer: 32 };

/** A graph's operations, from its inputs at the top; constants are left out. */
export function GraphDrawing({ name, nodes }: { readonly name: string; readonly nodes: readonly DrawnNode[] }) {
  const places = layered(nodes.map((n) => n.inputs)).map(({ x, y }) => ({ x: x * NODE.column, y: y * NODE.layer }));
  const width = Math.max(0, ...places.map((p) => p.x)) + NODE.width + 2;
  const height = Math.max(0, ...places.map((p) => p.y)) + NODE.height + 2;
  return (
    <div class="drawing tall" tabIndex={0} role="group" aria-label={`The graph ${name}, drawn`}>
      <svg
        class="graph"
        width={width}
        height={height}
        viewBox={`-1 -1 ${width} ${height}`}
        role="img"
        aria-label={`${nodes.length} operations; the text below has all of them`}
      >
        {nodes.map(({ inputs }, node) =>
          inputs.map((from, k) => {
            const [a, b] = [places[from], places[node]];
            if (a === undefined || b === undefined) return null;
            const [x0, y0, x1, y1] = [a.x + NODE.width / 2, a.y + NODE.height, b.x + NODE.width / 2, b.y];
            const middle = (y0 + y1) / 2;
            return (
              <path key={`${node} ${k}`} class="edge" d={`M${x0} ${y0}C${x0} ${middle} ${x1} ${middle} ${x1} ${y1}`} />
            );
          }),
        )}
        {nodes.map(({ operation, shape, inputs, isOutput }, node) => {
          const at = places[node];
          return at === undefined ? null : (
            <g
              key={node}
              transform={`translate(${at.x} ${at.y})`}
              data-end={isOutput ? "output" : inputs.length === 0 ? "input" : undefined}
            >
              <title>{`${operation} [${shape.join(", ")}]`}</title>
              <rect width={NODE.width} height={NODE.height} rx="4" />
              <text x={NODE.width / 2} y="14" text-anchor="middle">
                {shortened(operation, 12)}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
