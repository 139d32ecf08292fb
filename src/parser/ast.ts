// The syntax tree: what was written, nothing resolved. Plain readonly data; prints as JSON.
// Invariants: every node has a span; a child's span lies inside its parent's; order is source order.
import type { Span } from "../source/span.js";

export interface Name {
  readonly text: string;
  readonly span: Span;
}
export interface StringLit {
  readonly value: string;
  readonly span: Span;
}

export interface Module {
  readonly kind: "Module";
  readonly file: string;
  readonly edition: number;
  readonly items: readonly Item[];
  readonly span: Span;
}

export type Item =
  ImportDecl | ModelDecl | InputDecl | AttributeDecl | LetDecl | EnergyDecl | TaskDecl | ExpectStmt | SaveStmt;
export type TaskDecl = SampleDecl | EditDecl | TraverseDecl | SweepDecl | PhotoDecl;

/** `import "x.lace"` (names absent: everything) or `import { a, b } from "x.lace"`. */
export interface ImportDecl {
  readonly kind: "ImportDecl";
  readonly names?: readonly Name[];
  readonly path: StringLit;
  readonly span: Span;
}
/** `model NAME from "builtin:avatar"`. */
export interface ModelDecl {
  readonly kind: "ModelDecl";
  readonly name: Name;
  readonly path: StringLit;
  readonly span: Span;
}
/** `input NAME: number = EXPR` or `input NAME: text = "..."`. */
export interface InputDecl {
  readonly kind: "InputDecl";
  readonly name: Name;
  readonly type: Name;
  readonly value: Expr | TextExpr;
  readonly span: Span;
}
/** How a network looks at pictures while a task is solved: `at 64 px from tau 3`. */
export interface LookingClause {
  /** The width of the pictures. */
  readonly pixels?: Expr;
  /** How far the flow has come when its terms join. */
  readonly tau?: Expr;
  readonly span: Span;
}
/** `attribute NAME: TYPE [sigma N] [from "FILE"] [on image [at N px] [from tau N]]`. */
export interface AttributeDecl {
  readonly kind: "AttributeDecl";
  readonly name: Name;
  readonly type: AttributeType;
  readonly from?: StringLit;
  /** What it reads: `image`; absent: latents. */
  readonly on?: Name;
  readonly looking?: LookingClause;
  readonly span: Span;
}
export type AttributeType =
  | { readonly kind: "BinaryType"; readonly span: Span }
  | { readonly kind: "CategoryType"; readonly values: readonly Name[]; readonly span: Span }
  | { readonly kind: "ScalarType"; readonly range?: RangeExpr; readonly sigma?: Expr; readonly span: Span };

/** `let NAME = EXPR` (a number). */
export interface LetDecl {
  readonly kind: "LetDecl";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}
/** `NAME: TYPE [= DEFAULT]`: a number, an energy, or a value of the attribute that the type names. */
export interface Param {
  readonly name: Name;
  readonly type: Name;
  readonly value?: Expr;
  readonly span: Span;
}
/** `energy NAME(PARAMS) = EXPR`. */
export interface EnergyDecl {
  readonly kind: "EnergyDecl";
  readonly name: Name;
  readonly params: readonly Param[];
  readonly value: Expr;
  readonly span: Span;
}

/** Settings inside a task block; the checker decides which are allowed where, and refuses repeats. */
export type Setting =
  | { readonly kind: "WhereSetting"; readonly energy: Expr; readonly span: Span }
  | { readonly kind: "NumberSetting"; readonly key: Name; readonly value: Expr; readonly span: Span } // count seed truncation cutoff class frames prior tries tune
  | { readonly kind: "BetweenSetting"; readonly from: Expr; readonly to: Expr; readonly span: Span } // between seed A and seed B
  | { readonly kind: "SamplerSetting"; readonly method: Name; readonly options: readonly Option[]; readonly span: Span }
  | { readonly kind: "WordSetting"; readonly key: Name; readonly value: Name; readonly span: Span } // logic lace, goals last, noise random
  /** translate 0.1, 0 and rotate 0..90: two values and one; a range goes from its start to its end over the frames of a traverse. */
  | {
      readonly kind: "PlaceSetting";
      readonly key: Name;
      readonly values: readonly (Expr | RangeExpr)[];
      readonly span: Span;
    }
  | {
      readonly kind: "KeepSetting";
      readonly latent?: Expr;
      readonly attributes?: Expr;
      readonly identity?: Expr;
      /** The network that tells identities. */
      readonly by?: StringLit;
      /** How it looks. */
      readonly looking?: LookingClause;
      readonly span: Span;
    }
  | { readonly kind: "FlagSetting"; readonly key: Name; readonly span: Span } // reweight
  | { readonly kind: "AcceptSetting"; readonly judge: Name; readonly tries?: Expr; readonly span: Span } // accept by labeller tries 8
  /** space w+: `each` where the mark is there, one w for each layer. */
  | { readonly kind: "SpaceSetting"; readonly space: Name; readonly each: boolean; readonly span: Span }
  /** compare by "face.onnx" */
  | { readonly kind: "CompareSetting"; readonly by: StringLit; readonly span: Span }
  /** encoder "avatar-encoder.safetensors" */
  | { readonly kind: "EncoderSetting"; readonly path: StringLit; readonly span: Span }
  /** landmarks "me.json", landmarks find, landmarks {x, y, ...}: a file, who looks for them, or ten numbers. */
  | {
      readonly kind: "LandmarksSetting";
      readonly path?: StringLit;
      readonly word?: Name;
      readonly points?: SetExpr;
      readonly span: Span;
    }
  /** start from "latents.npz" as z */
  | { readonly kind: "StartSetting"; readonly path: StringLit; readonly as?: Name; readonly span: Span }
  | StepSetting;

/** `step EXPR [layers a..b | layers NAME] [weight N]`. */
export interface StepSetting {
  readonly kind: "StepSetting";
  readonly energy: Expr;
  readonly layers?: RangeExpr | Name;
  readonly weight?: Expr;
  readonly span: Span;
}
/** `rtol 1e-3`, `solver dopri5`, `caption "Tilt"`: a number, a word or a text. */
export interface Option {
  readonly key: Name;
  readonly value: Expr | TextExpr;
  readonly span: Span;
}

/** `sample NAME from MODEL { ... }`. */
export interface SampleDecl {
  readonly kind: "SampleDecl";
  readonly name: Name;
  readonly model: Name;
  readonly settings: readonly Setting[];
  readonly span: Span;
}
/** `edit NAME of SAMPLES[a..b] { ... }` or `edit NAME from MODEL { seed 3 ... }`. Index: one number or an inclusive range. */
export interface EditDecl {
  readonly kind: "EditDecl";
  readonly name: Name;
  readonly source: Name;
  readonly sourceKind: "of" | "from";
  readonly index?: Expr | RangeExpr;
  readonly settings: readonly Setting[];
  readonly span: Span;
}
/** `traverse NAME from MODEL { where E between seed 1 and seed 2 frames 24 }`. */
export interface TraverseDecl {
  readonly kind: "TraverseDecl";
  readonly name: Name;
  readonly model: Name;
  readonly settings: readonly Setting[];
  readonly span: Span;
}
/** `over t in 0..1 by 0.25` or `over t in {0.1, 0.5}`. */
export interface SweepAxis {
  readonly name: Name;
  readonly values: RangeExpr | SetExpr;
  readonly by?: Expr;
  readonly span: Span;
}
/** `sweep NAME over AXIS {, AXIS} from MODEL { ... }`, or `of SAMPLES[a..b]`, as in an edit. */
export interface SweepDecl {
  readonly kind: "SweepDecl";
  readonly name: Name;
  readonly axes: readonly SweepAxis[];
  readonly source: Name;
  readonly sourceKind: "of" | "from";
  readonly index?: Expr | RangeExpr;
  readonly settings: readonly Setting[];
  readonly span: Span;
}
/** `photo NAME from "me.jpg" in MODEL { ... }`. */
export interface PhotoDecl {
  readonly kind: "PhotoDecl";
  readonly name: Name;
  readonly path: StringLit;
  readonly model: Name;
  readonly settings: readonly Setting[];
  readonly span: Span;
}
/** `expect NAME: ENERGY >= FRACTION {, ENERGY >= FRACTION}`. */
export interface ExpectStmt {
  readonly kind: "ExpectStmt";
  readonly target: Name;
  readonly clauses: readonly ExpectClause[];
  readonly span: Span;
}
export interface ExpectClause {
  readonly energy: Expr;
  readonly fraction: Expr;
  readonly span: Span;
}
/** `save NAME {, NAME} to "PATH" [as grid|strip|animation [{ columns 4 fps 4 }]]`. */
export interface SaveStmt {
  readonly kind: "SaveStmt";
  readonly targets: readonly Name[];
  readonly path: StringLit;
  readonly form?: Name;
  readonly options: readonly Option[];
  readonly span: Span;
}

/** One grammar for numbers and energies; types tell them apart. `ErrorExpr` stands where the text could not be read. */
export type Expr =
  | { readonly kind: "NumberExpr"; readonly value: number; readonly text: string; readonly span: Span }
  | { readonly kind: "NameExpr"; readonly name: string; readonly span: Span }
  | { readonly kind: "CallExpr"; readonly callee: Name; readonly args: readonly Expr[]; readonly span: Span }
  | { readonly kind: "UnaryExpr"; readonly op: "not" | "-"; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: "BinaryExpr";
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  /** A whole chain, `e and e and e`: two operands or more, so that the tree of a long one is not deep. */
  | { readonly kind: "NaryExpr"; readonly op: "and" | "or"; readonly operands: readonly Expr[]; readonly span: Span }
  | {
      readonly kind: "IsExpr";
      readonly subject: Expr;
      readonly negated: boolean;
      readonly value: Expr;
      readonly tolerance?: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: "CompareExpr";
      readonly op: CompareOp;
      readonly left: Expr;
      readonly right: Expr;
      /** The second of `0.2 < light < 0.8`, whose left side is `right`. */
      readonly then?: Comparison;
      readonly span: Span;
    }
  | { readonly kind: "InExpr"; readonly subject: Expr; readonly values: RangeExpr | SetExpr; readonly span: Span }
  | {
      readonly kind: "CountExpr";
      readonly quantifier: "atleast" | "exactly" | "atmost";
      readonly count: Expr;
      readonly parts: readonly Expr[];
      readonly span: Span;
    }
  | { readonly kind: "TemperatureExpr"; readonly temperature: Expr; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: "IfExpr";
      readonly condition: Expr;
      readonly yes: Expr;
      readonly no: Expr;
      readonly span: Span;
    }
  | { readonly kind: "ParenExpr"; readonly inner: Expr; readonly span: Span }
  /** `like("ref.png" in "mask.png" by "net.onnx" at 64 px)` */
  | {
      readonly kind: "LikeExpr";
      readonly picture: StringLit;
      readonly mask?: StringLit;
      readonly by?: StringLit;
      readonly looking?: LookingClause;
      readonly span: Span;
    }
  /** `text("a smiling man" against "a man" by "clip/" from tau 3)` */
  | {
      readonly kind: "PromptExpr";
      readonly prompt: StringLit;
      readonly against?: StringLit;
      readonly by: StringLit;
      readonly looking?: LookingClause;
      readonly span: Span;
    }
  | {
      readonly kind: "ErrorExpr";
      /** What could be read of it all the same. */ readonly parts?: readonly Expr[];
      readonly span: Span;
    };
export type CompareOp = "<" | ">" | "<=" | ">=";
export interface Comparison {
  readonly op: CompareOp;
  readonly right: Expr;
  readonly span: Span;
}
export type BinaryOp = "+" | "-" | "*" | "/" | "xor" | "implies" | "iff";

/** A text in quotes, where one may stand in place of a number. */
export interface TextExpr extends StringLit {
  readonly kind: "TextExpr";
}

export interface RangeExpr {
  readonly kind: "RangeExpr";
  readonly from: Expr;
  readonly to: Expr;
  readonly span: Span;
}
/** `{u, v}`: values of a category, numbers or energies. */
export interface SetExpr {
  readonly kind: "SetExpr";
  readonly values: readonly Expr[];
  readonly span: Span;
}
