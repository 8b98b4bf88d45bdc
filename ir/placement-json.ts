/** `placement.json`: a placement as JSON, with every field in a fixed order; read back with every field checked. */
import { fail } from "./diagnostic.ts";
import {
  JsonMismatch,
  layoutJson,
  mismatch,
  readArray,
  readBoolean,
  readInteger,
  readObject,
  readOneOf,
  readOptional,
  readString,
  type Reader,
} from "./json-reader.ts";
import { kernelFamilies, precisions } from "./kernel-graph.ts";
import { conversionKinds } from "./machine/conversion.ts";
import type { LayoutMove } from "./machine/region-moves.ts";
import { reducePatterns } from "./machine/collectives.ts";
import type { SramBudget, Variant } from "./machine/cost.ts";
import type { Cut, Mapping } from "./machine/mapping.ts";
import type { RegionSram } from "./machine/resident.ts";
import {
  type Certificate,
  type Copies,
  type Core,
  type DeadLink,
  type FullestLink,
  type FullestRouter,
  type Goal,
  linkDirections,
  type Movement,
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
} from "./placement.ts";

const most = Number.MAX_SAFE_INTEGER;
const count = readInteger(0, most);
const positive = readInteger(1, most);

const readNumber: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw mismatch(value, path, "a number");
  return value;
};

const readVersion: Reader<typeof placementVersion> = (value, path) => {
  if (value !== placementVersion) {
    throw mismatch(value, path, `version ${placementVersion}, which this wsc writes; compile the model again`);
  }
  return placementVersion;
};

const readRect: Reader<Rect> = readObject({
  x: readInteger(-most, most),
  y: readInteger(-most, most),
  width: positive,
  height: positive,
});

const readTarget: Reader<PlacementTarget> = readObject({
  name: readString,
  width: positive,
  height: positive,
  usable: readRect,
  sramBytes: count,
  clockHz: readNumber,
});

const readSram: Reader<SramBudget> = readObject({
  code: count,
  weights: count,
  activations: count,
  buffers: count,
  stack: count,
});

const readCuts: Reader<Cut[]> = readArray<Cut>(readObject({ loop: readString, pieces: positive }));

const readMapping: Reader<Mapping> = readObject({
  height: positive,
  width: positive,
  rows: readCuts,
  columns: readCuts,
  reduce: readOneOf(...reducePatterns),
});

const readVariant: Reader<Variant> = readObject({
  mapping: readMapping,
  cycles: readNumber,
  latency: readNumber,
  sram: readSram,
  ports: count,
  colors: count,
});

const readPlacedKernel: Reader<PlacedKernel> = readObject({
  kernel: count,
  name: readString,
  family: readOneOf(...kernelFamilies),
  rect: readRect,
  rotated: readBoolean,
  variant: readVariant,
});

const orNull =
  <T>(read: Reader<T>): Reader<T | null> =>
  (value, path) =>
    value === null ? null : read(value, path);

/** What a file may leave out is taken to be `otherwise`. */
const orElse =
  <T>(read: Reader<T>, otherwise: T): Reader<T> =>
  (value, path) =>
    value === undefined ? otherwise : read(value, path);

const readFields: Reader<
  Omit<Route, "via" | "turn"> & { readonly via: readonly number[]; readonly turn: number | null }
> = readObject({
  edge: count,
  from: count,
  to: count,
  color: count,
  lanes: positive,
  shape: readOneOf(...routeShapes),
  fromX: readInteger(-most, most),
  fromY: readInteger(-most, most),
  toX: readInteger(-most, most),
  toY: readInteger(-most, most),
  via: orElse<readonly number[]>(readArray(readInteger(-most, most)), []),
  turn: orElse<number | null>(count, null),
});

const readRoute: Reader<Route> = (value, path) => {
  const { via, turn, ...route } = readFields(value, path);
  const wanted = viasOf(route.shape);
  if (via.length !== wanted) throw new JsonMismatch(path, `needs ${wanted} numbers in "via"`);
  return { ...route, ...(wanted === 0 ? {} : { via }), ...(turn === null ? {} : { turn }) };
};

const readPin: Reader<Pin> = readObject({
  kernel: count,
  x: readInteger(-most, most),
  y: readInteger(-most, most),
  width: orNull(positive),
  height: orNull(positive),
  rotated: orNull(readBoolean),
});

const readConstraints = readObject<PlacementConstraints>({
  pins: readArray(readPin),
  keepOut: readArray(readRect),
  deadCores: readArray<Core>(readObject({ x: count, y: count })),
  deadLinks: readOptional(readArray<DeadLink>(readObject({ x: count, y: count, side: readOneOf("east", "south") }))),
  coLocate: readArray(readArray(count)),
  maxInterval: orNull(readNumber),
});

const readGoal: Reader<Goal> = readObject({
  kind: readOneOf(...placementObjectives),
  value: readNumber,
  bound: readNumber,
  gap: readNumber,
  status: readOneOf("optimal", "feasible"),
});

const readFullestLink: Reader<FullestLink> = readObject({
  x: count,
  y: count,
  direction: readOneOf(...linkDirections),
  words: readNumber,
  edges: readArray(count),
});

const readFullestRouter: Reader<FullestRouter> = readObject({ x: count, y: count, colors: count });

const readMovement: Reader<Movement> = readObject({ kept: count, moved: count, added: count, distance: readNumber });

const readFigures: Reader<Omit<Certificate, "goal"> & { readonly goal: Goal | null }> = readObject({
  objective: readNumber,
  bound: readNumber,
  gap: readNumber,
  status: readOneOf("optimal", "feasible"),
  solver: readString,
  seed: count,
  bottleneck: readOneOf("kernel", "link", "io"),
  slowest: (value, path) => (value === null ? null : count(value, path)),
  kernelCycles: readNumber,
  linkCycles: readNumber,
  ioCycles: readNumber,
  latencyCycles: readNumber,
  wireLength: readNumber,
  goal: orElse<Goal | null>(readGoal, null),
  fullestLink: orElse(orNull(readFullestLink), null),
  fullestRouter: orElse(orNull(readFullestRouter), null),
  movement: orElse(orNull(readMovement), null),
});

const readCertificate: Reader<Certificate> = (value, path) => {
  const figures = readFigures(value, path);
  const { objective, bound, gap, status, goal } = figures;
  return { ...figures, goal: goal ?? { kind: "throughput", value: objective, bound, gap, status } };
};

const readRegionSram: Reader<RegionSram> = readObject({
  code: count,
  weights: count,
  state: count,
  working: count,
  stack: count,
});

const readMove: Reader<LayoutMove> = readObject({
  edge: count,
  operand: readString,
  kind: readOneOf(...conversionKinds),
  cycles: count,
});

const readPipeline: Reader<{ readonly kind: "pipeline" }> = readObject({ kind: readOneOf("pipeline") });

const readResident: Reader<Extract<PlacementMode, { kind: "resident" }>> = readObject({
  kind: readOneOf("resident"),
  region: readRect,
  sram: readRegionSram,
  moves: readArray(readMove),
});

const readMode: Reader<PlacementMode> = (value, path) => {
  const isResident = typeof value === "object" && value !== null && "kind" in value && value.kind === "resident";
  return isResident ? readResident(value, path) : readPipeline(value, path);
};

const readCopies: Reader<Copies> = readObject({ count: positive, columns: positive, stepX: count, stepY: count });

const readPlacement: Reader<Placement> = readObject({
  version: readVersion,
  model: readString,
  precision: readOneOf(...precisions),
  target: readTarget,
  constraints: orElse(readConstraints, unconstrained),
  mode: readMode,
  copies: readCopies,
  kernels: readArray(readPlacedKernel),
  routes: readArray(readRoute),
  certificate: readCertificate,
});

/** The text of placement.json. */
export const printPlacementJson = (placement: Placement): string => layoutJson(readPlacement(placement, ""));

/** Reads placement.json; throws WSC2007 when it is not one. Legality is the checker's affair. */
export function parsePlacementJson(text: string): Placement {
  try {
    return readPlacement(JSON.parse(text), "");
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) {
      throw fail("WSC2007", `the placement cannot be read: ${error.message}`);
    }
    throw error;
  }
}
