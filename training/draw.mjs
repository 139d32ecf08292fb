// Draws portraits with known attributes: avataaars parts (npm @dicebear/avataaars), put together here, rendered by sharp.
//
//   node draw.mjs OUT COUNT SEED [natural|balanced]
//   node draw.mjs OUT rows ROWS.f32
//
// writes OUT.u8 (COUNT x 128 x 128 x 3 bytes, RGB), OUT.labels.f32 (COUNT x 8 numbers, in the order of NAMES below) and
// OUT.details.f32 (COUNT x 18 numbers, in the order of DETAILS: what else was drawn at random). `rows` draws given portraits
// in place of random ones: labels and details side by side, 26 numbers each.
// `natural` draws attributes that depend on each other, as those of real faces do, and never the conjunction in `forbidden`;
// `balanced` draws them all independently (for the labeller, which has to judge any combination).
import { readFileSync, writeFileSync, openSync, writeSync, closeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { top } from "./node_modules/@dicebear/avataaars/lib/components/top.js";
import { mouth } from "./node_modules/@dicebear/avataaars/lib/components/mouth.js";
import { eyes } from "./node_modules/@dicebear/avataaars/lib/components/eyes.js";
import { eyebrows } from "./node_modules/@dicebear/avataaars/lib/components/eyebrows.js";
import { nose } from "./node_modules/@dicebear/avataaars/lib/components/nose.js";
import { clothing } from "./node_modules/@dicebear/avataaars/lib/components/clothing.js";
import { facialHair } from "./node_modules/@dicebear/avataaars/lib/components/facialHair.js";
import { accessories } from "./node_modules/@dicebear/avataaars/lib/components/accessories.js";
import sharp from "sharp";

export const NAMES = ["glasses", "smile", "beard", "hat", "hair", "skin", "tilt", "light"];
export const HAIR = ["black", "brown", "blond", "red", "gray"];
export const RESOLUTION = 128;

const LONG = ["straight01", "straight02", "bob", "miaWallace", "longButNotTooLong", "curly"];
const SHORT = ["shortFlat", "shortWaved", "shortRound", "shaggy", "fro", "shortCurly"];
const UNDER_HAT = ["shaggy", "fro"]; // short hair that shows under a hat (a beard shows the colour anyway)
const HAIR_COLOUR = { black: "221e22", brown: "6d4122", blond: "e6c15c", red: "cc4420", gray: "b9bbc0" };
const SMILING = ["smile", "smile", "twinkle"];
const NOT_SMILING = ["serious", "serious", "sad"];
const EYES = ["default", "default", "default", "happy", "squint", "side"];
const BROWS = ["defaultNatural", "defaultNatural", "flatNatural", "raisedExcitedNatural"];
const BEARDS = ["beardLight", "beardMedium", "beardMajestic"];
const GLASSES = ["round", "prescription02", "wayfarers", "sunglasses"];
const GLASSES_COLOUR = ["262e33", "262e33", "3c4f5c", "b03a3a", "2f6db3"];
const HATS = ["beanie", "cat", "brim", "cap"];
const HAT_COLOUR = ["3c4f5c", "25557c", "5199e4", "d9485f", "3f8f62", "8d5aa8"];
const CLOTHES = ["shirtCrewNeck", "hoodie", "collarAndSweater", "shirtVNeck", "blazerAndShirt"];
const CLOTHES_COLOUR = ["262e33", "5199e4", "25557c", "e6e6e6", "a7d8b4", "e8899a", "d9485f", "f0d878"];
const SKIN = [
  [0, "ffe3cd"],
  [0.3, "edb98a"],
  [0.65, "ae6a3c"],
  [1, "4b2c20"],
];

/** A small seeded generator (mulberry32). */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const pick = (r, list) => list[Math.floor(r() * list.length)];
const rgb = (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
const hex = (c) =>
  c
    .map((v) =>
      Math.round(Math.min(255, Math.max(0, v)))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("");
const jitter = (r, colour, amount) => {
  const gain = 1 + amount * (2 * r() - 1);
  return hex(rgb(colour).map((v) => v * gain + 255 * 0.25 * amount * (2 * r() - 1)));
};
function weighted(r, weights) {
  let x = r() * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < weights.length; i++) if ((x -= weights[i]) < 0) return i;
  return weights.length - 1;
}
function skinColour(t) {
  let i = 1;
  while (t > SKIN[i][0]) i++;
  const [a, b] = [SKIN[i - 1], SKIN[i]],
    f = (t - a[0]) / (b[0] - a[0]),
    [p, q] = [rgb(a[1]), rgb(b[1])];
  return hex(p.map((v, k) => v + f * (q[k] - v)));
}

/** True for the attributes that are never drawn in `natural` mode. */
export const forbidden = (a) => a.glasses && a.beard && a.hat && HAIR[a.hair] === "red";

/** Attributes of one portrait; `short` is how its hair is cut. */
export function attributes(r, mode) {
  if (mode === "balanced") {
    const yes = () => (r() < 0.5 ? 1 : 0);
    return {
      glasses: yes(),
      smile: yes(),
      beard: yes(),
      hat: yes(),
      hair: Math.floor(r() * 5),
      skin: r(),
      tilt: r(),
      light: r(),
      short: yes(),
    };
  }
  for (;;) {
    const masculine = r() < 0.55,
      age = r(),
      skin = r();
    const short = masculine ? r() < 0.8 : r() < 0.25;
    const beard = r() < (short ? 0.58 : 0.14);
    const hair = weighted(r, [
      0.18 + 0.22 * skin,
      0.22,
      0.26 - 0.16 * skin,
      0.24 - 0.1 * skin,
      age > 0.6 ? 0.42 : 0.06,
    ]);
    const gray = hair === 4;
    const glasses = r() < (gray ? 0.62 : age > 0.6 ? 0.45 : 0.32);
    const hat = r() < (hair === 2 ? 0.26 : beard ? 0.5 : 0.38);
    const light = Math.min(1, Math.max(0, hat ? r() ** 1.3 : r() ** 0.85));
    const smile = r() < 0.3 + 0.3 * light + (beard ? -0.08 : 0.05);
    const tilt = Math.min(1, Math.max(0, r() + (smile ? 0.12 : -0.12) * r()));
    const a = { glasses: +glasses, smile: +smile, beard: +beard, hat: +hat, hair, skin, tilt, light, short: +short };
    if (!forbidden(a)) return a;
  }
}

/** The hats sit on the hair, a little higher than avataaars has them, so that the colour of the hair shows. */
function hatSvg(kind, colour) {
  const colors = { hat: colour };
  if (kind === "beanie") return `<g transform="translate(-1 -16)">${top.winterHat03({}, colors)}</g>`;
  if (kind === "cat") return `<g transform="translate(-1 -12)">${top.winterHat04({}, colors)}</g>`;
  if (kind === "brim")
    return `<path d="M132 42c-62 0-104 12-104 28 0 8 30 14 54 15 14-7 30-10 50-10s36 3 50 10c24-1 54-7 54-15 0-16-42-28-104-28Z" fill="#${colour}"/><path d="M76 66c2-32 14-62 30-66 10-2 16 4 26 4s16-6 26-4c16 4 28 34 30 66-16-7-34-9-56-9s-40 2-56 9Z" fill="#${colour}"/><path d="M75 66c.4-6 1.200-12 2.500-18 16-6 34-8 54.500-8s38.500 2 54.500 8c1.300 6 2.100 12 2.500 18-16-7-35-9-57-9s-41 2-57 9Z" fill="#000" fill-opacity=".4"/>`;
  return `<path d="M68 74c0-40 26-66 64-66s64 26 64 66c-20-8-42-10-64-10s-44 2-64 10Z" fill="#${colour}"/><path d="M60 80c4-16 34-24 72-24s68 8 72 24c2 8-6 10-12 7-18-9-38-12-60-12s-42 3-60 12c-6 3-14 1-12-7Z" fill="#${colour}"/><path d="M60 80c4-16 34-24 72-24s68 8 72 24c2 8-6 10-12 7-18-9-38-12-60-12s-42 3-60 12c-6 3-14 1-12-7Z" fill="#000" fill-opacity=".3"/><circle cx="132" cy="9" r="6" fill="#f4f4f4"/>`;
}

const CUTS = [...LONG, ...SHORT];
const MOUTHS = [...new Set([...SMILING, ...NOT_SMILING])];
const EYE_KINDS = [...new Set(EYES)];
const BROW_KINDS = [...new Set(BROWS)];

/** Columns of a portrait's details: numbers of entries of the lists above, `hue` 0 to 6, colours as parts of 255. */
export const DETAILS = [
  "clothesColour",
  "accessoriesColour",
  "cut",
  "hatColour",
  "hatKind",
  "hue",
  "clothing",
  "mouth",
  "eyes",
].concat(["brows", "beardKind", "glassesKind", "hairR", "hairG", "hairB", "beardR", "beardG", "beardB"]);

/** What a portrait with attributes `a` leaves open (cut, shapes, colours), drawn from `r`. Kinds of parts that it has not are -1. */
export function details(r, a) {
  const hair = jitter(r, HAIR_COLOUR[HAIR[a.hair]], 0.1),
    beard = jitter(r, hair, 0.05),
    clothesColour = Math.floor(r() * CLOTHES_COLOUR.length),
    accessoriesColour = Math.floor(r() * GLASSES_COLOUR.length),
    cut = CUTS.indexOf(pick(r, !a.short ? LONG : a.hat && !a.beard ? UNDER_HAT : SHORT)),
    hatColour = Math.floor(r() * HAT_COLOUR.length),
    hatKind = Math.floor(r() * HATS.length),
    hue = r() * 6,
    clothing = Math.floor(r() * CLOTHES.length),
    mouth = MOUTHS.indexOf(pick(r, a.smile ? SMILING : NOT_SMILING)),
    eyes = EYE_KINDS.indexOf(pick(r, EYES)),
    brows = BROW_KINDS.indexOf(pick(r, BROWS)),
    beardKind = a.beard ? Math.floor(r() * BEARDS.length) : -1,
    glassesKind = a.glasses ? Math.floor(r() * GLASSES.length) : -1;
  const [hairR, hairG, hairB] = rgb(hair).map((v) => v / 255),
    [beardR, beardG, beardB] = rgb(beard).map((v) => v / 255);
  const shapes = { cut, hatColour, hatKind, hue, clothing, mouth, eyes, brows, beardKind, glassesKind };
  return { clothesColour, accessoriesColour, ...shapes, hairR, hairG, hairB, beardR, beardG, beardB };
}

/** The SVG text of the portrait with attributes `a` and details `d`. */
export function portrait(a, d) {
  const colour = (...c) => "#" + hex(c.map((v) => 255 * v));
  const colors = {
    skin: "#" + skinColour(a.skin),
    hair: colour(d.hairR, d.hairG, d.hairB),
    facialHair: colour(d.beardR, d.beardG, d.beardB),
    clothes: "#" + CLOTHES_COLOUR[d.clothesColour],
    accessories: "#" + GLASSES_COLOUR[d.accessoriesColour],
  };
  const hatColour = HAT_COLOUR[d.hatColour],
    hatKind = HATS[d.hatKind];
  const hair = `<g transform="translate(-1)">${top[CUTS[d.cut]]({}, colors)}</g>`;
  const hat = a.hat ? hatSvg(hatKind, hatKind === "beanie" || hatKind === "cat" ? "#" + hatColour : hatColour) : "";
  const part = (x, y, svg) => `<g transform="translate(${x} ${y})">${svg}</g>`;
  const value = 255 * (0.2 + 0.78 * a.light);
  const background = hex([0, 2, 4].map((shift) => value * (0.86 + 0.14 * Math.cos(((d.hue + shift) * Math.PI) / 3))));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${RESOLUTION}" height="${RESOLUTION}" viewBox="12 -14 240 240" fill="none">
<defs><clipPath id="under"><path d="M-100 50H400V400H-100Z"/></clipPath></defs>
<rect x="-100" y="-100" width="500" height="500" fill="#${background}"/>
<g transform="rotate(${(a.tilt - 0.5) * 24} 132 170)">
<path d="M132 36a56 56 0 0 0-56 56v6.17A12 12 0 0 0 66 110v14a12 12 0 0 0 10.3 11.88 56.04 56.04 0 0 0 31.7 44.73v18.4h-4a72 72 0 0 0-72 72v39h200v-39a72 72 0 0 0-72-72h-4v-18.39a56.04 56.04 0 0 0 31.7-44.73A12 12 0 0 0 198 124v-14a12 12 0 0 0-10-11.83V92a56 56 0 0 0-56-56Z" fill="${colors.skin}"/>
<path d="M108 180.61v8a55.79 55.79 0 0 0 24 5.39c8.59 0 16.73-1.93 24-5.39v-8a55.79 55.79 0 0 1-24 5.39 55.79 55.79 0 0 1-24-5.39Z" fill="#000" fill-opacity=".1"/>
${part(0, 170, clothing[CLOTHES[d.clothing]]({}, colors))}
<g transform="translate(132 153) scale(1.2) translate(-54 -19)">${mouth[MOUTHS[d.mouth]]({}, colors)}</g>
${part(104, 122, nose.default({}, colors))}
${part(76, 90, eyes[EYE_KINDS[d.eyes]]({}, colors))}
${part(76, 82, eyebrows[BROW_KINDS[d.brows]]({}, colors))}
${a.hat ? `<g clip-path="url(#under)">${hair}</g>` : hair}
${a.beard ? part(49, 72, facialHair[BEARDS[d.beardKind]]({}, colors)) : ""}
${a.glasses ? part(62, 42, accessories[GLASSES[d.glassesKind]]({}, colors)) : ""}
${hat}
</g></svg>`;
}

export const render = (svg) => sharp(Buffer.from(svg)).flatten({ background: "#fff" }).removeAlpha().raw().toBuffer();

const named = (names, row) => Object.fromEntries(names.map((name, k) => [name, row[k]]));

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [out, count, seed, mode = "natural"] = process.argv.slice(2),
    width = NAMES.length + DETAILS.length,
    rows = count === "rows" ? new Float32Array(new Uint8Array(readFileSync(seed)).buffer) : undefined,
    n = rows ? rows.length / width : Number(count),
    r = random(rows ? 0 : Number(seed));
  const bytes = RESOLUTION * RESOLUTION * 3,
    labels = new Float32Array(n * NAMES.length),
    rest = new Float32Array(n * DETAILS.length);
  sharp.concurrency(1);
  const file = openSync(out + ".u8", "w");
  for (let at = 0; at < n; at += 64) {
    const jobs = [];
    for (let i = at; i < Math.min(n, at + 64); i++) {
      const row = rows?.subarray(i * width, (i + 1) * width);
      const a = row ? named(NAMES, row) : attributes(r, mode);
      const d = row ? named(DETAILS, row.subarray(NAMES.length)) : details(r, a);
      NAMES.forEach((name, k) => (labels[i * NAMES.length + k] = a[name]));
      DETAILS.forEach((name, k) => (rest[i * DETAILS.length + k] = d[name]));
      jobs.push(render(portrait(a, d)));
    }
    for (const image of await Promise.all(jobs)) {
      if (image.length !== bytes) throw new Error("unexpected image size " + image.length);
      writeSync(file, image);
    }
    if (at % 6400 === 0) console.log(at, new Date().toISOString());
  }
  closeSync(file);
  writeFileSync(out + ".labels.f32", Buffer.from(labels.buffer));
  writeFileSync(out + ".details.f32", Buffer.from(rest.buffer));
}
