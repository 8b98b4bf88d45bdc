/**
 * Who may import whom: one allow-list. eslint.config.js makes its rules of it, test/architecture walks the sources by it, and the table in
 * docs/architecture.md is printed from it (`node scripts/print-house.mjs --write`). A new folder is a new row.
 *
 * A file belongs to the row with the longest `folder` that holds it, and may import the other files of its row, and what `mayImport` lists: a folder
 * (the files of its own row), a folder with all below it (`ir/**`), or one file.
 */

/** @typedef {{ folder: string, subject: string, mayImport: readonly string[], isPlanned?: true }} Row */

const ir = "ir/**";

/** Pieces of compiler/ that stages share. */
const constants = "compiler/evaluate-constants.ts";
const random = "compiler/random.ts";
const axes = "compiler/axes.ts";

/** What one part of the placer may know of the others: the problem itself. */
const problem = "compiler/placement/problem.ts";

/** @type {readonly Row[]} */
export const house = [
  { folder: "ir", subject: "types, inference rules, text forms, verifiers", mayImport: [ir] },
  {
    folder: "ir/machine",
    subject:
      "a machine and what work costs on it: target, mapping, work of a core, cycles and memory, collectives, travel ([mappings.md](mappings.md))",
    mayImport: [ir],
  },
  { folder: "runtime", subject: "load and run a program", mayImport: [ir, "runtime/**"] },
  {
    folder: "runtime/model-compiler.ts",
    subject: "the one place where the runtime reaches for the compiler, lazily, when it is given an `.onnx` model",
    mayImport: [ir, "runtime", "runtime/browser", "compiler/session-compiler.ts"],
  },
  {
    folder: "runtime/browser",
    subject: "the compiler in a worker of a page, and its programs in the page's cache",
    mayImport: [ir, "runtime", "runtime/model-compiler.ts", "runtime/digest"],
  },
  { folder: "runtime/digest", subject: "digests of files", mayImport: [ir] },
  {
    folder: "runtime/host",
    subject: "functions over JavaScript values",
    mayImport: [ir, "runtime/reference", "runtime/host/**"],
  },
  { folder: "runtime/images", subject: "images as tensors, and back", mayImport: [ir, "runtime", "runtime/host/**"] },
  {
    folder: "runtime/reference",
    subject: "evaluates ops over constants",
    mayImport: [ir, "runtime/host", "runtime/loop-limit.ts"],
  },
  {
    folder: "runtime/simulator",
    subject: "runs a fabric program core by core",
    mayImport: [ir, "runtime/simulator/**", "runtime/reference"],
  },
  { folder: "runtime/threads", subject: "threads over shared memory", mayImport: [ir, "runtime"] },
  {
    folder: "compiler",
    subject: "the pipeline on one screen, compiled folders, the public surface",
    mayImport: [ir, "compiler/**", "runtime/**"],
  },
  { folder: constants, subject: "ops over constants, while a model is compiled", mayImport: [ir, "runtime/reference"] },
  { folder: random, subject: "seeded random numbers", mayImport: [] },
  { folder: axes, subject: "values of axes, ranges, combinations by their number", mayImport: [] },
  {
    folder: "compiler/frontend",
    subject: "ONNX -> graph; the only place that knows ONNX",
    mayImport: [ir, "compiler/frontend/**", "runtime/reference", constants],
  },
  {
    folder: "compiler/passes",
    subject: "graph -> graph",
    mayImport: [ir, "compiler/passes/**", "runtime/reference", constants],
  },
  {
    folder: "compiler/kernels",
    subject: "graph -> kernel graph (nests/: what an op is), families and the mappings they offer",
    mayImport: [ir, "compiler/kernels/**"],
  },
  {
    folder: "compiler/targets",
    subject: "presets as data, and reading of a user's own machine",
    mayImport: [ir, "compiler/targets/**"],
  },
  {
    folder: "compiler/solver",
    subject: "one interface for integer programs; adapters for the solvers",
    mayImport: [ir, "compiler/solver/**"],
  },
  {
    folder: "compiler/placement",
    subject: "kernel graph + target -> placement",
    mayImport: [
      ir,
      "compiler/kernels",
      "compiler/solver",
      "compiler/placement/arrangement",
      "compiler/placement/constraints",
      "compiler/placement/explain",
      "compiler/placement/packing",
      "compiler/placement/resident",
      "compiler/placement/routing",
      "compiler/placement/sizing",
    ],
  },
  {
    folder: "compiler/placement/arrangement",
    subject:
      "search and proofs over floorplans of any items with shapes and wires: slicing trees, strips, bounds, integer programs",
    mayImport: [ir, "compiler/solver", random],
  },
  {
    folder: "compiler/placement/checker",
    subject: "says whether a placement is legal; shares nothing with the placer",
    mayImport: [ir],
  },
  {
    folder: "compiler/placement/constraints",
    subject: "what users ask for",
    mayImport: [ir, "compiler/placement/packing/grid.ts", random],
  },
  {
    folder: "compiler/placement/explain",
    subject: "what binds, what does not fit, and the least change that would help",
    mayImport: [
      ir,
      "compiler/kernels",
      "compiler/targets",
      "compiler/placement",
      "compiler/placement/constraints",
      "compiler/placement/packing",
      "compiler/placement/routing",
      "compiler/placement/sizing",
    ],
  },
  {
    folder: "compiler/placement/packing",
    subject: "rectangles at one interval, around obstacles",
    mayImport: [ir, problem],
  },
  {
    folder: "compiler/placement/resident",
    subject: "all layers on one region, one after the other",
    mayImport: [
      ir,
      "compiler/kernels",
      "compiler/placement",
      "compiler/placement/constraints",
      "compiler/placement/packing",
    ],
  },
  {
    folder: "compiler/placement/routing",
    subject: "lanes and colors",
    mayImport: [ir, "compiler/placement/packing/grid.ts"],
  },
  {
    folder: "compiler/placement/sizing",
    subject: "the least interval that areas allow",
    mayImport: [ir, "compiler/solver", problem],
  },
  {
    folder: "compiler/fabric",
    subject: "placement -> fabric program: what every core receives, computes and sends",
    mayImport: [
      ir,
      "compiler/fabric/**",
      "compiler/kernels",
      "compiler/placement/routing",
      "runtime/reference",
      "runtime/artifact.ts",
    ],
  },
  {
    folder: "compiler/contest",
    subject: "the wafer placement contest: a second kernel library for the same engine",
    mayImport: [ir, "compiler/placement/arrangement", "compiler/solver"],
  },
  {
    folder: "compiler/partition",
    subject: "operator graph -> split over devices; kernel graph -> parts, one per wafer",
    mayImport: [
      ir,
      "compiler/kernels",
      "compiler/solver",
      "compiler/placement",
      "compiler/placement/checker",
      "compiler/placement/explain",
      "compiler/placement/sizing",
      random,
    ],
  },
  {
    folder: "compiler/planner",
    subject: "giant models: shapes, plans, comparisons, fleets",
    mayImport: [ir, "compiler/planner/**", "compiler/kernels", "compiler/placement", "compiler/targets", axes],
    isPlanned: true,
  },
  {
    folder: "compiler/planner/machines",
    subject: "clusters, and machines to compare with, as data",
    mayImport: [ir, "compiler/targets"],
  },
  {
    folder: "compiler/planner/models",
    subject: "graphs of language models from their configurations",
    mayImport: [ir, "compiler/frontend", "compiler/files", random],
  },
  {
    folder: "compiler/sweep",
    subject: "design spaces: specifications, points, jobs, who does them, what comes out ([sweeps.md](sweeps.md))",
    mayImport: [ir, "compiler", "compiler/**", "runtime/**"],
  },
  {
    folder: "compiler/validate",
    subject: "published tables against the model",
    mayImport: [ir, "compiler/validate/**", "compiler/targets", "compiler/fabric/**", "runtime/simulator/**"],
  },
  { folder: "compiler/codegen", subject: "graph -> program", mayImport: [ir, "compiler/codegen/**"] },
  {
    folder: "compiler/tuning",
    subject: "measures what kernels leave open, files of choices",
    mayImport: [ir, "compiler/codegen/**", "runtime/**"],
  },
  {
    folder: "compiler/report",
    subject: "what people look at: data/ what a report says, map/ the wafer as a drawing, page/ how it looks",
    mayImport: [ir, "compiler/report/**", "compiler/placement", "compiler/placement/routing"],
  },
  {
    folder: "compiler/report/page-bundle.ts",
    subject: "the report's page, bundled; in dist/ the build's file stands in its place",
    mayImport: ["scripts/bundle-page.mjs"],
  },
  {
    folder: "compiler/site",
    subject:
      "the page without installation: page/ what people see, worker/ the compiler behind it, examples/ models made by code ([site.md](site.md))",
    mayImport: [ir, "compiler", "compiler/**", "runtime/**"],
  },
  {
    folder: "compiler/project",
    subject: "a user's build: configuration, results that are kept, Vite's plugin, goldens of tests",
    mayImport: [ir, "compiler/**", "runtime/**"],
  },
  {
    folder: "compiler/files",
    subject: "what verbs write: whole or not at all, and over nothing that is not wsc's",
    mayImport: [ir, "runtime/digest"],
  },
  { folder: "compiler/cli", subject: "one file per verb", mayImport: [ir, "compiler/**", "runtime/**"] },
];

/** Import cycles that stand, each for a reason that docs/architecture.md gives: sets of files. */
export const knownCycles = [];

/** True when a file lies under a path, which may be a file itself. */
const isUnder = (file, folder) => file === folder || file.startsWith(`${folder}/`);

/** The row that a file belongs to: of those that hold it the one with the longest path; null where none does. */
export const rowOf = (file) =>
  house.reduce(
    (best, row) => (isUnder(file, row.folder) && row.folder.length > (best?.folder.length ?? -1) ? row : best),
    null,
  );

/** True when a row allows one of its files to import another file. */
export const mayImport = (row, file) =>
  rowOf(file)?.folder === row.folder ||
  row.mayImport.some((entry) =>
    entry.endsWith("/**")
      ? isUnder(file, entry.slice(0, -3))
      : /\.m?[jt]s$/.test(entry)
        ? file === entry
        : rowOf(file)?.folder === entry,
  );

/** The table of docs/architecture.md. */
export function printHouse() {
  const cell = (entry) => entry.replace(/\/\*\*$/, "");
  const own = ({ folder }) => [folder, `${folder}/**`];
  const lines = house.map((row) => {
    const others = row.mayImport.filter((entry) => !own(row).includes(entry)).map(cell);
    const indent = house.some(
      ({ folder }) => folder !== row.folder && row.folder.startsWith(`${folder}/`) && folder.includes("/"),
    )
      ? "— "
      : "";
    const name = row.folder.endsWith(".ts") ? row.folder : `${row.folder}/`;
    const subject = row.isPlanned === true ? `${row.subject} (to come)` : row.subject;
    return `| ${indent}${name} | ${subject} | ${others.length === 0 ? "nothing of the project" : others.join(", ")} |`;
  });
  return ["| folder | subject | may import |", "|---|---|---|", ...lines].join("\n");
}
