import { readdirSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly files: readonly string[];
}
const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Package;

const built = readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" }).map((f) =>
  f.replaceAll("\\", "/"),
);

/** Packages that a built file imports, by name: static, dynamic and required ones that are written out. */
function packagesOf(text: string): Set<string> {
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\b[^"';]*?["']([^"']+)["'];?$/gm),
    ...text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g),
  ].map((m) => m[1]!);
  const bare = specifiers.filter((s) => !/^[./]|^node:|\$\{/.test(s) && !builtinModules.includes(s.split("/")[0]!));
  return new Set(bare.map((s) => (s.startsWith("@") ? s.split("/", 2).join("/") : s.split("/")[0]!)));
}

describe("what is installed", () => {
  test("is the image library alone; engines are chosen by the user, and nothing runs a script", () => {
    expect(Object.keys(own.dependencies)).toEqual(["sharp"]);
    const optional = Object.entries(own.peerDependenciesMeta).filter(([, meta]) => meta.optional === true);
    expect(optional.map(([name]) => name).sort()).toEqual(Object.keys(own.peerDependencies).sort());
    expect(Object.keys(own.peerDependencies)).toEqual(
      expect.arrayContaining(["onnxruntime-node", "@tensorflow/tfjs-node-gpu", "webgpu"]),
    );
  });

  test("has in it, or names, every package that a built file imports", () => {
    const named = new Set([...Object.keys(own.dependencies), ...Object.keys(own.peerDependencies)]);
    const scripts = built.filter((f) => /^(chunks|cli|lib)\/.*\.js$/.test(f));
    expect(scripts.length).toBeGreaterThan(20);
    const imported = new Set(scripts.flatMap((f) => [...packagesOf(readFileSync(join(root, "dist", f), "utf8"))]));
    expect([...imported].filter((name) => !named.has(name))).toEqual([]);
    expect(imported).toContain("sharp"); // imports are really found
  });

  test("says the licences of what is bundled into it, and of what the studio's page is made of", () => {
    for (const [file, packages] of [
      [
        "THIRD-PARTY-LICENCES.txt",
        ["chevrotain", "commander", "@tensorflow/tfjs-backend-wasm", "bullmq", "node-diff3"],
      ],
      ["studio/licences.txt", ["preact", "@codemirror/view", "@tensorflow/tfjs-core", "fflate"]],
    ] as const) {
      const text = readFileSync(join(root, "dist", file), "utf8");
      const titles = [...text.matchAll(/^(\S+) \d+\.\d+\.\d+\S*\n\nLicence: \S/gm)].map(([, name]) => name);
      expect(titles).toEqual(expect.arrayContaining([...packages]));
      expect(titles).toEqual([...titles].sort());
    }
  });

  test("brings the WebAssembly that runs where there is no other engine", () => {
    for (const kind of ["", "-simd"])
      expect(statSync(join(root, "dist/wasm", `tfjs-backend-wasm${kind}.wasm`)).size).toBeGreaterThan(100_000);
  });
});
