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
  readString,
  type Reader,
} from "./json-reader.ts";
import { kernelFamilies, type LoopDim, type SramBudget, type Variant } from "./kernel-graph.ts";
import {
  type Certificate,
  type PlacedKernel,
  type Placement,
  type PlacementTarget,
  placementVersion,
  type Rect,
  type Route,
} from "./placement.ts";

const most = Number.MAX_SAFE_INTEGER;
const count = readInteger(0, most);
const positive = readInteger(1, most);

const readNumber: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw mismatch(value, path, "a number");
  return value;
};

const readVersion: Reader<typeof placementVersion> = (value, path) => {
  if (value !== placementVersion) throw mismatch(value, path, `version ${placementVersion}`);
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

const readVariant: Reader<Variant> = readObject({
  rows: positive,
  columns: positive,
  cut: readArray<LoopDim>(readObject({ name: readString, size: count })),
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

const readRoute: Reader<Route> = readObject({
  edge: count,
  from: count,
  to: count,
  color: count,
  lanes: positive,
  shape: readOneOf("horizontal", "vertical", "xy", "yx"),
  fromX: readInteger(-most, most),
  fromY: readInteger(-most, most),
  toX: readInteger(-most, most),
  toY: readInteger(-most, most),
});

const readCertificate: Reader<Certificate> = readObject({
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
});

const readPlacement: Reader<Placement> = readObject({
  version: readVersion,
  model: readString,
  target: readTarget,
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
