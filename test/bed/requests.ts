// What benchmarks ask of a bed: requests of one and of three attributes, common and rare.
const near = (name: string, value: number): string => `${name} is ${value} +- 0.1`;
export const REQUESTS: Readonly<Record<string, readonly string[]>> = {
  one: [
    ...["red", "green", "gold"].map((hue) => `hue is ${hue}`),
    ...["size", "across", "light"].flatMap((name) => [0.25, 0.8].map((value) => near(name, value))),
    ...["corner", "ring", "not ring", "stripes", "dots is two", "dots is none"],
  ],
  three: [
    "hue is red and ring and dots is two",
    `hue is blue and stripes and ${near("light", 0.8)}`,
    `ring and hue is green and ${near("size", 0.3)}`,
    `corner and hue is red and ${near("light", 0.3)}`,
    `hue is gold and ring and not stripes`,
    `stripes and dots is none and ${near("across", 0.25)}`,
    `${near("size", 0.7)} and ${near("across", 0.7)} and hue is blue`,
    `not ring and dots is two and ${near("size", 0.75)}`,
  ],
};
