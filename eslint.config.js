import js from "@eslint/js";
import { globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default tseslint.config(
  globalIgnores(["dist/", "action/dist/", "editors/vscode/dist/", "training/", "test/fixtures/"]),
  js.configs.recommended,
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // docs/decisions/optional-properties.md: one spelling, `...(x !== undefined && { x })`.
      "no-restricted-syntax": [
        "error",
        {
          selector:
            ":matches(SpreadElement, SpreadProperty) > ConditionalExpression > ObjectExpression[properties.length=0]",
          message: "Spread `condition && { ... }` in place of a conditional with `{}`.",
        },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/cli/**"],
    rules: { "no-console": "error", "no-restricted-globals": ["error", "process"] },
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: { "@typescript-eslint/no-non-null-assertion": "off" },
  },
  {
    files: ["site/assets/*.js"],
    languageOptions: {
      globals: Object.fromEntries(["document", "fetch", "matchMedia"].map((name) => [name, "readonly"])),
    },
  },
  {
    files: ["studio/public/*.js"],
    languageOptions: {
      globals: Object.fromEntries(
        ["HTMLElement", "fetch", "document", "Blob", "CompressionStream", "Response", "btoa", "customElements"].map(
          (name) => [name, "readonly"],
        ),
      ),
    },
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: { console: "readonly", performance: "readonly", process: "readonly", URL: "readonly" },
    },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: { sourceType: "commonjs", globals: { Buffer: "readonly", process: "readonly" } },
  },
);
