// The build: TypeScript to a few files. The parser and option libraries are bundled (chevrotain alone is hundreds of files, a
// quarter of a second to load one by one); engines and the image codec stay packages, loaded when they are used.
// Chunks lie two folders deep, as the sources do, so that paths relative to import.meta.url are the same in both.
import { defineConfig } from "rolldown";

export default defineConfig({
  input: {
    "cli/main": "src/cli/main.ts",
    "lib/index": "src/index.ts",
    "lib/language": "src/language.ts",
    "lib/lsp": "src/lsp.ts",
    "lib/node": "src/node.ts",
    "lib/worker": "src/worker.ts",
  },
  platform: "node",
  external: [/^@huggingface\//, /^@tensorflow\//, /^onnxruntime-/, "sharp", "webgpu"],
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    cleanDir: true,
    minify: false,
    sourcemap: true,
  },
});
