/**
 * The text form of a placement:
 *
 *     placement "lenet" {
 *       target "wse2" fabric 757 x 996 usable 750 x 994 at (4, 1) sram=49152 clock=850000000
 *       constraints {
 *         pin k0 at (4, 1) size 96 x 60 upright
 *         keep out 10 x 10 at (400, 400)
 *         dead (17, 33) (512, 8)
 *         together (k1, k2)
 *         interval=2000
 *       }
 *       k0 conv "Conv_0" 96 x 60 at (4, 1) upright {
 *         map 60 rows (h/15, c/4) x 96 columns (k/96) reduce=chain cycles=1200 latency=1400 ports=60 colors=6
 *         sram {code=5120, weights=832, activations=784, buffers=784, stack=5120}
 *       }
 *       route e0 k0 -> k1 color=6 lanes=4 horizontal (99, 1) to (100, 1)
 *       route e1 k1 -> k3 color=7 lanes=1 xyx (99, 8) to (200, 60) via 150 turn=0
 *       certificate {
 *         objective=1200 bound=1150 gap=0.0417 feasible "glpk.js 5.0.0" seed=0 bottleneck=kernel slowest=k0
 *         kernel=1200 link=900 io=40 latency=5200 wire=310
 *         goal latency value=5200 bound=5000 gap=0.0385 feasible
 *         fullest link (99, 1) east words=900 (e0) router (99, 1) colors=10
 *         moved=1 kept=7 added=0 distance=12
 *       }
 *     }
 *
 * `placement "lenet" precision f16 {` has operands of 16 bits where the model's are f32. `copies 7 by 4 every (187, 497)` before the kernels says that
 * they stand there seven times, four in a row of copies. Where kernels share one region, it stands there with what its fullest core holds and how values
 * are moved inside it:
 *
 *     resident 40 x 40 at (4, 1) {
 *       sram {code=7680, weights=3072, state=512, working=320, stack=5120}
 *       move e0 x0 columns cycles=61
 *     }
 */
import {
  type Certificate,
  type Copies,
  type Goal,
  linkDirections,
  oneCopy,
  type Pin,
  type PlacedKernel,
  type Placement,
  type PlacementConstraints,
  type PlacementMode,
  placementObjectives,
  type PlacementTarget,
  placementVersion,
  type Rect,
  type Route,
  routeShapes,
  unconstrained,
  viasOf,
  type DeadLink,
} from "./placement.ts";
import {
  namedInteger,
  parseFamily,
  parseKernelId,
  parsePrecision,
  parseSizes,
  printPrecision,
} from "./kernel-graph-text.ts";
import type { ReducePattern } from "./machine/collectives.ts";
import { conversionKinds } from "./machine/conversion.ts";
import type { LayoutMove } from "./machine/region-moves.ts";
import { type SramBudget, sramCategories, type Variant } from "./machine/cost.ts";
import type { Cut } from "./machine/mapping.ts";
import { regionCategories } from "./machine/resident.ts";
import { parseDeadLink } from "./text/dead-link.ts";
import { TextReader } from "./text/lexer.ts";
import { parsePoint } from "./text/point.ts";

const quote = (text: string): string => JSON.stringify(text);
const point = (x: number, y: number): string => `(${x}, ${y})`;
const rectangle = (rect: Rect): string => `${rect.width} x ${rect.height} at ${point(rect.x, rect.y)}`;

/** Prints a placement; `parsePlacement` gives it back equal. */
export function printPlacement(placement: Placement): string {
  const lines = [
    printTarget(placement.target),
    ...printConstraints(placement.constraints),
    ...printMode(placement.mode),
    ...printCopies(placement.copies),
    ...placement.kernels.flatMap(printKernel),
    ...placement.routes.map(printRoute),
    ...printCertificate(placement.certificate),
  ];
  return `placement ${quote(placement.model)}${printPrecision(placement.precision)} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

function printTarget({ name, width, height, usable, sramBytes, clockHz }: PlacementTarget): string {
  const fabric = `fabric ${width} x ${height} usable ${rectangle(usable)}`;
  return `target ${quote(name)} ${fabric} sram=${sramBytes} clock=${clockHz}`;
}

function printMode(mode: PlacementMode): string[] {
  if (mode.kind === "pipeline") return [];
  const budget = regionCategories.map((category) => `${category}=${mode.sram[category]}`).join(", ");
  return [
    `resident ${rectangle(mode.region)} {`,
    `  sram {${budget}}`,
    ...mode.moves.map(({ edge, operand, kind, cycles }) => `  move e${edge} ${operand} ${kind} cycles=${cycles}`),
    "}",
  ];
}

const printCopies = ({ count, columns, stepX, stepY }: Copies): string[] =>
  count === 1 ? [] : [`copies ${count} by ${columns} every ${point(stepX, stepY)}`];

const deadPerLine = 8;

function printConstraints(constraints: PlacementConstraints): string[] {
  const { pins, keepOut, deadCores, deadLinks, coLocate, maxInterval } = constraints;
  const lines = [...pins.map(printPin), ...keepOut.map((rect) => `keep out ${rectangle(rect)}`)];
  for (let start = 0; start < deadCores.length; start += deadPerLine) {
    const cores = deadCores.slice(start, start + deadPerLine);
    lines.push(`dead ${cores.map(({ x, y }) => point(x, y)).join(" ")}`);
  }
  for (const { x, y, side } of deadLinks ?? []) lines.push(`dead link ${point(x, y)} ${side}`);
  for (const group of coLocate) lines.push(`together (${group.map((id) => `k${id}`).join(", ")})`);
  if (maxInterval !== null) lines.push(`interval=${maxInterval}`);
  return lines.length === 0 ? [] : ["constraints {", ...lines.map((line) => `  ${line}`), "}"];
}

function printPin({ kernel, x, y, width, height, rotated }: Pin): string {
  const size = width === null || height === null ? "" : ` size ${width} x ${height}`;
  return `pin k${kernel} at ${point(x, y)}${size}${rotated === null ? "" : rotated ? " rotated" : " upright"}`;
}

function printKernel({ kernel, family, name, rect, rotated, variant }: PlacedKernel): string[] {
  const { mapping, cycles, latency, sram, ports, colors } = variant;
  const { height, width, rows, columns, reduce } = mapping;
  const shape = `map ${height} rows ${printCuts(rows)} x ${width} columns ${printCuts(columns)} reduce=${reduce}`;
  const budget = sramCategories.map((category) => `${category}=${sram[category]}`).join(", ");
  return [
    `k${kernel} ${family} ${quote(name)} ${rectangle(rect)} ${rotated ? "rotated" : "upright"} {`,
    `  ${shape} cycles=${cycles} latency=${latency} ports=${ports} colors=${colors}`,
    `  sram {${budget}}`,
    "}",
  ];
}

/** `(h/15, c/4)`: pieces by loop, the outermost cut first. */
export const printCuts = (cuts: readonly Cut[]): string =>
  `(${cuts.map(({ loop, pieces }) => `${loop}/${pieces}`).join(", ")})`;

function printRoute(route: Route): string {
  const ends = `${point(route.fromX, route.fromY)} to ${point(route.toX, route.toY)}`;
  const head = `route e${route.edge} k${route.from} -> k${route.to}`;
  const via = route.via === undefined ? "" : ` via ${route.via.join(" ")}`;
  const turn = route.turn === undefined ? "" : ` turn=${route.turn}`;
  return `${head} color=${route.color} lanes=${route.lanes} ${route.shape} ${ends}${via}${turn}`;
}

function printCertificate(c: Certificate): string[] {
  const found = `objective=${c.objective} bound=${c.bound} gap=${c.gap} ${c.status} ${quote(c.solver)} seed=${c.seed}`;
  const parts = `kernel=${c.kernelCycles} link=${c.linkCycles} io=${c.ioCycles}`;
  return [
    "certificate {",
    `  ${found} bottleneck=${c.bottleneck} slowest=${c.slowest === null ? "none" : `k${c.slowest}`}`,
    `  ${parts} latency=${c.latencyCycles} wire=${c.wireLength}`,
    ...printGoal(c.goal),
    ...printFullest(c),
    ...printMovement(c),
    "}",
  ];
}

/** The goal of throughput repeats the interval's figures, so it is left out. */
const printGoal = ({ kind, value, bound, gap, status }: Goal): string[] =>
  kind === "throughput" ? [] : [`  goal ${kind} value=${value} bound=${bound} gap=${gap} ${status}`];

function printFullest({ fullestLink: link, fullestRouter: router }: Certificate): string[] {
  const parts: string[] = [];
  if (link !== null) {
    const edges = link.edges.map((edge) => `e${edge}`).join(", ");
    parts.push(`link ${point(link.x, link.y)} ${link.direction} words=${link.words} (${edges})`);
  }
  if (router !== null) parts.push(`router ${point(router.x, router.y)} colors=${router.colors}`);
  return parts.length === 0 ? [] : [`  fullest ${parts.join(" ")}`];
}

const printMovement = ({ movement }: Certificate): string[] =>
  movement === null
    ? []
    : [`  moved=${movement.moved} kept=${movement.kept} added=${movement.added} distance=${movement.distance}`];

/** Reads the text form; throws WSC2007 on malformed text. Legality is the checker's affair. */
export function parsePlacement(text: string): Placement {
  const reader = new TextReader(text);
  reader.expect("placement");
  const model = reader.string();
  const precision = parsePrecision(reader);
  reader.expect("{");
  const target = parseTarget(reader);
  const constraints = reader.accept("constraints") ? parseConstraints(reader) : unconstrained;
  const mode = reader.accept("resident") ? parseResident(reader) : ({ kind: "pipeline" } as const);
  const copies = reader.accept("copies") ? parseCopies(reader) : oneCopy;
  const kernels: PlacedKernel[] = [];
  while (!reader.at("route") && !reader.at("certificate")) kernels.push(parseKernel(reader, kernels.length));
  const routes: Route[] = [];
  while (reader.accept("route")) routes.push(parseRoute(reader, kernels.length));
  const certificate = parseCertificate(reader, kernels.length);
  reader.expect("}");
  reader.end();
  return {
    version: placementVersion,
    model,
    precision,
    target,
    constraints,
    mode,
    copies,
    kernels,
    routes,
    certificate,
  };
}

function parseResident(reader: TextReader): PlacementMode {
  const region = parseRect(reader);
  reader.expect("{");
  reader.expect("sram");
  const take = sizesIn(reader);
  const sram = {
    code: take("code"),
    weights: take("weights"),
    state: take("state"),
    working: take("working"),
    stack: take("stack"),
  };
  const moves: LayoutMove[] = [];
  while (reader.accept("move")) {
    const edge = parseEdgeId(reader);
    const operand = reader.word("the name of an operand");
    const kind = reader.oneOf(conversionKinds);
    moves.push({ edge, operand, kind, cycles: namedInteger(reader, "cycles") });
  }
  reader.expect("}");
  return { kind: "resident", region, sram, moves };
}

function parseCopies(reader: TextReader): Copies {
  const count = reader.integer("a number of copies", 1);
  reader.expect("by");
  const columns = reader.integer("copies in a row", 1);
  reader.expect("every");
  const { x, y } = parsePoint(reader);
  return { count, columns, stepX: x, stepY: y };
}

function parseTarget(reader: TextReader): PlacementTarget {
  reader.expect("target");
  const name = reader.string();
  reader.expect("fabric");
  const width = reader.integer("a width", 1);
  reader.expect("x");
  const height = reader.integer("a height", 1);
  reader.expect("usable");
  const usable = parseRect(reader);
  const sramBytes = namedInteger(reader, "sram");
  return { name, width, height, usable, sramBytes, clockHz: namedNumber(reader, "clock") };
}

function parseRect(reader: TextReader): Rect {
  const width = reader.integer("a width", 1);
  reader.expect("x");
  const height = reader.integer("a height", 1);
  reader.expect("at");
  return { ...parsePoint(reader), width, height };
}

/** Kernels come later in the text, so their number is not known yet. */
const anyKernel = 10 ** 9;

function parseConstraints(reader: TextReader): PlacementConstraints {
  const pins: Pin[] = [];
  const keepOut: Rect[] = [];
  const deadCores: { readonly x: number; readonly y: number }[] = [];
  const deadLinks: DeadLink[] = [];
  const coLocate: number[][] = [];
  let maxInterval: number | null = null;
  reader.expect("{");
  while (!reader.accept("}")) {
    if (reader.accept("pin")) pins.push(parsePin(reader));
    else if (reader.accept("dead")) {
      if (reader.accept("link")) deadLinks.push(parseDeadLink(reader));
      else while (reader.at("(")) deadCores.push(parsePoint(reader));
    } else if (reader.accept("together")) coLocate.push(reader.list("(", ")", () => parseKernelId(reader, anyKernel)));
    else if (reader.at("interval")) maxInterval = namedNumber(reader, "interval");
    else {
      reader.expect("keep");
      reader.expect("out");
      keepOut.push(parseRect(reader));
    }
  }
  return {
    pins,
    keepOut,
    deadCores,
    ...(deadLinks.length === 0 ? {} : { deadLinks }),
    coLocate,
    maxInterval,
  };
}

function parsePin(reader: TextReader): Pin {
  const kernel = parseKernelId(reader, anyKernel);
  reader.expect("at");
  const { x, y } = parsePoint(reader);
  let width: number | null = null;
  let height: number | null = null;
  if (reader.accept("size")) {
    width = reader.integer("a width", 1);
    reader.expect("x");
    height = reader.integer("a height", 1);
  }
  const rotated = reader.accept("rotated") ? true : reader.accept("upright") ? false : null;
  return { kernel, x, y, width, height, rotated };
}

function parseKernel(reader: TextReader, expected: number): PlacedKernel {
  const kernel = parseKernelId(reader, expected + 1);
  const family = parseFamily(reader);
  const name = reader.string();
  const rect = parseRect(reader);
  const rotated = reader.oneOf(["rotated", "upright"]) === "rotated";
  reader.expect("{");
  const variant = parseVariant(reader);
  reader.expect("}");
  return { kernel, name, family, rect, rotated, variant };
}

function parseVariant(reader: TextReader): Variant {
  reader.expect("map");
  const height = reader.integer("rows", 1);
  reader.expect("rows");
  const rows = parseCuts(reader);
  reader.expect("x");
  const width = reader.integer("columns", 1);
  reader.expect("columns");
  const columns = parseCuts(reader);
  expectField(reader, "reduce");
  const reduce = parsePattern(reader);
  const cycles = namedNumber(reader, "cycles");
  const latency = namedNumber(reader, "latency");
  const ports = namedInteger(reader, "ports");
  const colors = namedInteger(reader, "colors");
  return { mapping: { height, width, rows, columns, reduce }, cycles, latency, sram: parseSram(reader), ports, colors };
}

const parseCuts = (reader: TextReader): Cut[] =>
  reader.list("(", ")", () => {
    const loop = reader.word("the name of a loop");
    reader.expect("/");
    return { loop, pieces: reader.integer("pieces", 1) };
  });

function parsePattern(reader: TextReader): ReducePattern {
  if (!reader.accept("two")) return reader.oneOf(["star", "chain", "tree", "ring", "mesh"]);
  reader.expect("-");
  reader.expect("phase");
  return "two-phase";
}

/** Reads `{code=12, …}` and gives the sizes by name. */
function sizesIn(reader: TextReader): (name: string) => number {
  const start = reader.peek().start;
  const sizes = new Map(parseSizes(reader).map(({ name, size }) => [name, size]));
  return (name) => {
    const size = sizes.get(name);
    if (size === undefined) throw reader.errorAt(start, `"${name}" is missing`);
    return size;
  };
}

function parseSram(reader: TextReader): SramBudget {
  reader.expect("sram");
  const take = sizesIn(reader);
  return {
    code: take("code"),
    weights: take("weights"),
    activations: take("activations"),
    buffers: take("buffers"),
    stack: take("stack"),
  };
}

function parseRoute(reader: TextReader, kernels: number): Route {
  const edge = parseEdgeId(reader);
  const from = parseKernelId(reader, kernels);
  reader.expect("->");
  const to = parseKernelId(reader, kernels);
  const color = namedInteger(reader, "color");
  const lanes = namedInteger(reader, "lanes", 1);
  const shape = reader.oneOf(routeShapes);
  const start = parsePoint(reader);
  reader.expect("to");
  const end = parsePoint(reader);
  const route = { edge, from, to, color, lanes, shape, fromX: start.x, fromY: start.y, toX: end.x, toY: end.y };
  const legs = viasOf(shape);
  const via = legs === 0 ? {} : { via: parseVia(reader, legs) };
  return { ...route, ...via, ...(reader.at("turn") ? { turn: namedInteger(reader, "turn") } : {}) };
}

function parseVia(reader: TextReader, legs: number): readonly number[] {
  reader.expect("via");
  return Array.from({ length: legs }, () => reader.integer("a column or row"));
}

function parseEdgeId(reader: TextReader): number {
  const { text } = reader.peek();
  if (!/^e(0|[1-9][0-9]{0,8})$/.test(text)) throw reader.unexpected("the id of an edge");
  reader.next();
  return Number(text.slice(1));
}

function parseCertificate(reader: TextReader, kernels: number): Certificate {
  reader.expect("certificate");
  reader.expect("{");
  const objective = namedNumber(reader, "objective");
  const bound = namedNumber(reader, "bound");
  const gap = namedNumber(reader, "gap");
  const status = reader.oneOf(["optimal", "feasible"]);
  const solver = reader.string();
  const seed = namedInteger(reader, "seed");
  expectField(reader, "bottleneck");
  const bottleneck = reader.oneOf(["kernel", "link", "io"]);
  expectField(reader, "slowest");
  const slowest = reader.accept("none") ? null : parseKernelId(reader, kernels);
  const kernelCycles = namedNumber(reader, "kernel");
  const linkCycles = namedNumber(reader, "link");
  const ioCycles = namedNumber(reader, "io");
  const latencyCycles = namedNumber(reader, "latency");
  const wireLength = namedNumber(reader, "wire");
  const goal = parseGoal(reader) ?? { kind: "throughput", value: objective, bound, gap, status };
  const { fullestLink, fullestRouter } = parseFullest(reader);
  const movement = parseMovement(reader);
  reader.expect("}");
  return {
    objective, bound, gap, status, solver, seed, bottleneck, slowest,
    kernelCycles, linkCycles, ioCycles, latencyCycles, wireLength, goal, fullestLink, fullestRouter, movement,
  }; // prettier-ignore
}

function parseGoal(reader: TextReader): Goal | null {
  if (!reader.accept("goal")) return null;
  const kind = reader.oneOf(placementObjectives);
  const value = namedNumber(reader, "value");
  const bound = namedNumber(reader, "bound");
  const gap = namedNumber(reader, "gap");
  return { kind, value, bound, gap, status: reader.oneOf(["optimal", "feasible"]) };
}

function parseFullest(reader: TextReader): Pick<Certificate, "fullestLink" | "fullestRouter"> {
  let fullestLink: Certificate["fullestLink"] = null;
  let fullestRouter: Certificate["fullestRouter"] = null;
  if (reader.accept("fullest")) {
    if (reader.accept("link")) {
      const start = parsePoint(reader);
      const direction = reader.oneOf(linkDirections);
      const words = namedNumber(reader, "words");
      fullestLink = { ...start, direction, words, edges: reader.list("(", ")", () => parseEdgeId(reader)) };
    }
    if (reader.accept("router")) fullestRouter = { ...parsePoint(reader), colors: namedInteger(reader, "colors") };
  }
  return { fullestLink, fullestRouter };
}

function parseMovement(reader: TextReader): Certificate["movement"] {
  if (!reader.at("moved")) return null;
  const moved = namedInteger(reader, "moved");
  const kept = namedInteger(reader, "kept");
  const added = namedInteger(reader, "added");
  return { kept, moved, added, distance: namedNumber(reader, "distance") };
}

function expectField(reader: TextReader, name: string): void {
  reader.expect(name);
  reader.expect("=");
}

function namedNumber(reader: TextReader, name: string): number {
  expectField(reader, name);
  return reader.number();
}
