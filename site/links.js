// Whether the links of a built site lead somewhere. In: its folder. Out: what leads nowhere, as "page: address".
// Not followed: other hosts, and the folders that are made by others (the studio, the reference of the library).
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

const ADDRESS = /\s(?:href|src)="([^"]*)"/g;
const ID = /\sid="([^"]*)"/g;

export function brokenLinks(folder, others = ["studio", "api"]) {
  const isOther = (path) => others.some((o) => path === o || path.startsWith(`${o}/`));
  const pages = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((f) => f.replaceAll("\\", "/"))
    .filter((f) => f.endsWith(".html") && !isOther(f));
  const texts = new Map(pages.map((page) => [page, readFileSync(join(folder, page), "utf8")]));
  const ids = new Map([...texts].map(([page, text]) => [page, new Set([...text.matchAll(ID)].map(([, id]) => id))]));
  const broken = [];
  for (const [page, text] of texts)
    for (const [, written] of text.matchAll(ADDRESS)) {
      const address = written.replaceAll("&amp;", "&");
      if (/^(?:https?|mailto|data):/.test(address)) continue;
      const [path, hash] = address.split("#");
      let target = path === "" ? page : posix.join(posix.dirname(page), decodeURI(path));
      if (isOther(target.replace(/\/$/, ""))) {
        if (existsSync(join(folder, target.split("/")[0])) && !existsSync(join(folder, target)))
          broken.push(`${page}: ${address}`);
        continue;
      }
      if (target.endsWith("/") || target === ".") target = posix.join(target, "index.html");
      const isThere = existsSync(join(folder, target)) && statSync(join(folder, target)).isFile();
      const isAnchor = hash === undefined || hash === "" || !ids.has(target) || ids.get(target).has(decodeURI(hash));
      if (!isThere || !isAnchor) broken.push(`${page}: ${address}`);
    }
  return broken;
}
