// Light or dark: as the system says, until the person says otherwise.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "lace-theme";

export const theme = signal<Theme>(stored());

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // a page without storage
  }
}

/** Shows the theme from now on, and keeps it. */
export function applyTheme(): void {
  theme.subscribe((value) => {
    const root = document.documentElement;
    if (value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = value;
    try {
      localStorage.setItem(KEY, value);
    } catch {
      // It is forgotten with the page.
    }
  });
}
