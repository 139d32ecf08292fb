// A hash as people read it.

/** The first digits of a hash: enough for people. */
export function shortHash(sha256: string): string {
  return sha256.slice(0, 12);
}
