// Addresses of the project's files, as the language server knows them.

/** Where the project lies, as the server sees it. */
export const ROOT = "file:///project/";

/** The address of a file of the project. */
export function uriOf(path: string): string {
  return ROOT + path.split("/").map(encodeURIComponent).join("/");
}

/** The path in the project of an address; undefined if it is none of it. */
export function pathOf(uri: string): string | undefined {
  return uri.startsWith(ROOT) ? decodeURIComponent(uri.slice(ROOT.length)) : undefined;
}
