// Every diagnostic code, once. A code is never reused. docs/errors.md is generated from this table.
//   L1 text and syntax   L2 names and types   L3 compile   L4 run   L5 environment: files, models, engines   L9 a bug in lace

export const codes = {
  L1001: "unexpected character",
  L1002: "expected a different token",
  L1003: "missing or unsupported language edition",
  L1004: "unterminated string or comment",
  L9001: "internal error",
} as const;

export type Code = keyof typeof codes;
