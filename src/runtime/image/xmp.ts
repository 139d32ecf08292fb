// A text inside an XMP packet: where the recipe of a WebP, JPEG, AVIF or GIF travels.
// In: a text. Out: the packet, and the text back. Invariant: any line of JSON survives (it has no control characters).
// Source: XMP specification part 1 (ISO 16684-1), 7: RDF in an x:xmpmeta element.

const NAMESPACE = "urn:lacec:recipe:1:";

/** An XMP packet that holds `text` as the property lace:KEYWORD. */
export function xmpPacket(keyword: string, text: string): string {
  return (
    `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
    `<rdf:Description rdf:about="" xmlns:lace="${NAMESPACE}"><lace:${keyword}>${escapeText(text)}</lace:${keyword}>` +
    `</rdf:Description></rdf:RDF></x:xmpmeta>`
  );
}

/** The text of a packet, whoever wrote it down again in between; undefined if it has none. */
export function readXmpText(packet: string, keyword: string): string | undefined {
  const element = new RegExp(`<lace:${keyword}>([^<]*)</lace:${keyword}>`).exec(packet)?.[1];
  const attribute = new RegExp(`\\slace:${keyword}=(?:"([^"<]*)"|'([^'<]*)')`).exec(packet);
  const raw = element ?? attribute?.[1] ?? attribute?.[2];
  return raw === undefined ? undefined : unescapeText(raw);
}

/** Markup and whatever is not plain ASCII as character references. */
function escapeText(text: string): string {
  return text.replace(/[<>&"']|[^\x20-\x7e]/gu, (c) => `&#${c.codePointAt(0) ?? 0};`);
}

function unescapeText(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, (whole, decimal, hex, name) => {
    if (typeof name === "string") return named[name] ?? whole;
    const code = typeof decimal === "string" ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
