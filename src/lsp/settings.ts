// What a person can set in the editor, under `lace`. Invariants: an editor that answers nothing, or nonsense, means the defaults.

export interface EditorSettings {
  readonly inlayHints: boolean;
  readonly codeLens: boolean;
  /** Folder that runs write to, relative to the script's. */
  readonly output: string;
  readonly engine: string;
}

export const DEFAULT_SETTINGS: EditorSettings = { inlayHints: true, codeLens: true, output: ".", engine: "auto" };

/** Settings as an editor gave them: under `lace`, or bare. */
export function readSettings(given: unknown): EditorSettings {
  const at = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
  const own = at(given, "lace") ?? given;
  const flag = (key: "inlayHints" | "codeLens"): boolean => {
    const value = at(own, key);
    const enabled = at(value, "enabled") ?? at(value, "enable") ?? value;
    return typeof enabled === "boolean" ? enabled : DEFAULT_SETTINGS[key];
  };
  const word = (key: "output" | "engine"): string => {
    const value = at(own, key);
    return typeof value === "string" && value !== "" ? value : DEFAULT_SETTINGS[key];
  };
  return { inlayHints: flag("inlayHints"), codeLens: flag("codeLens"), output: word("output"), engine: word("engine") };
}
