// What the studio's page and whoever owns an engine for it say to each other: a worker of the page, or lacec on this machine. Plain data.

/** The files of a project by their path in it: scripts as text, models and heads as bytes. */
export type ProjectContents = Readonly<Record<string, string | Uint8Array>>;

export interface RunJob {
  readonly id: number;
  readonly files: ProjectContents;
  readonly entry: string;
  readonly inputs: Readonly<Record<string, number | string>>;
  readonly count?: number;
  readonly seed?: number;
}

export type ToEngine =
  | { readonly kind: "open"; readonly engine: string }
  | { readonly kind: "run"; readonly job: RunJob; readonly engine: string }
  | { readonly kind: "inspect"; readonly job: RunJob; readonly engine: string; readonly picture: PicturePlace }
  /** How long the job would take. */
  | { readonly kind: "estimate"; readonly job: RunJob; readonly engine: string }
  /** The picture of a file (base64) is made again from its recipe; of the job its files alone count. */
  | { readonly kind: "remake"; readonly job: RunJob; readonly engine: string; readonly image: string }
  | { readonly kind: "cancel"; readonly id: number };

/** A term of what was asked, as it is written, and what the heads say of it. */
export interface JudgedTerm {
  readonly kind: string;
  readonly text: string;
  /** In nats. */
  readonly logp: number;
  readonly verdict: "satisfied" | "not" | "unclear";
  readonly parts: readonly JudgedTerm[];
}

/** A picture of a run: a sample, a cell of a sweep, a frame of a traverse, a step of an edit. */
export interface Picture {
  readonly task: string;
  /** Its row and its part of the row, from 0. */
  readonly index: number;
  readonly part: number;
  /** What the part is: a value of a sweep, a step of an edit. */
  readonly label: string;
  readonly status: string;
  /** log p of what was asked, in nats. */
  readonly logp: number;
  readonly evaluations: number;
  readonly steps: number;
  /** Of a slot that tries again: which attempt it is. */
  readonly attempt?: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly width: number;
  readonly height: number;
  /** A PNG with its recipe inside. */
  readonly png: Uint8Array;
  /** What was asked of it, term by term. */
  readonly terms?: JudgedTerm;
}

/** A picture that is to come, small: to look at until it is there. */
export interface Preview extends Pick<Picture, "task" | "index" | "part" | "label" | "width" | "height"> {
  readonly png: Uint8Array;
}

/** Which picture of a run. */
export type PicturePlace = Pick<Picture, "task" | "index" | "part" | "attempt">;

/** A node of a graph as it is drawn: which drawn nodes lead to it. */
export interface DrawnNode {
  readonly operation: string;
  readonly shape: readonly number[];
  readonly inputs: readonly number[];
  readonly isOutput: boolean;
}

/** How a picture came about, beyond what is told with it. */
export interface PictureInspection {
  /** Its accepted steps in order, in the solver's time and in nats; none of a solve on the device of an engine, or of a sampler without error control. */
  readonly steps: readonly { readonly h: number; readonly logp: number }[];
  /** What was asked, as `lacec build --print energy` shows it. */
  readonly energy: string;
  readonly graphs: readonly {
    readonly name: string;
    readonly title: string;
    readonly nodes: number;
    /** Names of operations and how many there are, the most frequent first. */
    readonly operations: readonly (readonly [name: string, count: number])[];
    /** Without constants; empty of a graph that is too large to be looked at. */
    readonly drawn: readonly DrawnNode[];
    /** As `lacec build --print optimized` shows it, from its beginning. */
    readonly text: string;
  }[];
}

/** A picture that was made again, beside the one that its recipe came with. */
export interface Remade {
  readonly width: number;
  readonly height: number;
  /** Films are not made again here. */
  readonly isFilm: boolean;
  /** Whether the format of the one that came loses pixels by itself. */
  readonly isLossy: boolean;
  /** Largest difference of one channel, 0 to 255, and pixels that differ in any; absent where the sizes differ. */
  readonly largest?: number;
  readonly pixels?: number;
  /** Sentences: what it was made with that is not the same here. */
  readonly differences: readonly string[];
}

export interface TaskShape {
  readonly name: string;
  readonly kind: string;
  readonly rows: number;
  readonly parts: number;
}

export interface Expectation {
  readonly task: string;
  readonly text: string;
  readonly fraction: number;
  readonly satisfied: number;
  readonly counted: number;
  readonly passed: boolean;
  readonly by: string;
}

export type FromEngine =
  | { readonly kind: "opened"; readonly name: string; readonly description: string; readonly why: readonly string[] }
  | { readonly kind: "trouble"; readonly message: string }
  | { readonly kind: "plan"; readonly id: number; readonly tasks: readonly TaskShape[] }
  | { readonly kind: "progress"; readonly id: number; readonly text: string; readonly part?: number }
  | { readonly kind: "picture"; readonly id: number; readonly picture: Picture }
  | { readonly kind: "preview"; readonly id: number; readonly picture: Preview }
  /** How the expectations of a task stand while its pictures come. */
  | { readonly kind: "expect"; readonly id: number; readonly expectations: readonly Expectation[] }
  | { readonly kind: "inspected"; readonly id: number; readonly found: PictureInspection | string }
  /** In seconds. */
  | { readonly kind: "estimated"; readonly id: number; readonly found: number }
  /** `png`: the picture as it was made here; empty where there is none. */
  | { readonly kind: "remade"; readonly id: number; readonly found: Remade | string; readonly png: Uint8Array }
  | { readonly kind: "file"; readonly id: number; readonly path: string; readonly bytes: Uint8Array }
  | {
      readonly kind: "end";
      readonly id: number;
      readonly outcome: "done" | "cancelled" | "failed";
      /** Diagnostics as text, in the words of the command line. */
      readonly said: readonly { readonly severity: "error" | "warning"; readonly text: string }[];
      readonly expectations: readonly Expectation[];
      readonly seconds: number;
    };
