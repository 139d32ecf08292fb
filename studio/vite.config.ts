// The studio's build: a static page in dist/studio, with workers for language and engine, and no address that leads out of its folder.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

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

export default defineConfig({
  root,
  base: "./",
  define: { LACEC_VERSION: JSON.stringify(version) },
  plugins: [threads],
  worker: { format: "es", plugins: () => [threads] },
  build: {
    outDir: "../dist/studio",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
