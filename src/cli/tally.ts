// Histograms of labels on the terminal: one line a class, ten columns of blocks for a scalar.
import { concerns, type Tally } from "../app/label.js";
import type { Io } from "./io.js";

const BAR_WIDTH = 32;
const LEVELS = " ▁▂▃▄▅▆▇█";

/** Lines that show every attribute. */
export function tallyLines(tallies: readonly Tally[], io: Io): string[] {
  const c = io.outColors;
  const lines: string[] = [];
  const width = Math.max(8, ...tallies.map((t) => t.name.length));
  for (const t of tallies) {
    const missing = t.missing === 0 ? "" : c.dim(`  ${t.missing} missing`);
    if (t.type === "scalar") {
      const most = Math.max(1, ...t.bins.map((b) => b.count));
      const blocks = t.bins
        .map((b) => LEVELS[b.count === 0 ? 0 : Math.max(1, Math.round((b.count / most) * 8))])
        .join("");
      const [first, last] = [t.bins[0]?.from ?? 0, t.bins.at(-1)?.to ?? 0];
      const moments = t.mean === null ? "" : `  mean ${t.mean.toFixed(3)}, deviation ${(t.deviation ?? 0).toFixed(3)}`;
      const outside = t.below + t.above === 0 ? "" : c.dim(`  ${t.below} below, ${t.above} above`);
      lines.push(`${c.bold(t.name.padEnd(width))}  ${first} ▕${blocks}▏ ${last}${moments}${outside}${missing}`);
    } else {
      const known = t.classes.reduce((n, k) => n + k.count, 0);
      const names = Math.max(...t.classes.map((k) => k.name.length));
      t.classes.forEach((k, i) => {
        const share = known === 0 ? 0 : k.count / known;
        const bar = "█".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
        const name = i === 0 ? c.bold(t.name.padEnd(width)) : " ".repeat(width);
        const after = i === 0 ? missing : "";
        lines.push(
          `${name}  ${k.name.padEnd(names)} ${bar} ${String(k.count).padStart(6)} ${(100 * share).toFixed(1).padStart(5)}%${after}`,
        );
      });
    }
    for (const concern of concerns(t)) lines.push(`${" ".repeat(width)}  ${c.yellow(concern)}`);
  }
  return lines;
}
