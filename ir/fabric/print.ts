/**
 * The text form of a fabric program; ir/fabric/parse.ts reads it back. docs/fabric.md has a worked example.
 *
 *     fabric "chain" {
 *       target "wse2" fabric 757 x 996 sram=49152 colors=24 reserved [21, 22, 23]
 *       dead (17, 33)
 *       dead link (20, 33) east
 *       layer "sum"
 *       role r0 layer 0 at [(4, 1), (8, 1) 3 x 1 step 2 x 1] {
 *         region data address=7680 words=8 slots=1 writers=0 readers=0 activations
 *         task main {
 *           reduce add color 1 queue 0 own data 0 [8: 1] to color 0 queue 0
 *         }
 *       }
 *       route color 0 at [(5, 1)] { east -> ramp }
 *       route color 1 at [(6, 1)] filter 3 + 4 of 10 { ramp -> west for 8, east -> west, ramp for 16 }
 *       load (4, 1) data + 0 value 12 [0 [8: 1]]
 *       input "x" at (0, 1) west color 22 [0 [8: 1]]
 *     }
 */
import { nth } from "../../ir/access.ts";
import { printExpr } from "../text/expr.ts";
import type {
  CoreSet,
  EdgeStream,
  Elements,
  Endpoint,
  FabricProgram,
  FabricTarget,
  Landing,
  Load,
  LoadSource,
  Operand,
  Operation,
  Position,
  Region,
  Role,
  RouterRule,
  Step,
  Strided,
} from "./program.ts";

const quote = (text: string): string => JSON.stringify(text);
const point = (x: number, y: number): string => `(${x}, ${y})`;
const list = <T>(items: readonly T[], print: (item: T) => string): string => `[${items.map(print).join(", ")}]`;

/** Prints a program; `parseFabric` gives it back equal. */
export function printFabric(program: FabricProgram): string {
  const lines = [
    printTarget(program.target),
    ...program.target.deadCores.map(({ x, y }) => `dead ${point(x, y)}`),
    ...(program.target.deadLinks ?? []).map(({ x, y, side }) => `dead link ${point(x, y)} ${side}`),
    ...program.layers.map((name) => `layer ${quote(name)}`),
    ...program.roles.flatMap(printRole),
    ...program.routers.map(printRule),
    ...program.loads.map(printLoad),
    ...program.edges.map(printEdge),
  ];
  return `fabric ${quote(program.name)} version=${program.version} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

const printTarget = ({ name, width, height, sramBytes, colorsPerRouter, reservedColors }: FabricTarget): string =>
  `target ${quote(name)} fabric ${width} x ${height} sram=${sramBytes} colors=${colorsPerRouter} reserved ${list(reservedColors, String)}`;

function printSet({ x, y, columns, rows, stepX, stepY }: CoreSet): string {
  if (columns === 1 && rows === 1) return point(x, y);
  const step = stepX === 1 && stepY === 1 ? "" : ` step ${stepX} x ${stepY}`;
  return `${point(x, y)} ${columns} x ${rows}${step}`;
}

function printRole({ name, layer, cores, regions, tasks }: Role): string[] {
  return [
    `role ${name} layer ${layer} at ${list(cores, printSet)} {`,
    ...regions.map((region) => `  ${printRegion(region)}`),
    ...tasks.flatMap((task) => [`  task ${task.name} {`, ...task.steps.map((step) => `    ${printStep(step)}`), "  }"]),
    "}",
  ];
}

const printRegion = ({ name, address, words, slots, writers, readers, category }: Region): string =>
  `region ${name} address=${address} words=${words} slots=${slots} writers=${writers} readers=${readers} ${category}`;

const printEnd = ({ color, queue }: Endpoint): string => `color ${color} queue ${queue}`;

const printDims = (sizes: readonly number[], strides: readonly number[]): string =>
  `[${sizes.map((size, dim) => `${size}: ${nth(strides, dim)}`).join(", ")}]`;

const printStrided = ({ region, offset, sizes, strides }: Strided): string =>
  `${region} ${offset} ${printDims(sizes, strides)}`;

const printLanding = ({ words, into }: Landing): string => (into === null ? `drop ${words}` : printStrided(into));

const printOperand = ({ region, offset, strides }: Operand): string => `${region} ${offset} ${list(strides, String)}`;

function printOperation(operation: Operation): string {
  switch (operation.kind) {
    case "multiplyAdd":
      return "multiplyAdd";
    case "combine":
      return `combine ${operation.with}`;
    case "map":
      return `map ${printExpr(operation.expr)}`;
    case "lookup":
      return `lookup rows ${operation.first} + ${operation.rows} of ${operation.size} every ${operation.stride}`;
  }
}

function printStep(step: Step): string {
  switch (step.kind) {
    case "claim":
    case "publish":
    case "take":
    case "free":
      return `${step.kind} ${step.region}`;
    case "receive":
      return `receive ${printEnd(step.from)} into ${list(step.into, printLanding)}`;
    case "send":
      return `send ${list(step.words, printStrided)} to ${printEnd(step.to)}`;
    case "reduce": {
      const to = step.to === null ? "" : ` to ${printEnd(step.to)}`;
      return `reduce ${step.with} ${printEnd(step.from)} own ${printStrided(step.own)}${to}`;
    }
    case "fill":
      return `fill ${printStrided(step.into)} with ${printNumber(step.value)}`;
    case "compute": {
      const { operation, begins, sizes, vector, out, args } = step;
      return `compute ${begins ? "begin " : ""}${printOperation(operation)} over ${list(sizes, String)} vector ${vector} out ${printOperand(out)} args ${list(args, printOperand)}`;
    }
  }
}

const printNumber = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

function printRule({ color, cores, positions, filter }: RouterRule): string {
  const filtered = filter === null ? "" : ` filter ${filter.begin} + ${filter.count} of ${filter.period}`;
  return `route color ${color} at ${list(cores, printSet)}${filtered} { ${positions.map(printPosition).join("; ")} }`;
}

const printPosition = ({ from, to, words }: Position): string =>
  `${from} -> ${to.join(", ")}${words === null ? "" : ` for ${words}`}`;

const printElements = ({ offset, sizes, strides }: Elements): string => `${offset} ${printDims(sizes, strides)}`;

const printSource = (from: LoadSource): string =>
  from.kind === "constant" ? `value ${from.value}` : `past ${quote(from.name)}`;

const printLoad = ({ x, y, region, at, from, elements }: Load): string =>
  `load ${point(x, y)} ${region} + ${at} ${printSource(from)} ${list(elements, printElements)}`;

const printEdge = ({ kind, name, x, y, side, color, elements }: EdgeStream): string =>
  `${kind} ${quote(name)} at ${point(x, y)} ${side} color ${color} ${list(elements, printElements)}`;
