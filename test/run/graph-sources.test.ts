import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { compileWhole } from "../../src/app/compile-script.js";
import { compileTask, graphsOf, type ProgramGraph } from "../../src/compiler/build/compile-task.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import type { Model } from "../../src/models/model.js";
import { loadPack } from "../../src/models/pack/pack.js";
import { nodeHost } from "../../src/node/host.js";

/** Bodies of tasks: each differs from the first in one thing. */
const BODIES = [
  "sample a from avatar { where glasses\n count 3\n seed 5 }",
  "sample b from avatar {\n\n where glasses\n count 7\n seed 6 }",
  "sample a from avatar { where not glasses\n count 3\n seed 5 }",
  "sample a from avatar { where smile\n count 3\n seed 5 }",
  "sample a from avatar { where skin is 0.3\n count 3\n seed 5 }",
  "sample a from avatar { where skin is 0.4\n count 3\n seed 5 }",
  "sample a from avatar { where glasses\n logic lace\n count 3\n seed 5 }",
  "sample a from avatar { where glasses\n truncation 0.5\n count 3\n seed 5 }",
  "sample a from avatar { where glasses\n truncation 0.5\n cutoff 4\n count 3\n seed 5 }",
  "sample a from avatar { where glasses\n noise none\n count 3\n seed 5 }",
  "sweep a over s in {0.1, 0.5} from avatar { where skin is s\n count 3\n seed 5 }",
  "sweep a over s in {0.1, 0.7} from avatar { where skin is s\n count 3\n seed 5 }",
  "sweep a over s in {0.1, 0.7, 0.9} from avatar { where skin is s\n count 3\n seed 5\n keep latent 0.1, attributes 0.1 }",
];

/** All that a graph is. */
function hashOf({ nodes, inputs, outputs }: Graph): string {
  const hash = createHash("sha256");
  for (const { op, inputs: operands, shape } of nodes) {
    if (op.kind !== "constant") hash.update(JSON.stringify([op, operands, shape]));
    else hash.update(new Uint8Array(op.data.buffer, op.data.byteOffset, op.data.byteLength)).update(String(shape));
  }
  return hash.update(JSON.stringify([inputs, outputs])).digest("hex");
}

describe("sources of graphs", () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadPack(nodeHost(), "builtin:avatar");
  });

  test("graphs of equal sources are equal, and what differs between tasks is of another source", async () => {
    const found: { readonly graph: ProgramGraph; readonly body: string }[] = [];
    for (const body of BODIES) {
      const text = `lace 1\nmodel avatar from "builtin:avatar"\nattribute glasses: binary\nattribute smile: binary\nattribute skin: scalar in 0..1\n${body}\n`;
      const node = nodeHost();
      const host = {
        ...node,
        exists: () => Promise.resolve(true),
        readText: () => Promise.resolve(text),
        readBytes: (path: string) =>
          path.endsWith("a.lace") ? Promise.resolve(new TextEncoder().encode(text)) : node.readBytes(path),
      };
      const { plan } = await compileWhole("a.lace", host, { inputs: new Map() });
      for (const task of plan.tasks)
        for (const graph of graphsOf(compileTask(task, model, { rows: 16, layout: "nhwc" }), 1))
          found.push({ graph, body });
    }
    const bySource = new Map<string, { readonly hash: string; readonly bodies: string[] }>();
    for (const { graph, body } of found) {
      const { source } = graph;
      if (source === undefined) throw new Error(`${graph.name} has no source`);
      expect([model.weights, model.synthesis]).toContain(source.of);
      const hash = hashOf(graph.compiled());
      const known = bySource.get(source.key);
      if (known === undefined) bySource.set(source.key, { hash, bodies: [body] });
      else {
        expect(hash, `${graph.name} of ${body}`).toBe(known.hash);
        known.bodies.push(body);
      }
    }
    // Seed, count, name and place make no other gradient.
    const gradients = [...bySource.entries()].filter(([key]) => key.startsWith('["gradient"'));
    expect(gradients.find(([, { bodies }]) => bodies.includes(BODIES[0]!))?.[1].bodies).toContain(BODIES[1]);
    // Nor do the values of a sweep's axis, which are inputs.
    expect(gradients.find(([, { bodies }]) => bodies.includes(BODIES[10]!))?.[1].bodies).toContain(BODIES[11]);
    expect(gradients.length).toBeGreaterThanOrEqual(8);
  });
});
