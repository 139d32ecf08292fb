// What drawing a piece needs, whatever kind of submission it is of: a machine, its engine under the name that results are kept by, files out of the store.
// In: nothing. Out: types.
import type { OnEvent } from "../../ports/events.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Platform } from "../platform.js";
import type { EngineChoice } from "../verb.js";
import type { Kind, StoredModel } from "./submission.js";

export interface Workshop {
  readonly platform: Platform;
  readonly choice: EngineChoice;
  /** The engine, under the name of the kind that results are kept by. Whoever asks need not dispose it. */
  openEngine(kind: Kind): Promise<Engine>;
  /** The path of a file out of the store on this machine, with those that lie beside it. Errors: HopelessJob if it is not there, or another. */
  fetch(file: StoredModel): Promise<string>;
  readonly onEvent?: OnEvent | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A submission that has been opened on a machine. */
export interface OpenedSubmission {
  /** Version of lacec that it is of. */
  readonly lacec: string;
  /** What a piece gives, by key. */
  draw(piece: Piece, kind: Kind): Promise<ReadonlyMap<string, Uint8Array>>;
  close(): Promise<void>;
}
