// What may be written of how networks look at pictures: ` at 64 px from tau 3`, and pictures that are compared.
// In: tokens before a place. Out: words, or that a number is wanted. What surrounds it is told by place.ts.
import type { IToken, TokenType } from "chevrotain";
import { LANDMARKS, SPACES } from "../compiler/check/vocabulary.js";
import type { LaceToken } from "../parser/layout.js";
import * as t from "../parser/tokens.js";

/** Words behind settings of a photograph. */
export const PHOTO_WORDS: ReadonlyMap<TokenType, readonly string[]> = new Map<TokenType, readonly string[]>([
  [t.Space, SPACES],
  [t.Landmarks, LANDMARKS],
]);

/** What may follow the words after `on image`, or after the network that identities are kept by; undefined: they are whole. */
export function afterLooking(rest: readonly LaceToken[]): readonly string[] | "number" | undefined {
  const last = rest.at(-1);
  if (last === undefined) return ["at", "from"];
  if (last.tokenType === t.At || last.tokenType === t.Tau) return "number";
  if (last.tokenType === t.From) return ["tau"];
  if (last.tokenType === t.Px) return ["from"];
  const hasWidth = rest.some((token) => token.tokenType === t.Px);
  return rest[0]?.tokenType === t.At && !hasWidth ? ["px"] : undefined;
}

/** Whether a text after these tokens is the picture of a `like`, or its mask. */
export function namesPicture(before: readonly IToken[]): boolean {
  const like = before.slice(before.findLastIndex((token) => token.tokenType === t.Like));
  const isOpen = like[0]?.tokenType === t.Like && !like.some((token) => token.tokenType === t.RParen);
  const last = like.at(-1)?.tokenType;
  return isOpen && (last === t.LParen || last === t.In);
}
