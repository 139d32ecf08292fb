// ESLint for `npm run check:fast`: the rules of eslint.config.js, with a program of the changed files and of what they import in place of the whole tree's,
// which takes a third of the time. Types come from what a file imports, so it finds the same. `npm run lint` reads eslint.config.js alone.
import tseslint from "typescript-eslint";
import rules from "../eslint.config.js";

export default tseslint.config(...rules, {
  files: ["src/**/*.ts", "test/**/*.ts", "bench/**/*.ts"],
  languageOptions: {
    parserOptions: {
      projectService: false,
      project: "node_modules/.cache/lace-check/lint.json",
      tsconfigRootDir: `${import.meta.dirname}/..`,
    },
  },
});
