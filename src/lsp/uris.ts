// Addresses of the protocol and paths of the Host. Files of the machine are paths; anything else (untitled texts, files of a browser's
// workspace) keeps its address as its path, and references in it are resolved as addresses are.
import { URI, Utils } from "vscode-uri";

/** The path of an address. */
export function pathOf(uri: string): string {
  const parsed = URI.parse(uri);
  return parsed.scheme === "file" ? parsed.fsPath : uri;
}

/** The address of a path. */
export function uriOf(path: string): string {
  return isAddress(path) ? path : URI.file(path).toString();
}

/** Whether a path is an address: a scheme of two letters or more, since one letter is a drive. */
export function isAddress(path: string): boolean {
  return /^[a-z][a-z\d+.-]+:/i.test(path);
}

/** The path of `reference` as named in a file whose path is an address; undefined if that has no folder. */
export function resolveAddress(from: string, reference: string): string | undefined {
  if (from === reference) return from;
  const parsed = URI.parse(from);
  if (!parsed.path.startsWith("/")) return undefined;
  return Utils.resolvePath(Utils.dirname(parsed), reference).toString(true);
}

/** A path of a folder's entry. */
export function joinPath(folder: string, name: string): string {
  if (isAddress(folder)) return Utils.joinPath(URI.parse(folder), name).toString(true);
  return /[/\\]$/.test(folder) ? folder + name : `${folder}/${name}`;
}

/** The folder of a path. */
export function folderOf(path: string): string {
  if (isAddress(path)) return Utils.dirname(URI.parse(path)).toString(true);
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"), 0)) || "/";
}
