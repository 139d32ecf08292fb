// Document links: from paths in a script to the files, and from `save` to the pictures that were made.
import type { DocumentLink } from "vscode-languageserver";
import { networksOf, startsOf } from "../compiler/link.js";
import { onScript, type Feature } from "./feature.js";
import { outputFolder } from "./records.js";
import { joinPath } from "./uris.js";

export const links: Feature = {
  capabilities: () => ({ documentLinkProvider: { resolveProvider: false } }),
  register: (site) => {
    const { workspace } = site;
    site.connection.onDocumentLinks(
      onScript(site, "links", [] as DocumentLink[], async (snapshot) => {
        const { linked, placed, path } = snapshot.entry;
        const found: DocumentLink[] = [];
        const add = async (span: { start: number; end: number }, target: string, tooltip: string): Promise<void> => {
          if (await workspace.exists(target))
            found.push({ range: placed.range(span), target: workspace.uriOf(target), tooltip });
        };
        for (const item of linked.module.items) {
          switch (item.kind) {
            case "ImportDecl":
              await add(item.path.span, workspace.resolve(path, item.path.value), "the imported script");
              break;
            case "ModelDecl":
              if (!item.path.value.includes(":"))
                await add(item.path.span, workspace.resolve(path, item.path.value), "the model");
              break;
            case "AttributeDecl":
              if (item.from !== undefined)
                await add(item.from.span, workspace.resolve(path, item.from.value), "the head");
              break;
            case "SaveStmt": {
              const { value, span } = item.path;
              const first = value
                .replaceAll("{index}", "0")
                .replaceAll("{step}", "0")
                .replaceAll("{name}", item.targets[0]?.text ?? "");
              await add(span, joinPath(outputFolder(site, path), first), "what the last run made");
              break;
            }
            default:
          }
        }
        for (const { path: literal, kind } of startsOf(linked.module)) {
          const what = kind === "photo" ? "the photograph" : "the latents";
          await add(literal.span, workspace.resolve(path, literal.value), what);
        }
        for (const { path: literal } of networksOf(linked.module))
          await add(literal.span, workspace.resolve(path, literal.value), "the network");
        return found;
      }),
    );
  },
};
