// Draws balanced portraits, each with variants in which one part is toggled and all else stays: what blend.py mixes into pictures
// whose part is unclear.
//
//   node draw-variants.mjs OUT COUNT SEED
//
// writes OUT.u8 (COUNT x VARIANTS x 128 x 128 x 3 bytes, RGB) and OUT.labels.f32 (COUNT x VARIANTS x 9 numbers: NAMES of draw.mjs,
// then the class of the beard's hair).
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { HAIR, NAMES, RESOLUTION, attributes, details, portrait, random, render } from "./draw.mjs";

export const VARIANTS = ["itself", "glasses", "smile", "beard", "hat", "hair", "beardHair", "otherHat", "otherCut"];

// details() draws 18 numbers before those of the parts that may be missing: the beard's kind and the glasses' kind.
const BEFORE = 18;
const CUT = 10,
  HAT_COLOUR = 11,
  HAT_KIND = 12;

/** A source of numbers for details() that gives each part the same ones whichever of the others there are. */
function taped(tape, a) {
  let at = 0;
  return () => {
    if (at === BEFORE && !a.beard) at++;
    return tape[at++];
  };
}

/** The portraits of one scene, in the order of VARIANTS. */
function scene(r) {
  const a = attributes(r, "balanced");
  const tape = Array.from({ length: BEFORE + 2 }, r);
  const another = (a.hair + 1 + Math.floor(r() * (HAIR.length - 1))) % HAIR.length;
  const redrawn = (...places) => tape.map((x, i) => (places.includes(i) ? r() : x));
  const variants = [
    [a, tape],
    ...["glasses", "smile", "beard", "hat"].map((name) => [{ ...a, [name]: 1 - a[name] }, tape]),
    [{ ...a, hair: another }, tape],
    [{ ...a, beardHair: another }, tape],
    [a, redrawn(HAT_COLOUR, HAT_KIND)],
    [{ ...a, short: 1 - a.short }, redrawn(CUT)],
  ];
  return variants.map(([b, numbers]) => {
    const d = details(taped(numbers, b), b);
    if (b.beardHair !== undefined) {
      const { beardR, beardG, beardB } = details(taped(numbers, b), { ...b, hair: b.beardHair });
      Object.assign(d, { beardR, beardG, beardB });
    }
    return { labels: b, svg: portrait(b, d) };
  });
}

const [out, count, seed] = process.argv.slice(2),
  n = Number(count),
  r = random(Number(seed)),
  columns = NAMES.length + 1;
const labels = new Float32Array(n * VARIANTS.length * columns);
const bytes = RESOLUTION * RESOLUTION * 3;
const file = openSync(out + ".u8", "w");
for (let at = 0; at < n; at += 16) {
  const portraits = Array.from({ length: Math.min(16, n - at) }, () => scene(r)).flat();
  portraits.forEach(({ labels: a }, i) => {
    const row = (at * VARIANTS.length + i) * columns;
    NAMES.forEach((name, k) => (labels[row + k] = a[name]));
    labels[row + NAMES.length] = a.beardHair ?? a.hair;
  });
  for (const image of await Promise.all(portraits.map(({ svg }) => render(svg)))) {
    if (image.length !== bytes) throw new Error("unexpected image size " + image.length);
    writeSync(file, image);
  }
  if (at % 1600 === 0) console.log(at, new Date().toISOString());
}
closeSync(file);
writeFileSync(out + ".labels.f32", Buffer.from(labels.buffer));
