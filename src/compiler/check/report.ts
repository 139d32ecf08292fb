// Collects what the checker finds: without repeats, and sorted at the end.
import type { Code } from "../../source/codes.js";
import type { Diagnostic, Fix, Label } from "../../source/diagnostic.js";
import type { Span } from "../../source/span.js";

export interface Extra {
  /** Written under the caret. */
  readonly text?: string;
  readonly related?: readonly Label[];
  readonly hints?: readonly string[];
  readonly fix?: Fix;
}

export class Report {
  private readonly found = new Map<string, Diagnostic>();
  private errors = 0;
  private troubles = 0;

  error(code: Code, span: Span, message: string, extra: Extra = {}): void {
    this.add({ severity: "error", ...diagnostic(code, span, message, extra) });
  }

  warning(code: Code, span: Span, message: string, extra: Extra = {}): void {
    this.add({ severity: "warning", ...diagnostic(code, span, message, extra) });
  }

  /** One mistake is reported once, however often the place is visited (an energy is evaluated at each of its uses). */
  add(d: Diagnostic): void {
    const { file, start, end } = d.at.span;
    const key = [d.code, file, start, end, d.message].join("\u0000");
    if (this.found.has(key)) return;
    this.found.set(key, d);
    if (d.severity === "error") this.errors++;
    if (d.severity === "error" && d.code.startsWith("L5")) this.troubles++;
  }

  addAll(other: Report): void {
    for (const d of other.found.values()) this.add(d);
  }

  get errorCount(): number {
    return this.errors;
  }

  /** Errors but for the trouble of files: what such a file stands for is known from its declaration. */
  get mistakeCount(): number {
    return this.errors - this.troubles;
  }

  sorted(): readonly Diagnostic[] {
    return [...this.found.values()].sort(
      (a, b) =>
        compare(a.at.span.file, b.at.span.file) ||
        a.at.span.start - b.at.span.start ||
        a.at.span.end - b.at.span.end ||
        compare(a.code, b.code),
    );
  }
}

function diagnostic(code: Code, span: Span, message: string, extra: Extra): Omit<Diagnostic, "severity"> {
  const { text = "", related = [], hints = [], fix } = extra;
  return { code, message, at: { span, text }, related, hints, ...(fix !== undefined && { fix }) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
