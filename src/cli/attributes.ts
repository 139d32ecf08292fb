// lacec attributes: what can be asked of a model, and how frequent each value is.
import { attributes, type AttributeFacts, type AttributesOptions } from "../app/attributes.js";
import { engineChoice } from "../app/verb.js";
import { oneLine } from "../source/foreign-text.js";
import { command, type Flags } from "./command.js";
import { attributeTypeText, validationText } from "./describe.js";
import { EXIT } from "./exit.js";

interface AttributesFlags extends Flags, Pick<AttributesOptions, "truncation" | "heads"> {
  readonly engine: string;
}

/** `lacec attributes MODEL` */
export const attributesCommand = command(
  {},
  async ({ io, platform, watch }, model: string, options: AttributesFlags) => {
    const { truncation, heads = [] } = options;
    const cache = platform.openCache();
    try {
      const found = await attributes(platform, model, {
        ...watch,
        heads,
        ...(truncation !== undefined && { truncation }),
        engine: engineChoice(options.engine),
        cache,
      });
      if (options.json === true) {
        io.out(`${JSON.stringify(found, null, 2)}\n`);
        return EXIT.done;
      }
      const rows = found.attributes.map((a) => [a.name, attributeTypeText(a), worthText(a), frequencyText(a)]);
      const widths = [0, 1, 2].map((k) => Math.max(0, ...rows.map((row) => row[k]?.length ?? 0)));
      for (const row of rows)
        io.out(
          `${oneLine(
            row
              .map((cell, k) => cell.padEnd(widths[k] ?? 0))
              .join("  ")
              .trimEnd(),
          )}\n`,
        );
      const samples = found.samples.toLocaleString("en-US");
      if (rows.length === 0) io.err(`${model} has no attributes: lacec label and lacec train make some\n`);
      else io.err(`among ${samples} unconditional samples at truncation ${found.truncation}, by the heads\n`);
      return EXIT.done;
    } finally {
      await cache.close();
    }
  },
);

/** What a head is worth, where the pack says it. */
function worthText({ validation }: AttributeFacts): string {
  return validation === undefined ? "" : validationText(validation);
}

function frequencyText({ shares, quantiles, ...row }: AttributeFacts): string {
  if (quantiles !== null) return `${quantiles.map((q) => q.toFixed(2)).join(" .. ")} (5%, half, 95%)`;
  if (row.type === "scalar" || shares === null) return "";
  const percent = (share: number): string => (share > 0 && share < 0.01 ? "below 1%" : `${Math.round(100 * share)}%`);
  if (row.type === "binary") return percent(shares[1] ?? 0);
  return row.classes.map((name, k) => `${name} ${percent(shares[k] ?? 0)}`).join(", ");
}
