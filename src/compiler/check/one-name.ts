// Which outputs would be one file: paths with placeholders, compared with each other in little time, however many they are.
// In: paths of saves. Out: for each, the first of those before it that may come to the same name; Infinity where there is none.

/** As said above. `{index}` and its like stand for any number. */
export function earlierOfOneName(paths: readonly string[]): readonly number[] {
  // Each with the first that is the same: as text, or but for the names of its placeholders.
  const first = new Map<string, number>();
  const earlier = paths.map((path, i) => {
    const same = first.get(blank(path));
    if (same === undefined) first.set(blank(path), i);
    return same ?? Infinity;
  });
  // And files of a name that a placeholder may come to; templates are looked up by what they begin with.
  const templates = new Map<string, Template[]>();
  for (const [at, path] of paths.entries()) {
    if (!isTemplate(path)) continue;
    const start = path.slice(0, path.indexOf("{"));
    const alike = templates.get(start) ?? [];
    alike.push({ at, parts: path.split(/\{\w+\}/) });
    templates.set(start, alike);
  }
  for (const [i, path] of paths.entries()) {
    if (isTemplate(path)) continue;
    for (let length = 0; length < path.length; length++)
      for (const template of templates.get(path.slice(0, length)) ?? []) {
        if (!mayBe(template, path)) continue;
        const [one, other] = [Math.min(i, template.at), Math.max(i, template.at)];
        earlier[other] = Math.min(earlier[other] ?? Infinity, one);
      }
  }
  return earlier;
}

function isTemplate(path: string): boolean {
  return /\{\w+\}/.test(path);
}

function blank(path: string): string {
  return path.replace(/\{\w+\}/g, "{}");
}

/** Whether a template's path may come to this name: digits in place of each placeholder. Time: length times length, whatever they are. */
function mayBe({ parts }: Template, name: string): boolean {
  const last = parts.at(-1) ?? "";
  if (!name.endsWith(last)) return false;
  // Where what was matched so far may end.
  let ends: ReadonlySet<number> = new Set(name.startsWith(parts[0] ?? "") ? [(parts[0] ?? "").length] : []);
  for (const part of parts.slice(1)) {
    const next = new Set<number>();
    const seen = new Set<number>();
    for (const end of ends)
      for (let at = end; !seen.has(at) && /\d/.test(name.charAt(at)); at++) {
        seen.add(at);
        if (name.startsWith(part, at + 1)) next.add(at + 1 + part.length);
      }
    ends = next;
  }
  return ends.has(name.length);
}

interface Template {
  readonly at: number;
  /** What stands between the placeholders. */
  readonly parts: readonly string[];
}
