// What the language server knows of the script that is run: its inputs.
// In: a client of the server, the project. Out: signals. Invariant: a script with mistakes keeps the fields that it had.
import { effect, signal } from "@preact/signals";
import type { LSPClient } from "@codemirror/lsp-client";
import { uriOf } from "../editor/addresses.js";
import { fieldOf, type InputField } from "./inputs.js";
import { files, project } from "./project.js";

export const inputFields = signal<readonly InputField[]>([]);

/** How long changes are waited for, in milliseconds. */
const REST_MS = 150;

/** Follows the project from now on. */
export function followInputs(client: LSPClient): void {
  let timer = setTimeout(() => undefined);
  let asked = "";
  effect(() => {
    const { entry, id } = project.value;
    const text = files.value[entry];
    const key = `${id} ${entry} ${typeof text === "string" ? text : ""}`;
    if (key === asked || typeof text !== "string") return;
    asked = key;
    clearTimeout(timer);
    timer = setTimeout(() => {
      void (async () => {
        await client.initializing;
        client.sync();
        const inputs = await client
          .request<unknown, readonly { readonly name: string; readonly value: number | string }[]>(
            "workspace/executeCommand",
            { command: "lace.inputs", arguments: [uriOf(entry)] },
          )
          .catch(() => undefined);
        if (inputs !== undefined && asked === key)
          inputFields.value = inputs.map(({ name, value }) => fieldOf(name, value, text));
      })();
    }, REST_MS);
  });
}
