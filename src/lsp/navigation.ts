// Where a name is declared, where it is used, and where else in the text it stands.
import { DocumentHighlightKind, type DocumentHighlight, type Location } from "vscode-languageserver";
import { onScript, type Feature } from "./feature.js";
import { nameAt, usesOf } from "./names.js";
import { usesEverywhere } from "./uses.js";
import { placeOf } from "./workspace.js";

export const navigation: Feature = {
  capabilities: () => ({
    definitionProvider: true,
    declarationProvider: true,
    referencesProvider: true,
    documentHighlightProvider: true,
  }),
  register: (site) => {
    const { connection } = site;
    const definition = onScript(
      site,
      "definition",
      null as Location | null,
      (snapshot, { position }: DefinitionParams) => {
        const { entry } = snapshot;
        const offset = entry.placed.offset(position);
        const at = nameAt(snapshot, entry, offset)?.declaration.at;
        if (at !== undefined) return placeOf(snapshot, at) ?? null;
        // The path of an import leads to the file.
        const path = entry.linked.imports.find(
          (i) => i.decl.path.span.start <= offset && offset <= i.decl.path.span.end,
        );
        const file = path && snapshot.files.get(path.file.path);
        return file === undefined ? null : { uri: file.uri, range: file.placed.range({ start: 0, end: 0 }) };
      },
    );
    connection.onDefinition(definition);
    connection.onDeclaration(definition);
    connection.onReferences(
      onScript(site, "references", [] as Location[], async (snapshot, { position, context }, token) => {
        const { entry } = snapshot;
        const name = nameAt(snapshot, entry, entry.placed.offset(position));
        if (name === undefined) return [];
        const uses = await usesEverywhere(site, snapshot, name.declaration, token);
        return uses
          .filter(({ use }) => context.includeDeclaration || !use.declares)
          .map(({ uri, range }) => ({ uri, range }));
      }),
    );
    connection.onDocumentHighlight(
      onScript(site, "highlights", [] as DocumentHighlight[], (snapshot, { position }) => {
        const { entry } = snapshot;
        const name = nameAt(snapshot, entry, entry.placed.offset(position));
        if (name === undefined) return [];
        return usesOf(snapshot, name.declaration)
          .filter(({ span }) => span.file === entry.linked.path)
          .map(({ span, declares }) => ({
            range: entry.placed.range(span),
            kind: declares ? DocumentHighlightKind.Write : DocumentHighlightKind.Read,
          }));
      }),
    );
  },
};

type DefinitionParams = Parameters<Parameters<Parameters<Feature["register"]>[0]["connection"]["onDefinition"]>[0]>[0];
