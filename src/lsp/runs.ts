// What runs scripts for the editor: a port, since runs need engines and a process of their own. The Node entry has one; a browser has none.
import type { ModelAttributes } from "../app/attributes.js";

/** How far a run is. */
export interface RunStep {
  readonly message: string;
  /** 0 to 1, where it is known. */
  readonly part?: number;
  /** A file that is whole now, as a path of the Host. */
  readonly wrote?: string;
}

export interface RunRequest {
  /** The script, as a path of the Host. */
  readonly script: string;
  readonly out: string;
  readonly engine: string;
  readonly count?: number;
  readonly inputs?: Readonly<Record<string, number | string>>;
  /** The texts that are open in the editor, by path: they stand for the files. */
  readonly texts: Readonly<Record<string, string>>;
  /** The lock is brought up to date instead of anything being run. */
  readonly lockOnly?: boolean;
}

export interface RunEnd {
  readonly ok: boolean;
  /** In words, for a message. */
  readonly message: string;
  /** Files that were written, as paths of the Host. */
  readonly outputs: readonly string[];
}

export interface ScriptRuns {
  /** The attributes of a model, as scripts name it, and how frequent their values are; undefined where that cannot be found out, or was stopped. */
  readonly attributesOf?: (model: string, signal: AbortSignal) => Promise<ModelAttributes | undefined>;

  /** Runs a script; stops soon after `signal` is aborted. Never throws: what went wrong is the message. */
  run(request: RunRequest, onStep: (step: RunStep) => void, signal: AbortSignal): Promise<RunEnd>;
  /** The text of the recipe that a picture carries, if it can be read and carries one. */
  recipeOf?(picture: string): Promise<string | undefined>;
}
