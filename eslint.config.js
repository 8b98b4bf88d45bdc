import path from "node:path";
import tseslint from "typescript-eslint";
import { mayImport, rowOf } from "./house.mjs";

const root = import.meta.dirname;

/** Imports are those of the allow-list; test/architecture walks the sources by the same one, and looks for cycles. */
const imports = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const file = path.relative(root, context.filename).split(path.sep).join("/");
    const row = rowOf(file);
    const check = ({ source }) => {
      const specifier = source?.value;
      if (row === null || typeof specifier !== "string" || !specifier.startsWith(".")) return;
      const target = path.posix.join(path.posix.dirname(file), specifier);
      if (!mayImport(row, target))
        context.report({ node: source, message: `${row.folder} does not import ${target} (house.mjs)` });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "out/", "coverage/"] },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
      ],
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "as" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-syntax": ["error", { selector: "ExportDefaultDeclaration", message: "no default exports" }],
    },
  },
  // programs for onnxruntime may import the runtime by its default export
  { files: ["runtime/index.ts"], rules: { "no-restricted-syntax": "off" } },
  {
    files: ["ir/**/*.ts", "runtime/**/*.ts", "compiler/**/*.ts", "compiler/**/*.tsx"],
    plugins: { house: { rules: { imports } } },
    rules: { "house/imports": "error" },
  },
);
