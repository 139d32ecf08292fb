// The door for editors (`lacec/language`): the language without models on disk, engines or runs.
// In: scripts as text, and whatever reads files and tables for them. Out: trees, layouts, analyses, diagnostics and their texts.
// Nothing here needs Node: it bundles for browsers and workers, which a test does.
import type { TokenKind } from "./parser/lenient.js";
import { tokenTypes as kinds } from "./parser/tokens.js";

export { analyse, type Analysis } from "./compiler/analyse.js";
export type { Attribute, ModelInfo } from "./compiler/attribute.js";
export type { Declared } from "./compiler/check/scope.js";
export type { Overrides } from "./compiler/check/context.js";
export type { HeadLook, HeadLooks, HeadTable } from "./compiler/head-table.js";
export { SAMPLERS, SAVE_FORMS, SETTINGS, WORDS } from "./compiler/check/vocabulary.js";
export type { OptionKind, TaskForm } from "./compiler/check/vocabulary.js";
export { headFilesOf, link, modelsOf } from "./compiler/link.js";
export type { LinkedFile, LinkedImport, LinkOutcome, ModelReference, Program, SourceReader } from "./compiler/link.js";
export type { Declaration, Reference } from "./compiler/references.js";
export type { SolverName } from "./compiler/plan.js";
export type { HeadSpace } from "./compiler/weights.js";
export type * as ast from "./parser/ast.js";
export type { Damage, Token, TokenKind } from "./parser/lenient.js";
/** A script's text in its canonical layout. */
export { format } from "./parser/format.js";
/** A script's text as a syntax tree: the whole of it, or what could be read, with its tokens and comments. */
export { parse, parseLenient, supportedEdition, type LenientParse } from "./parser/parse.js";
export { walk, type AnyNode } from "./parser/walk.js";
/** Every code with its one-line meaning. */
export { codes, type Code } from "./source/codes.js";
export { LaceError, type Diagnostic, type Fix, type Label, type Outcome } from "./source/diagnostic.js";
export { nearest } from "./source/nearest.js";
export { isPublic, publicName } from "./source/public-name.js";
/** A diagnostic as text for people. */
export { plainStyle, render, renderAll, type Style } from "./source/render.js";
export type { Span } from "./source/span.js";
export { SourceText, type Position } from "./source/text.js";

/** The kinds of tokens that `parseLenient` gives. */
export const tokenTypes: readonly TokenKind[] = kinds;

// Types that those name.
export type { LatentLook, LatentLooks, LatentTable } from "./compiler/latent-table.js";
