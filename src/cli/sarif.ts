// Diagnostics as a SARIF log, which code scanning of forges and editors read.
// In: what was found in each script. Out: one SARIF 2.1.0 document.
// Source   OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
// Invariants: places are those of --json (1-based, UTF-16 units, the end exclusive); files below the working folder are named relative to it.
import { relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { codes } from "../source/codes.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { SourceText } from "../source/text.js";
import { EXIT, type ExitCode } from "./exit.js";

/** What was found in a script, and the texts that spans point into. */
export interface FoundIn {
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, string>;
}

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const ROOT = "%SRCROOT%";

/** The SARIF log of a check: plain JSON. `version` is that of lacec. */
export function sarifLog(found: readonly FoundIn[], version: string, exitCode: ExitCode): object {
  const used = [...new Set(found.flatMap((f) => f.diagnostics.map((d) => d.code)))].sort();
  const rules = used.map((id) => ({
    id,
    shortDescription: { text: codes[id] },
    help: { text: `lacec explain ${id}` },
  }));
  const results = found.flatMap(({ file, diagnostics, sources }) => {
    const texts = new Map([...sources].map(([name, text]) => [name, new SourceText(name, text)]));
    return diagnostics.map((d) => resultOf(d, used.indexOf(d.code), file, texts));
  });
  const driver = { name: "lacec", semanticVersion: version, rules };
  const executionSuccessful = exitCode !== EXIT.bug && exitCode !== EXIT.environment;
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: { driver },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { [ROOT]: { uri: `${pathToFileURL(process.cwd()).href}/` } },
        invocations: [{ executionSuccessful, exitCode }],
        results,
      },
    ],
  };
}

type Texts = ReadonlyMap<string, SourceText>;

function resultOf(d: Diagnostic, ruleIndex: number, script: string, texts: Texts): object {
  const message = [d.message, ...(d.at.text === "" ? [] : [d.at.text]), ...d.hints.map((h) => `hint: ${h}`)];
  const related = d.related.flatMap((r) => {
    const physicalLocation = placeOf(r.span, texts);
    return physicalLocation === undefined ? [] : [{ physicalLocation, message: { text: r.text } }];
  });
  const fixes = fixesOf(d, texts);
  return {
    ruleId: d.code,
    ruleIndex,
    level: d.severity,
    message: { text: message.join("\n") },
    // What has no place in a text (a file that cannot be read) is said of the script.
    locations: [{ physicalLocation: placeOf(d.at.span, texts) ?? { artifactLocation: locationOf(script) } }],
    ...(related.length > 0 && { relatedLocations: related.map((r, id) => ({ id, ...r })) }),
    ...(fixes.length > 0 && { fixes }),
  };
}

function fixesOf({ fix }: Diagnostic, texts: Texts): readonly object[] {
  const place = fix === undefined ? undefined : placeOf(fix.span, texts);
  if (fix === undefined || place === undefined) return [];
  const replacements = [{ deletedRegion: place.region, insertedContent: { text: fix.replacement } }];
  return [{ artifactChanges: [{ artifactLocation: place.artifactLocation, replacements }] }];
}

function placeOf({ file, start, end }: Diagnostic["at"]["span"], texts: Texts) {
  const text = texts.get(file);
  if (text === undefined) return undefined;
  const [from, to] = [text.position(start), text.position(end)];
  const region = { startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column };
  return { artifactLocation: locationOf(file), region };
}

/** A file as a URI: relative to the working folder, or absolute if it lies elsewhere. */
function locationOf(file: string): { readonly uri: string; readonly uriBaseId?: string } {
  const inside = relative(process.cwd(), resolve(file));
  if (inside === "" || inside.startsWith("..")) return { uri: pathToFileURL(resolve(file)).href };
  return { uri: inside.split(sep).map(encodeURIComponent).join("/"), uriBaseId: ROOT };
}
