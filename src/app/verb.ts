// What the verbs have in common: how they are watched and stopped, and the mistake of whoever calls one.
import type { OnEvent } from "../ports/events.js";
import { ENGINE_NAMES, STEPPING, type EngineName, type SteppingPlace } from "../runtime/services/engine.js";

/** What every verb takes that works for more than a moment. */
export interface VerbOptions {
  /** Told of phases and progress. */
  readonly onEvent?: OnEvent | undefined;
  /** Stops the work between two pieces of it; the verb then throws a LaceError L4106. */
  readonly signal?: AbortSignal | undefined;
}

/** An engine by name, or the best of the machine; with where its samplers are to step, other than it would choose: `onnx-webgpu:host`. */
export type EngineChoice = EngineName | "auto" | `${EngineName | "auto"}:${SteppingPlace}`;

/** A request that makes no sense, whatever the machine and the script: options that contradict each other, a name that is none. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The engine of that name. Errors: UsageError if there is none. */
export function engineChoice(text: string): EngineChoice {
  const names = ["auto" as const, ...ENGINE_NAMES];
  const choices = names.flatMap((name) => [name, ...STEPPING.map((place) => `${name}:${place}` as const)]);
  const known = choices.find((choice) => choice === text);
  if (known !== undefined) return known;
  const hint = text.includes(":") ? ", each also with :host or :device" : "";
  throw new UsageError(`there is no engine ${text}; there are auto, ${ENGINE_NAMES.join(", ")}${hint}`);
}
