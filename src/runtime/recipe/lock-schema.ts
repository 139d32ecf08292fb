// The shape of a lock that comes from a file or out of an image, field by field.
// In: JSON of a stranger. Out: a schema whose output is a LockEntry.
import * as v from "valibot";
import { DEFAULTS_EDITIONS } from "../../compiler/defaults.js";

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "Invalid hash: Expected 64 hexadecimal digits"));
const word = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const lockedFile = { from: word, sha256: hash };

/** A lock that was read, field by field. */
export const lockSchema = v.object({
  edition: v.pipe(v.number(), v.integer(), v.minValue(1)),
  lacec: v.pipe(v.string(), v.maxLength(100)),
  defaults: v.exactOptional(v.picklist(DEFAULTS_EDITIONS)),
  models: v.record(
    word,
    v.object({ ...lockedFile, labeller: v.nullable(hash), heads: v.record(word, v.object(lockedFile)) }),
  ),
  files: v.exactOptional(v.record(word, hash)),
  texts: v.exactOptional(
    v.record(
      word,
      v.pipe(v.string(), v.maxLength(1 << 20), v.regex(/^[A-Za-z0-9+/]*={0,2}$/, "Invalid text: Expected base64")),
    ),
  ),
  imports: v.record(word, hash),
});
