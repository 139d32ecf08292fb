// A project in an address: its scripts and inputs, packed, behind the #, which browsers send to nobody.
// In: a project. Out: an address, and back. Invariants: models and other bytes are not in it; what comes from an address is checked before it is used, and inflates to a bounded size.
import { deflateSync, Inflate, strFromU8, strToU8 } from "fflate";
import { isPath, projectOf, type Project } from "./project-values.js";

const MOST_BYTES = 2 * 1024 * 1024;
const MOST_FILES = 100;

interface Shared {
  readonly name: string;
  readonly entry: string;
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, number | string>>;
  readonly overrides?: NonNullable<Project["overrides"]>;
}

/** The address of this page with the project in it, and the files that it cannot hold. */
export function shareLink(project: Project, page: string): { readonly link: string; readonly left: readonly string[] } {
  const texts = Object.entries(project.files).filter((f): f is [string, string] => typeof f[1] === "string");
  const left = Object.keys(project.files).filter((p) => typeof project.files[p] !== "string");
  const { name, entry, inputs, overrides } = project;
  const shared: Shared = { name, entry, inputs, files: Object.fromEntries(texts), ...(overrides && { overrides }) };
  const packed = deflateSync(strToU8(JSON.stringify(shared)), { level: 9 });
  return { link: `${page.replace(/#.*$/s, "")}#p=${toBase64(packed)}`, left };
}

/** The project of an address's fragment; undefined if it has none, or one that is damaged. */
export function sharedProject(fragment: string): Project | undefined {
  const text = /(?:^#|&)p=([\w-]+)/.exec(fragment)?.[1];
  if (text === undefined) return undefined;
  try {
    const shared: unknown = JSON.parse(strFromU8(inflated(fromBase64(text))));
    return isShared(shared)
      ? {
          ...projectOf(shared.name, shared.files, shared.entry),
          inputs: shared.inputs,
          ...(shared.overrides && { overrides: shared.overrides }),
        }
      : undefined;
  } catch {
    return undefined;
  }
}

function isShared(value: unknown): value is Shared {
  if (typeof value !== "object" || value === null) return false;
  const { name, entry, files, inputs, overrides = {} } = value as Partial<Record<keyof Shared, unknown>>;
  return (
    typeof name === "string" &&
    name.length < 200 &&
    isTable(files, (v) => typeof v === "string") &&
    isTable(inputs, (v) => typeof v === "string" || typeof v === "number") &&
    isTable(overrides, Number.isInteger) &&
    Object.keys(overrides).every((name) => name === "seed" || name === "count") &&
    Object.keys(files).every(isPath) &&
    typeof entry === "string" &&
    Object.hasOwn(files, entry)
  );
}

function isTable(value: unknown, of: (value: unknown) => boolean): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.keys(value).length <= MOST_FILES && Object.values(value).every(of);
}

function inflated(packed: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const inflate = new Inflate((part) => {
    size += part.length;
    if (size > MOST_BYTES) throw new RangeError("a project of that size is not opened from an address");
    parts.push(part);
  });
  // Piece by piece: a small text may inflate to anything.
  for (let at = 0; at < packed.length; at += 1024)
    inflate.push(packed.subarray(at, at + 1024), at + 1024 >= packed.length);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}
