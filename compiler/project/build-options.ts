/** What a compilation is asked for, as plain data: projects' configurations, the records of builds and bundlers' plugins say it in the same words. */
import {
  type Fields,
  JsonMismatch,
  readBoolean,
  type Reader,
  readInteger,
  readObject,
  readOneOf,
  readOptional,
  readRecord,
  readString,
} from "../../ir/json-reader.ts";
import { type Precision, precisions } from "../../ir/kernel-graph.ts";
import type { ModeName, PlacementObjective } from "../../ir/placement.ts";
import { type WeightAim, weightAims } from "../codegen/small-weights.ts";
import type { CompileOptions } from "../compile.ts";
import { readConstraintRequest } from "../placement/constraints/constraint-files.ts";
import type { ConstraintRequest } from "../placement/constraints/constraints.ts";
import type { Replicas } from "../placement/replicas.ts";

/** The options of `wsc compile` by their names in the API. */
export interface BuildOptions {
  /** a preset's name, or the path of a JSON file */
  readonly target?: string;
  readonly mode?: ModeName | "auto";
  readonly objective?: PlacementObjective;
  readonly replicas?: Replicas;
  readonly precision?: Precision;
  readonly fuse?: boolean;
  /** values of symbolic dims by name */
  readonly dims?: Readonly<Record<string, number>>;
  readonly timeLimitSeconds?: number;
  readonly effortSeconds?: number;
  readonly solver?: "auto" | "glpk" | "highs";
  readonly seed?: number;
  readonly constraints?: ConstraintRequest;
  readonly joinVectors?: boolean;
  readonly weights?: WeightAim;
}

/** The same for `compile`. */
export const compileOptionsOf = ({ dims, ...others }: BuildOptions): CompileOptions => ({
  ...others,
  ...(dims === undefined ? {} : { dims: new Map(Object.entries(dims)) }),
});

const positive: Reader<number> = (value, path) => {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new JsonMismatch(path, "is not a number above 0");
};

const readDims: Reader<Readonly<Record<string, number>>> = (value, path) =>
  Object.fromEntries(
    [...readRecord(value, path)].map(([name, size]) => [
      name,
      readInteger(0, Number.MAX_SAFE_INTEGER)(size, `${path}.${name}`),
    ]),
  );

const readReplicas: Reader<Replicas> = (value, path) =>
  value === "auto" ? value : readInteger(1, 999_999)(value, path);

/** Readers of the options of a build that comes as JSON. */
export const buildFields: Fields<BuildOptions> = {
  target: readOptional(readString),
  mode: readOptional(readOneOf("auto", "pipeline", "resident")),
  objective: readOptional(readOneOf("throughput", "latency", "cores", "wire")),
  replicas: readOptional(readReplicas),
  precision: readOptional(readOneOf(...precisions)),
  fuse: readOptional(readBoolean),
  dims: readOptional(readDims),
  timeLimitSeconds: readOptional(positive),
  effortSeconds: readOptional(positive),
  solver: readOptional(readOneOf("auto", "glpk", "highs")),
  seed: readOptional(readInteger(0, Number.MAX_SAFE_INTEGER)),
  constraints: readOptional(readConstraintRequest),
  joinVectors: readOptional(readBoolean),
  weights: readOptional(readOneOf(...weightAims)),
};

export const readBuildOptions: Reader<BuildOptions> = readObject(buildFields);
