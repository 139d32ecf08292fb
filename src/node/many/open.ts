// Stores and queues by their address. What they need is loaded when it is asked for.
import { UsageError } from "../../app/verb.js";
import type { ObjectStore } from "../../ports/object-store.js";
import { folderStore } from "./folder-store.js";

/** A folder, or s3://BUCKET/PREFIX. Errors: UsageError for an address that is none. */
export async function openStore(address: string): Promise<ObjectStore> {
  if (address.startsWith("s3:")) return (await import("./s3-store.js")).s3Store(address);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address))
    throw new UsageError(`a store is a folder or s3://BUCKET/PREFIX, not ${address}`);
  return folderStore(address);
}
