// Renaming, across imports. What a model or the language names cannot be renamed: attributes, their values, contextual keywords.
// Invariants: a new name that is no name, or that means something already where the old one is used, is refused with the reason.
import { ErrorCodes, ResponseError, TextEdit, type Range, type WorkspaceEdit } from "vscode-languageserver";
import { parseLenient } from "../parser/parse.js";
import { onScript, type Feature } from "./feature.js";
import { nameAt, usesIn, type NameUse } from "./names.js";
import { usesEverywhere } from "./uses.js";
import type { Snapshot } from "./workspace.js";

export const rename: Feature = {
  capabilities: (client) => ({
    renameProvider: client.textDocument?.rename?.prepareSupport === true ? { prepareProvider: true } : true,
  }),
  register: (site) => {
    const { connection } = site;
    connection.onPrepareRename(
      onScript(site, "prepare rename", null as Range | null, (snapshot, { position }) => {
        const { placed } = snapshot.entry;
        const name = nameAt(snapshot, snapshot.entry, placed.offset(position));
        if (name === undefined) return null;
        refuseFixed(name);
        return placed.range(name.span);
      }),
    );
    connection.onRenameRequest(
      onScript(
        site,
        "rename",
        null as WorkspaceEdit | null,
        async (snapshot, { position, newName }, token): Promise<WorkspaceEdit | null> => {
          const name = nameAt(snapshot, snapshot.entry, snapshot.entry.placed.offset(position));
          if (name === undefined) return null;
          refuseFixed(name);
          refuseName(newName);
          const uses = await usesEverywhere(site, snapshot, name.declaration, token);
          if (name.declaration.name !== newName)
            for (const program of new Set(uses.map((u) => u.snapshot))) refuseTaken(program, newName);
          const changes = new Map<string, TextEdit[]>();
          for (const { uri, range } of uses) {
            const edits = changes.get(uri) ?? [];
            edits.push(TextEdit.replace(range, newName));
            changes.set(uri, edits);
          }
          if (site.client().workspace?.workspaceEdit?.documentChanges !== true)
            return { changes: Object.fromEntries(changes) };
          return {
            documentChanges: [...changes].map(([uri, edits]) => ({
              textDocument: { uri, version: site.workspace.openVersion(uri) },
              edits,
            })),
          };
        },
      ),
    );
  },
};

function refuse(message: string): never {
  throw new ResponseError(ErrorCodes.InvalidRequest, message);
}

function refuseFixed({ declaration: { kind, name, at } }: NameUse): void {
  if (kind === "value" || at === undefined) refuse(`\`${name}\` is the model's name for it`);
  if (kind === "attribute") refuse(`\`${name}\` is what the model, or the head's file, calls the attribute`);
}

/** A name is what can be declared. */
function refuseName(name: string): void {
  const { module, diagnostics } = parseLenient(`lace 1\nlet ${name} = 1`, "");
  const [item] = module.items;
  const isName =
    diagnostics.length === 0 && module.items.length === 1 && item?.kind === "LetDecl" && item.name.text === name;
  if (!isName) refuse(`\`${name}\` cannot be a name`);
}

/** Any other declaration of the name in the program, a parameter too, could take the place of the one that is renamed. */
function refuseTaken(program: Snapshot, name: string): void {
  const taken = usesIn(program).some(
    (u) => u.declares && u.declaration.kind !== "value" && u.declaration.name === name,
  );
  if (taken) refuse(`\`${name}\` is declared already`);
  if ([...program.models.values()].some((m) => m.info.attributes.some((a) => a.name === name)))
    refuse(`\`${name}\` is an attribute of the model`);
}
