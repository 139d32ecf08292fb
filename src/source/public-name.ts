// Names of files that may be shown to strangers: in run.json, in locks, inside images. No absolute path, no user name.

/** A path or reference fit to be shown to strangers: relative ones as written, of absolute ones (and those that climb) only the last part. */
export function publicName(reference: string): string {
  const path = reference.replaceAll("\\", "/");
  return isPublic(path) ? path.replace(/^(\.\/)+/, "") : path.slice(path.lastIndexOf("/") + 1);
}

/** Whether a path or reference can be shown as it stands: neither absolute nor climbing out of its folder. */
export function isPublic(reference: string): boolean {
  const path = reference.replaceAll("\\", "/");
  const climbs = path.split("/").includes("..");
  return !climbs && !path.startsWith("/") && !/^[a-z]:\//i.test(path) && !path.startsWith("~");
}

/** The public name of `path` as seen from the folder of `entry`; both are paths of one kind, absolute or as shown. */
export function nameBeside(entry: string, path: string): string {
  const folder = entry.slice(0, Math.max(entry.lastIndexOf("/"), entry.lastIndexOf("\\")) + 1);
  return publicName(path.startsWith(folder) ? path.slice(folder.length) : path);
}

/** The last part of a path, of whatever system it is. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
