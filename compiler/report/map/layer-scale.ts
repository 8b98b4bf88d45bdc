/** Scales of color over layers: from the least to the most that any layer has, so that differences show also where all are nearly alike. */
import { nth } from "../../../ir/access.ts";
import { coresOf, heldBytes, type ReportData, type ReportLayer } from "../data/report-data.ts";
import { bytes, count, number } from "../text.ts";

/** What layers are colored by. */
export interface Measure {
  readonly name: string;
  readonly of: (layer: ReportLayer) => number;
  readonly text: (value: number) => string;
}

export const measureNames = ["time", "sram", "rate"] as const;

export type MeasureName = (typeof measureNames)[number];

export const measures: Readonly<Record<MeasureName, Measure>> = {
  time: { name: "Time", of: ({ cycles }) => cycles, text: (value) => `${count(value)} cycles` },
  sram: { name: "SRAM", of: ({ sram }) => heldBytes(sram), text: (value) => `${bytes(value)} a core` },
  rate: {
    name: "Work",
    of: (layer) => layer.flops / Math.max(1, coresOf(layer) * layer.cycles),
    text: (value) => `${number(value)} FLOP a core and cycle`,
  },
};

export interface LayerScale {
  readonly measure: MeasureName;
  readonly least: number;
  readonly most: number;
  /** values in ascending order; empty where colors grow with the value and not with its rank */
  readonly ranks: readonly number[];
}

/** A scale over all layers of a report; by rank where asked, which spreads values that lie close together. */
export function layerScale({ layers }: ReportData, measure: MeasureName, byRank: boolean): LayerScale {
  const values = layers.map(measures[measure].of).sort((a, b) => a - b);
  if (values.length === 0) return { measure, least: 0, most: 0, ranks: [] };
  return { measure, least: nth(values, 0), most: nth(values, values.length - 1), ranks: byRank ? values : [] };
}

/** Where a layer lies on a scale, from 0 to 1. */
export function scaleShare({ measure, least, most, ranks }: LayerScale, layer: ReportLayer): number {
  const value = measures[measure].of(layer);
  if (most === least) return 0.5;
  if (ranks.length < 2) return (value - least) / (most - least);
  return firstAtLeast(ranks, value) / (ranks.length - 1);
}

/** The first index of an ascending list that holds a value of at least so much. */
function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nth(sorted, middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
