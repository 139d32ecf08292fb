// Names of imported models: `model ffhq from "ffhq"`. A name has no folder and no extension; everything else is a path.
// In: what stands after `from`. Out: whether it is a name, and what a Host is asked for.

/** How a Host is asked for a model by name: `host.resolve("", "model:ffhq")`. */
export const MODEL_PREFIX = "model:";

/** Whether this is the name of an imported model. `./ffhq` is a path. */
export function isModelName(reference: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$/.test(reference);
}

interface Family {
  readonly pattern: RegExp;
  readonly url: string;
}
/** Where the checkpoints that people mean by these names are published (docs/models.md). */
const PUBLISHED = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained";
const FAMILIES: readonly Family[] = [
  { pattern: /^ffhq/i, url: `${PUBLISHED}/ffhq.pkl` },
  { pattern: /^metfaces/i, url: `${PUBLISHED}/metfaces.pkl` },
  { pattern: /^afhq[_-]?(cat|dog|wild)/i, url: `${PUBLISHED}/afhq{kind}.pkl` },
  { pattern: /^afhq/i, url: `${PUBLISHED}/afhqcat.pkl` },
  { pattern: /^cifar/i, url: `${PUBLISHED}/cifar10.pkl` },
];

/** Commands that would bring a model of this name. */
export function commandsFor(name: string): readonly string[] {
  const family = FAMILIES.find((f) => f.pattern.test(name));
  const kind = /cat|dog|wild/i.exec(name)?.[0].toLowerCase() ?? "";
  const url = family?.url.replace("{kind}", kind) ?? "URL";
  return [
    `with the checkpoint at hand: lacec models add CHECKPOINT --name ${name}`,
    `from the network: lacec models pull ${url} --sha256 HASH --name ${name}`,
    "lacec models list shows what is there; docs/models.md says where models come from",
  ];
}
