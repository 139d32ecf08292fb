// Drawing pieces apart from the queue, whose locks must be renewed while an engine computes: what a machine brings for it.
// In: nothing. Out: types.
import type { JobEnd } from "../../ports/job-queue.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { EngineChoice } from "../verb.js";

/** What draws is told once, before its first piece. */
export interface DrawingSettings {
  readonly store: string;
  readonly engine: EngineChoice;
  /** Folder for models out of the store; default: one in the system's folder for temporary files. */
  readonly models?: string;
  /** Bytes that a file of a model may have. */
  readonly maxBytes: number;
  /** Draws what machines of another kind have begun. */
  readonly mixed: boolean;
}

/** A process, or something like one, that draws pieces one after the other. One that died is started again. */
export interface PieceDrawing {
  draw(submission: string, piece: Piece): Promise<JobEnd>;
  /** Ends it; a piece under way is lost. */
  close(): void;
}
