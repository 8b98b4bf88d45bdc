import tseslint from "typescript-eslint";

/** The parts of the placer, but those that one of them may import. */
const placementParts = (...but) =>
  ["arrangement", "checker", "constraints", "explain", "packing", "routing", "sizing"]
    .filter((part) => !but.includes(part))
    .map((part) => `compiler/placement/${part}`);

/**
 * The house's one-way imports: what a folder may not reach. The first pattern that names a file decides; test/architecture.test.ts
 * walks the import graph by the same table.
 */
export const forbiddenImports = [
  { folder: "ir", mayNotImport: ["compiler", "runtime"] },
  { folder: "runtime", mayNotImport: ["compiler"], except: "runtime/model-compiler.ts" },
  { folder: "compiler/frontend", mayNotImport: ["compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/solver"] },
  { folder: "compiler/passes", mayNotImport: ["compiler/frontend", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/solver"] },
  { folder: "compiler/kernels", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/solver"] },
  { folder: "compiler/placement", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/contest"] },
  { folder: "compiler/placement/arrangement", mayNotImport: [...placementParts("arrangement"), "compiler/kernels", "compiler/targets"] },
  { folder: "compiler/placement/packing", mayNotImport: [...placementParts("packing"), "compiler/kernels", "compiler/targets", "compiler/solver"] },
  { folder: "compiler/placement/sizing", mayNotImport: [...placementParts("sizing"), "compiler/kernels", "compiler/targets"] },
  { folder: "compiler/placement/constraints", mayNotImport: placementParts("constraints", "packing") },
  { folder: "compiler/placement/routing", mayNotImport: placementParts("routing", "packing") },
  { folder: "compiler/contest", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/targets", "runtime"] },
  { folder: "compiler/partition", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/contest", "runtime"] },
  { folder: "compiler/solver", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report"] },
  { folder: "compiler/targets", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/solver"] },
  { folder: "compiler/codegen", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/tuning", "compiler/cli", "compiler/report", "compiler/solver", "runtime"] },
  { folder: "compiler/tuning", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/cli", "compiler/report", "compiler/solver"] },
  { folder: "compiler/validate", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/tuning", "compiler/cli", "compiler/report", "compiler/solver", "compiler/files"] },
  { folder: "compiler/files", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/tuning", "compiler/cli", "compiler/report", "compiler/solver", "compiler/targets"] },
  { folder: "compiler/planner", mayNotImport: ["compiler/passes", "compiler/kernels", "compiler/codegen", "compiler/tuning", "compiler/cli", "compiler/report", "compiler/contest"] },
  { folder: "compiler/planner/models", mayNotImport: ["compiler/placement", "compiler/solver", "compiler/targets", "compiler/partition"] },
  { folder: "compiler/report", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/codegen", "compiler/cli", "compiler/solver", "runtime"] },
]; // prettier-ignore

/** The checker of placements stands alone: besides its own files it imports ir/ only. */
export const checker = { folder: "compiler/placement/checker", mayImport: ["ir"] };

const checkerRule = {
  files: [`${checker.folder}/*.ts`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            regex: "^\\.\\./(?!\\.\\./\\.\\./ir/)",
            message: "the checker imports ir only",
          },
        ],
      },
    ],
  },
};

/** Of several settings of a rule ESLint takes the last, so a folder inside another repeats what that one forbids. */
const forbiddenIn = (folder) =>
  forbiddenImports.filter((rule) => `${folder}/`.startsWith(`${rule.folder}/`)).flatMap((rule) => rule.mayNotImport);

const importRules = forbiddenImports.map(({ folder, except }) => ({
  files: [`${folder}/**/*.ts`],
  ignores: except === undefined ? [] : [except],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: forbiddenIn(folder).map((other) => ({
          regex: `^(\\.\\./)+${other.split("/").at(-1)}/`,
          message: `${folder} does not import ${other}`,
        })),
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "out/", "coverage/"] },
  {
    files: ["**/*.ts"],
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
  ...importRules,
  checkerRule,
);
