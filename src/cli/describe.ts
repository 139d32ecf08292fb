// A description of a model file as a table.
import type { DecoderInput, Description, DescribedAttribute } from "../app/inspect.js";
import { oneLine } from "../source/foreign-text.js";
import type { Io } from "./io.js";

const LABEL_WIDTH = 13;

/** Prints a description on `io.out`. */
export function printDescription(d: Description, io: Io): void {
  const c = io.outColors;
  const lines = rows(d).flatMap(([label, ...values]) =>
    values.map((value, i) => `${c.dim((i === 0 ? label : "").padEnd(LABEL_WIDTH))}${oneLine(value)}`),
  );
  io.out(`${lines.join("\n")}\n`);
}

type Row = readonly [label: string, ...values: readonly string[]];

function rows(d: Description): Row[] {
  const table: Row[] = [
    ["file", `${d.file}, ${bytesText(d.bytes)}`],
    ["format", [d.format, ...d.dtypes].join(", ")],
  ];
  const add = (label: string, ...values: readonly string[]): void => {
    if (values.length > 0) table.push([label, ...values]);
  };
  if (d.name !== null) add("name", d.name);
  if (d.architecture !== null) add("architecture", [d.architecture, ...(d.style === null ? [] : [d.style])].join(", "));
  if (d.resolution !== null)
    add(
      "images",
      `${d.imageSize?.[0] ?? d.resolution} x ${d.imageSize?.[1] ?? d.resolution}${d.alpha === true ? ", with alpha" : ""}`,
    );
  if (d.zDim !== null || d.wDim !== null)
    add(
      "sizes",
      [named("z", d.zDim), named("w", d.wDim), named("layers", d.layers)].filter((s) => s !== "").join(", "),
    );
  if (d.mappingLayers !== null) add("mapping", d.mappingLayers === 0 ? "none: w is z" : `${d.mappingLayers} layers`);
  if (d.format === "lace-head" && d.classes !== null) add("outputs", String(d.classes));
  else if (d.classes !== null) add("classes", `0..${d.classes - 1}`);
  if (d.noise !== null) add("noise", d.noise ? "const, random or none" : "none");
  if (d.channels !== null) add("channels", channelsText(d.channels));
  if (d.parameters !== null && d.parameters > 0) add("parameters", d.parameters.toLocaleString("en-US"));
  add("attributes", ...attributeLines(d.attributes));
  add("layer groups", ...groupLines(d));
  if (d.decoder !== null) add("decoder", ...decoderLines(d.decoder));
  if (d.labeller !== null) add("labeller", `${d.labeller.file}, SHA-256 ${d.labeller.sha256}`);
  if (d.judge !== null) add("labeller", d.judge);
  if (d.licence !== null) add("licence", d.licence);
  if (d.source !== null) add("source", d.source);
  add("made from", ...originLines(d.madeFrom));
  add("SHA-256", d.sha256);
  return table;
}

function named(name: string, value: number | null): string {
  return value === null ? "" : `${name} ${value}`;
}

/** `118 MB`: decimal, as file managers show it. */
export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** `512 to 32 px, 256 at 64 px, ...`: neighbours that are equal are told once. */
function channelsText(channels: Readonly<Record<string, number>>): string {
  const entries = Object.entries(channels);
  const parts: string[] = [];
  entries.forEach(([px, n], i) => {
    if (entries[i + 1]?.[1] === n) return;
    const alone = i === 0 || entries[i - 1]?.[1] !== n;
    parts.push(`${n} ${alone ? "at" : "to"} ${px} px`);
  });
  return parts.join(", ");
}

function attributeLines(attributes: readonly DescribedAttribute[]): readonly string[] {
  const width = Math.max(...attributes.map((a) => a.name.length));
  return attributes.map((a) => {
    const type = attributeTypeText(a);
    const temperature = a.type !== "scalar" && a.temperature !== 1 ? `, temperature ${a.temperature}` : "";
    const space = a.space === "z" ? ", in z" : "";
    const validation = a.validation === undefined ? "" : `, ${validationText(a.validation)}`;
    return `${a.name.padEnd(width)}  ${type}${space}${temperature}${validation}`;
  });
}

/** The type of an attribute, as a script declares it. */
export function attributeTypeText(a: DescribedAttribute): string {
  if (a.type === "scalar") return `scalar in ${a.min}..${a.max} sigma ${a.sigma}`;
  return a.type === "binary" ? "binary" : `category { ${a.classes.join(", ")} }`;
}

/** What was measured of a head: `accuracy 0.97, samples 600`. */
export function validationText(validation: unknown): string {
  if (typeof validation !== "object" || validation === null) return String(validation);
  return Object.entries(validation)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(", ");
}

function groupLines({ layerGroups }: Description): readonly string[] {
  return Object.entries(layerGroups).map(([name, [from, to]]) => `${name} ${from}..${to}`);
}

function decoderLines(decoder: NonNullable<Description["decoder"]>): readonly string[] {
  const { file, input, inputShape, inputs = [], output, layout, channels, clip, outputRange, batch } = decoder;
  const colours = { 1: "grey", 3: "RGB", 4: "RGBA" }[channels];
  return [
    `${file}, SHA-256 ${decoder.sha256}`,
    `${input} [${[batch ?? "n", ...inputShape].join(", ")}] -> ${output}, ${layout}, ${colours}, ${outputRange.join("..")}`,
    ...(clip === undefined ? [] : [`z is kept within ${clip.join("..")}`]),
    ...inputs.map(
      (further) => `${further.name} [${further.dims.map((n) => n ?? "n").join(", ")}]: ${roleText(further)}`,
    ),
  ];
}

function roleText(input: DecoderInput): string {
  switch (input.role) {
    case "class":
      return `the class, ${input.form === "index" ? "its number" : `one of ${input.classes} places`}`;
    case "truncation":
      return "the truncation";
    case "constant":
      return input.values.length > 4 ? `${input.values.length} numbers, always the same` : input.values.join(", ");
  }
}

function originLines(madeFrom: unknown): readonly string[] {
  if (!Array.isArray(madeFrom)) return [];
  return (madeFrom as readonly unknown[]).flatMap((entry) => {
    if (typeof entry !== "object" || entry === null || !("file" in entry) || !("sha256" in entry)) return [];
    return [`${String(entry.file)}, SHA-256 ${String(entry.sha256)}`];
  });
}
