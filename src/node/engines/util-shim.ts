// Functions of Node's util module that Node 23 removed and that TensorFlow.js for Node still calls.
// In: Node's util module object. Out: the same object, with what was missing.
import util from "node:util";

const REMOVED: Readonly<Record<string, (value: unknown) => boolean>> = {
  isArray: (value) => Array.isArray(value),
  isBoolean: (value) => typeof value === "boolean",
  isDate: (value) => util.types.isDate(value),
  isError: (value) => value instanceof Error,
  isFunction: (value) => typeof value === "function",
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === "number",
  isObject: (value) => value !== null && typeof value === "object",
  isPrimitive: (value) => value === null || (typeof value !== "object" && typeof value !== "function"),
  isRegExp: (value) => util.types.isRegExp(value),
  isString: (value) => typeof value === "string",
  isSymbol: (value) => typeof value === "symbol",
  isUndefined: (value) => value === undefined,
};

/**
 * Supplies the removed functions where they are missing. What Node still has stays as it is.
 *
 * Returns  the names supplied.
 */
export function supplyRemovedUtil(target: object = util): string[] {
  const missing = Object.keys(REMOVED).filter((name) => !(name in target));
  for (const name of missing) {
    Object.defineProperty(target, name, { value: REMOVED[name], configurable: true, writable: true });
  }
  return missing;
}
