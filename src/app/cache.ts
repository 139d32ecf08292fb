// What the store of results of the working folder holds.
import type { CacheUse, Platform } from "./platform.js";

/** The results that are kept: how many, and their bytes; with `clean`, those that were there before all were deleted. */
export async function cache(platform: Platform, options: { readonly clean?: boolean } = {}): Promise<CacheUse> {
  return options.clean === true ? platform.cleanCache() : platform.cacheUse();
}
