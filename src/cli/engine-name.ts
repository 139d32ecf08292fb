// The value of --engine.
import { ENGINE_NAMES, type EngineName } from "../runtime/engine/engine.js";
import type { Io } from "./io.js";

/** The engine of that name; undefined, with a message, if there is none. */
export function engineName(text: string, io: Io): EngineName | "auto" | undefined {
  const known = ["auto" as const, ...ENGINE_NAMES].find((name) => name === text);
  if (known === undefined) io.err(`error: there is no engine ${text}; there are auto, ${ENGINE_NAMES.join(", ")}\n`);
  return known;
}
