// What is asked of one run of a plan, and which of its rows and files that means.
// In: a plan and a Request. Out: Selection.
import type { Plan, Task } from "../../compiler/plan.js";
import type { OnEvent } from "../../ports/events.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import {
  selectAll,
  selectFirst,
  selectImage,
  selectShard,
  type OneImage,
  type Selection,
  type Shard,
} from "../plan/selection.js";
import { selectPiece, type Piece } from "../plan/pieces.js";
import type { RecipeSource } from "../record/recipes.js";
import type { ExpectationResult } from "../record/results.js";
import type { MachineRecord, ScriptIdentity } from "../record/record.js";
import type { LockEntry } from "../recipe/lock.js";
import type { OnStep } from "../draw/batch.js";
import type { Portion } from "../draw/draw.js";
import type { SampleResult } from "../draw/results.js";
import type { Sink, WrittenFile } from "../show/saves.js";

/** What is asked of one run of a plan. */
export interface Request {
  /** Folder that the plan's paths are relative to. */
  readonly out: string;
  readonly script: ScriptIdentity;
  /** What the script consists of: without it there is no lock, and images carry no recipe. */
  readonly source?: RecipeSource;
  /** False: images carry no recipe. */
  readonly provenance?: boolean;
  /** Called with the hashes of what the run depends on, before any sample is drawn. It may refuse by throwing; what it gives is said. */
  readonly onLock?: (lock: LockEntry) => Promise<readonly Diagnostic[]>;
  /** Of all images only this one, and what it is made from. */
  readonly only?: OneImage;
  /** The first rows of every task, without sheets and expectations. */
  readonly first?: number | ((task: Task) => number);
  /** A part of the samples, without sheets and expectations. */
  readonly shard?: Shard;
  /** Some rows of a task and what is made of them, for the cache alone: nothing is saved or judged. */
  readonly piece?: Piece;
  /** Which attempts rows of tasks are to be that try again, by task and row; rows that are not named are attempt 0. Absent: the tasks' judges say. */
  readonly attempts?: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** A further sink for a task's pictures, for whoever shows them as they are made. It writes nothing. `samples` fills as they are drawn. */
  readonly watch?: (task: Task, samples: readonly SampleResult[]) => Sink | undefined;
  /** Given the samples of task `index` a portion at a time, in the order of their rows: the next one is drawn when this one has been looked at. */
  readonly follow?: (index: number, portion: Portion) => Promise<void>;
  /** Told how expectations stand while pictures come, now and then. */
  readonly onExpect?: (results: readonly ExpectationResult[]) => void;
  /** Files of one image that parts of this run have written: they are not encoded again. */
  readonly written?: WrittenFile;
  /** Who drew what is taken from the cache: the record says so. */
  readonly machines?: readonly MachineRecord[];
  /** Told of each step of each solve on the host, for whoever looks at how a picture came about. */
  readonly onStep?: OnStep;
  readonly onEvent?: OnEvent;
  readonly signal?: AbortSignal;
}

/** The rows and files of a plan that a request is for. */
export function select(plan: Plan, { only, shard, piece, first }: Request): Selection {
  if (piece !== undefined) return selectPiece(plan, piece);
  if (only !== undefined) return selectImage(plan, only);
  if (shard !== undefined) return selectShard(plan, shard);
  return first === undefined ? selectAll(plan) : selectFirst(plan, first);
}
