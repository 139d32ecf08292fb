// Types of licences.js, for the studio's build.
import type { Plugin } from "vite";

export function licences(
  fileName: string,
  also?: readonly string[],
): { readonly collect: Plugin; readonly write: Plugin };
