// Every diagnostic code, once. A code is never reused. docs/errors.md is generated from this table.
//   L1 text and syntax   L2 names and types   L3 compile   L4 run   L5 environment: files, models, engines   L9 a bug in lace

export const codes = {
  L1001: "unexpected character",
  L1002: "expected a different token",
  L1003: "missing or unsupported language edition",
  L1004: "unterminated string or comment",
  L4101: "not yet: this version cannot run it",
  L4102: "a sample failed",
  L4103: "a sample stopped early",
  L4104: "an expectation was missed",
  L4105: "no sample of a task succeeded",
  L4106: "interrupted",
  L5001: "file not found",
  L5002: "no permission",
  L5003: "the disk is full",
  L5004: "a file cannot be read or written",
  L5005: "unknown built-in model",
  L5006: "an image cannot be encoded",
  L5007: "two outputs have one path",
  L9001: "internal error",
} as const;

export type Code = keyof typeof codes;
