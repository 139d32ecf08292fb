// Formatting: the whole text, some lines, and what was just finished, by the compiler's formatter.
// Invariants: a text with mistakes is left alone; the edits touch only lines that change, so that cursors and marks stay where they are;
// line breaks stay of the kind that the text has.
import { TextEdit } from "vscode-languageserver";
import { format } from "../parser/format.js";
import { guarded, type Feature, type Site } from "./feature.js";
import { lineHunks } from "./line-hunks.js";
import { pathOf } from "./uris.js";

export const formatting: Feature = {
  capabilities: () => ({
    documentFormattingProvider: true,
    documentRangeFormattingProvider: true,
    documentOnTypeFormattingProvider: { firstTriggerCharacter: "}", moreTriggerCharacter: ["\n"] },
  }),
  register: (site) => {
    const { connection } = site;
    connection.onDocumentFormatting(guarded(site, "format", [], (params) => edits(site, params.textDocument.uri)));
    connection.onDocumentRangeFormatting(
      guarded(site, "format", [], ({ textDocument, range }) => {
        // A range that ends at the beginning of a line does not mean that line.
        const last =
          range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
        return edits(site, textDocument.uri, range.start.line, last);
      }),
    );
    connection.onDocumentOnTypeFormatting(
      guarded(site, "format", [], ({ textDocument, position, ch }) => {
        // After a line break the lines before the cursor: the one that it stands on is still being written.
        const last = ch === "\n" ? position.line - 1 : position.line;
        return last < 0 ? [] : edits(site, textDocument.uri, ch === "\n" ? last : 0, last);
      }),
    );
  },
};

/** The edits that format a text, or those of them that touch no line outside `first` to `last`. */
function edits(site: Site, uri: string, first = 0, last = Infinity): TextEdit[] {
  const open = site.workspace.openText(pathOf(uri));
  if (open === undefined) return [];
  const { text, placed } = open;
  const formatted = format(text, open.path).value;
  if (formatted === undefined) return [];
  const crlf = /\r\n/.test(text);
  const wanted = crlf ? formatted.replace(/\r?\n/g, "\r\n") : formatted;
  return lineHunks(text, wanted)
    .map((hunk) => ({ hunk, range: placed.range(hunk) }))
    .filter(({ range: { start, end } }) => {
      const lastTouched = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
      return start.line >= first && lastTouched <= last;
    })
    .map(({ hunk, range }) => TextEdit.replace(range, hunk.text));
}
