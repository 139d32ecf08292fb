// The average w of an imported mapping, on the best engine of this machine.
import type { AverageStyle } from "../models/import-model.js";
import { averageStyle } from "../runtime/draw/average-style.js";
import { openEngine } from "./engines/open.js";

/** Opens an engine for one estimate and closes it again. Errors LaceError L52xx. */
export const averageStyleHere: AverageStyle = async (mapping, zDim) => {
  const engine = await openEngine("auto");
  try {
    return await averageStyle(engine, mapping, zDim);
  } finally {
    await engine.dispose();
  }
};
