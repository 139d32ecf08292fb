// A file for the person, by the browser's own way of saving.

/** Saves bytes under the last part of a path. */
export function download(path: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = path.slice(path.lastIndexOf("/") + 1);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
