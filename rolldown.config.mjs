// The build: TypeScript to a few files. All of JavaScript is bundled (chevrotain alone is hundreds of files, a quarter of a second to
// load one by one; the parts of TensorFlow.js that are used are a thirtieth of its packages). What has native code stays a package.
// Chunks lie two folders deep, as the sources do, so that paths relative to import.meta.url are the same in both.
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig } from "rolldown";
import { licences } from "./scripts/licences.js";

/** Where the WebAssembly of TensorFlow.js lies: PACKAGE/dist. */
const from = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));

/** npx runs the command of this folder by its name, and makes it executable the first time alone: a file that was built anew would be refused. */
const executable = {
  name: "executable",
  writeBundle() {
    chmodSync("dist/cli/main.js", 0o755);
  },
};

/** The WebAssembly of TensorFlow.js, which is read from files: dist/wasm. */
const wasm = {
  name: "wasm",
  writeBundle() {
    mkdirSync("dist/wasm", { recursive: true });
    for (const kind of ["", "-simd"])
      copyFileSync(join(from, `tfjs-backend-wasm${kind}.wasm`), `dist/wasm/tfjs-backend-wasm${kind}.wasm`);
  },
};

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
  // Of BullMQ its other databases stay out: it asks for them when they are used.
  external: [
    /^@huggingface\//,
    /^@redis\//,
    /^@valkey\//,
    /^bullmq-otel$/,
    "pg",
    "redis",
    /^@tensorflow\/tfjs($|-node)/,
    /^@vladmandic\//,
    /^onnxruntime-/,
    "sharp",
    "webgpu",
  ],
  plugins: [wasm, executable, licences("THIRD-PARTY-LICENCES.txt", [dirname(from)]).write],
  // Emscripten asks where its script lies; it is told where the files are (dist/wasm) before it looks there.
  transform: { define: { __dirname: '""', __filename: '""' } },
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
