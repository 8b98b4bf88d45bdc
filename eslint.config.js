import tseslint from "typescript-eslint";

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
  { folder: "compiler/contest", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/targets", "runtime"] },
  { folder: "compiler/partition", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/contest", "runtime"] },
  { folder: "compiler/solver", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report"] },
  { folder: "compiler/targets", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/codegen", "compiler/cli", "compiler/report", "compiler/solver"] },
  { folder: "compiler/codegen", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/kernels", "compiler/placement", "compiler/cli", "compiler/report", "compiler/solver", "runtime"] },
  { folder: "compiler/report", mayNotImport: ["compiler/frontend", "compiler/passes", "compiler/codegen", "compiler/cli", "compiler/solver", "runtime"] },
]; // prettier-ignore

/** The checker of placements stands alone: of its own folder it imports its own files, besides those ir/ and targets/ only. */
export const checker = {
  folder: "compiler/placement",
  files: /^check(-[a-z-]+)?\.ts$|^faults\.ts$/,
  mayImport: ["ir", "compiler/targets"],
};

const checkerRule = {
  files: ["compiler/placement/check*.ts", "compiler/placement/faults.ts"],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          { regex: "^\\./(?!check[-.]|faults\\.)", message: "the checker imports nothing of the placer" },
          { regex: "^\\.\\./(?!\\.\\./ir/|targets/)", message: "the checker imports ir and targets only" },
        ],
      },
    ],
  },
};

const importRules = forbiddenImports.map(({ folder, mayNotImport, except }) => ({
  files: [`${folder}/**/*.ts`],
  ignores: except === undefined ? [] : [except],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: mayNotImport.map((other) => ({
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
  ...importRules,
  checkerRule,
);
