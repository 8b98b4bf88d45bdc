/**
 * What a simulation told, for a report: `simulation.json` of a compiled folder (ir/simulation-record.ts), or what `wsc simulate --json` prints. Its layers are matched by name; what a level of the
 * simulator does not tell is null.
 */
import { JsonMismatch } from "../../../ir/json-reader.ts";

/** Cycles of a layer's cores, all together: computing, moving words without computing, and waiting. */
export interface SimulatedLayer {
  readonly name: string;
  readonly cores: number;
  readonly busy: number;
  readonly moving: number | null;
  readonly waiting: number | null;
  /** first and last cycle in which one of its cores did something */
  readonly first: number;
  readonly last: number;
}

export interface ReportSimulation {
  readonly level: string;
  readonly samples: number;
  /** cycles in all, between two samples, and of a sample alone */
  readonly cycles: number;
  readonly interval: number;
  readonly latency: number;
  readonly layers: readonly SimulatedLayer[];
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new JsonMismatch(path, "is no object");
}

function figure(fields: Fields, name: string, path: string): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new JsonMismatch(`${path}${name}`, "is no number of at least 0");
}

const figureOrNull = (fields: Fields, name: string, path: string): number | null =>
  fields[name] === undefined || fields[name] === null ? null : figure(fields, name, path);

function textOf(fields: Fields, name: string, path: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw new JsonMismatch(`${path}${name}`, "is no string");
}

/** Reads a simulation; fields that a report does not show are passed over. Throws JsonMismatch. */
export function readSimulation(value: unknown): ReportSimulation {
  const fields = fieldsOf(value, "");
  const { layers } = fields;
  if (!Array.isArray(layers)) throw new JsonMismatch("layers", "is no list");
  return {
    level: textOf(fields, "level", ""),
    samples: figure(fields, "samples", ""),
    cycles: figure(fields, "cycles", ""),
    interval: figure(fields, "interval", ""),
    latency: figure(fields, "latency", ""),
    layers: layers.map((layer: unknown, index) => {
      const path = `layers[${index}]`;
      const own = fieldsOf(layer, path);
      return {
        name: textOf(own, "name", `${path}.`),
        cores: figure(own, "cores", `${path}.`),
        busy: figure(own, "busyCycles", `${path}.`),
        moving: figureOrNull(own, "movingCycles", `${path}.`),
        waiting: figureOrNull(own, "waitingCycles", `${path}.`),
        first: figure(own, "firstCycle", `${path}.`),
        last: figure(own, "lastCycle", `${path}.`),
      };
    }),
  };
}
