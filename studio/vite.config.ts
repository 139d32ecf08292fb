// The studio's build: a static page in dist/studio, with workers for language and engine, and no address that leads out of its folder.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import sharp from "sharp";
import { defineConfig, type Plugin } from "vite";
import { licences } from "../scripts/licences.js";

const root = fileURLToPath(new URL(".", import.meta.url));
const above = fileURLToPath(new URL("..", import.meta.url));
const outDir = join(above, "dist/studio");
const { version } = JSON.parse(readFileSync(join(above, "package.json"), "utf8")) as { version: string };

/**
 * Threads of TensorFlow.js's WebAssembly are workers that are given the text of a function (`toString`). A name from around that function,
 * which a minifier renames, would be missing there: it becomes a property of globalThis, which is nowhere set.
 */
const threads: Plugin = {
  name: "threads-of-tfjs",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("tfjs-backend-wasm-threaded-simd.js")) return null;
    const property = "globalThis.tfjsScriptDirectory";
    return { code: code.replaceAll("var _scriptDir", property).replaceAll("_scriptDir", property), map: null };
  },
};

/** Examples whose picture is among those of the gallery, by name. */
const pictured = new Map(
  readdirSync(join(above, "examples"))
    .filter((f) => f.endsWith(".lace"))
    .flatMap((f) => {
      const name = f.replace(/\.lace$/, "");
      const file = [".png", ".webp"].map((e) => join(above, "docs/images", name + e)).find((path) => existsSync(path));
      return file === undefined ? [] : [[name, file] as const];
    }),
);
const THUMBNAIL = 96;

/** A small square of each example's picture. */
const gallery: Plugin = {
  name: "gallery",
  async generateBundle() {
    for (const [name, file] of pictured) {
      const source = await sharp(file)
        .resize(THUMBNAIL, THUMBNAIL, { fit: "cover", position: "left top" })
        .webp({ quality: 80 })
        .toBuffer();
      this.emitFile({ type: "asset", fileName: `gallery/${name}.webp`, source });
    }
  },
};

/** The page proper is imported by its beginning, which starts the engine: the browser is told of it in the HTML, so that it is fetched at once. */
const preloadPage: Plugin = {
  name: "preload-page",
  transformIndexHtml: {
    order: "post",
    handler: (_, { bundle }) =>
      Object.values(bundle ?? {})
        .filter((file) => file.type === "chunk" && file.facadeModuleId?.endsWith("/src/start.tsx") === true)
        .map((file) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `./${file.fileName}` },
          injectTo: "head" as const,
        })),
  },
};

/** The service worker, which knows the names of all that was built. */
const serviceWorker: Plugin = {
  name: "service-worker",
  async closeBundle() {
    if (!existsSync(join(outDir, "index.html"))) return;
    const files = readdirSync(outDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "sw.js")
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(outDir.length + 1)
          .replaceAll("\\", "/"),
      )
      .sort();
    const hash = createHash("sha256").update(version);
    for (const file of files) hash.update(file).update(readFileSync(join(outDir, file)));
    const bundle = await rolldown({
      input: join(root, "src/sw.ts"),
      logLevel: "silent",
      transform: {
        define: { STUDIO_FILES: JSON.stringify(files), STUDIO_BUILD: JSON.stringify(hash.digest("hex").slice(0, 16)) },
      },
    });
    await bundle.write({ file: join(outDir, "sw.js"), format: "iife", minify: true });
    await bundle.close();
  },
};

/** The licences of what is bundled, in workers too: they are built before the page is written. */
const thirdParty = licences("licences.txt");

export default defineConfig({
  root,
  base: "./",
  define: { LACEC_VERSION: JSON.stringify(version), STUDIO_GALLERY: JSON.stringify([...pictured.keys()]) },
  plugins: [threads, gallery, preloadPage, thirdParty.write, serviceWorker],
  worker: { format: "es", plugins: () => [threads, thirdParty.collect] },
  build: {
    outDir: "../dist/studio",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
