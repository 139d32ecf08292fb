// How much one labelling makes at most: more is a slip of a key, and would fill a disk before it is noticed.

/** Rows of a data file. */
export const MOST_ROWS = 10_000_000;
/** Images that are written for labelling by hand. */
export const MOST_EXPORTED = 1_000_000;
/** Edge of a picture that is kept of each row, in pixels. */
export const MOST_THUMBNAIL = 1024;
