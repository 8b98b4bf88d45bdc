/** `simulation.json`: what a simulation counted, layer by layer, core by core and link by link. It lies beside the placement that was run. */
import { fail } from "./diagnostic.ts";
import { type Port, ports } from "./fabric/program.ts";
import {
  JsonMismatch,
  layoutJson,
  mismatch,
  readArray,
  readInteger,
  readObject,
  readOneOf,
  type Reader,
  readString,
} from "./json-reader.ts";

export const simulationFile = "simulation.json";

export const simulationVersion = 1;

/** How closely a program was followed. */
export const simulationLevels = ["word", "stream"] as const;

export type SimulationLevel = (typeof simulationLevels)[number];

/** What takes a layer its least time: computing, or words over the ramp from the router, or to it. */
export const boundKinds = ["compute", "words in", "words out"] as const;

export type BoundKind = (typeof boundKinds)[number];

/** Cycles are those of the wafer's clock; where a level does not tell moving from waiting, both are null. */
export interface SimulatedLayer {
  readonly name: string;
  readonly cores: number;
  /** cycles of its cores, all together: computing, moving words without computing, waiting */
  readonly busyCycles: number;
  readonly movingCycles: number | null;
  readonly waitingCycles: number | null;
  readonly firstCycle: number;
  readonly lastCycle: number;
  /** cycles that its busiest core takes for a sample at least, what for, and their share of the interval that was seen */
  readonly boundCycles: number;
  readonly boundBy: BoundKind;
  readonly boundShare: number;
}

/** A column for each fact: the core's place, the index of its layer, its cycles. */
export interface SimulatedCores {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly layer: readonly number[];
  readonly busy: readonly number[];
  readonly moving: readonly number[] | null;
  readonly waiting: readonly number[] | null;
}

/** Links that words went over, from the router at (x, y) to a neighbour or (`ramp`) to its core, with the words of all samples. */
export interface SimulatedLinks {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly to: readonly Port[];
  readonly words: readonly number[];
}

export interface SimulationCounts {
  readonly level: SimulationLevel;
  readonly samples: number;
  /** cycles between two samples of the steady state, and of a sample that has the wafer to itself */
  readonly interval: number;
  readonly latency: number;
  /** cycles of the whole run, and words over links between routers in it */
  readonly cycles: number;
  readonly words: number;
  readonly layers: readonly SimulatedLayer[];
  readonly cores: SimulatedCores;
  readonly links: SimulatedLinks;
}

export interface SimulationRecord extends SimulationCounts {
  readonly version: typeof simulationVersion;
  readonly model: string;
  readonly target: string;
  /** digest of the placement.json that was run, as the manifest has it */
  readonly placement: string;
}

const count = readInteger(0, Number.MAX_SAFE_INTEGER);

const readNumber: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw mismatch(value, path, "a number");
  return value;
};

const orNull =
  <T>(read: Reader<T>): Reader<T | null> =>
  (value, path) =>
    value === null ? null : read(value, path);

const readVersion: Reader<typeof simulationVersion> = (value, path) => {
  if (value !== simulationVersion)
    throw mismatch(value, path, `version ${simulationVersion}, which this wsc writes; simulate the model again`);
  return simulationVersion;
};

const readLayer = readObject<SimulatedLayer>({
  name: readString,
  cores: count,
  busyCycles: readNumber,
  movingCycles: orNull(readNumber),
  waitingCycles: orNull(readNumber),
  firstCycle: readNumber,
  lastCycle: readNumber,
  boundCycles: readNumber,
  boundBy: readOneOf(...boundKinds),
  boundShare: readNumber,
});

/** Columns of a table are equally long. */
const sameLength =
  <T extends object>(read: Reader<T>): Reader<T> =>
  (value, path) => {
    const table = read(value, path);
    const columns = Object.values<readonly unknown[] | null>(table as Record<string, readonly unknown[] | null>);
    const lengths = new Set(columns.flatMap((column) => (column === null ? [] : [column.length])));
    if (lengths.size > 1) throw new JsonMismatch(path, "has columns of different lengths");
    return table;
  };

const readRecordOf = readObject<SimulationRecord>({
  version: readVersion,
  model: readString,
  target: readString,
  placement: readString,
  level: readOneOf(...simulationLevels),
  samples: count,
  interval: readNumber,
  latency: readNumber,
  cycles: readNumber,
  words: count,
  layers: readArray(readLayer),
  cores: sameLength(
    readObject<SimulatedCores>({
      x: readArray(count),
      y: readArray(count),
      layer: readArray(count),
      busy: readArray(readNumber),
      moving: orNull(readArray(readNumber)),
      waiting: orNull(readArray(readNumber)),
    }),
  ),
  links: sameLength(
    readObject<SimulatedLinks>({
      x: readArray(count),
      y: readArray(count),
      to: readArray(readOneOf(...ports)),
      words: readArray(count),
    }),
  ),
});

export const printSimulationRecord = (record: SimulationRecord): string => layoutJson(record);

/** The record of a text; throws WSC7004, with the file's name, when it is none, one of another version, or names layers that it does not have. */
export function parseSimulationRecord(text: string): SimulationRecord {
  try {
    const record = readRecordOf(JSON.parse(text), "");
    const { layers, cores } = record;
    if (cores.layer.some((layer) => layer >= layers.length))
      throw new JsonMismatch("cores.layer", `names a layer beyond the ${layers.length} there are`);
    return record;
  } catch (error) {
    if (!(error instanceof JsonMismatch || error instanceof SyntaxError)) throw error;
    throw fail("WSC7004", error.message, { subject: simulationFile, hint: "simulate the model again" });
  }
}
