/** Plan -> report: wafers with what their memory holds and their share of the work; nothing is placed there. */
import type { Basis } from "../../../ir/machine/target.ts";
import { type HeldBytes, type ReportData, reportVersion } from "./report-data.ts";

/** A wafer of a plan. */
export interface PlannedWafer {
  readonly layers: readonly string[];
  readonly held: readonly HeldBytes[];
  /** work of a token over the mean of all wafers */
  readonly work: number;
}

export interface PlanInput {
  readonly model: string;
  readonly machine: string;
  readonly warning: string | null;
  readonly limit: string;
  readonly figures: readonly { readonly name: string; readonly text: string; readonly basis: Basis }[];
  readonly wafers: readonly PlannedWafer[];
  /** SRAM of a wafer's usable cores */
  readonly capacity: number;
  /** seconds of a token by what takes them */
  readonly time: readonly { readonly name: string; readonly seconds: number }[];
  readonly notes: readonly string[];
}

/** The report of a plan. */
export function reportOfPlan({
  model,
  machine,
  warning,
  limit,
  figures,
  wafers,
  capacity,
  time,
  notes,
}: PlanInput): ReportData {
  const amount = `${wafers.length} wafer${wafers.length === 1 ? "" : "s"}`;
  return {
    version: reportVersion,
    title: `${model} on ${amount} of ${machine}`,
    model,
    machine,
    summary: `A plan: layers on ${amount}, with memory and work of each; nothing is placed.`,
    warning,
    limit: {
      sentence: limit,
      unit: "seconds",
      parts: time.map(({ name, seconds }) => ({ name, amount: seconds })).toSorted((a, b) => b.amount - a.amount),
    },
    figures: [],
    facts: [{ title: "Figures", rows: figures.map(({ name, text, basis }) => [name, `${text} (${basis})`] as const) }],
    interval: null,
    coreBytes: null,
    wafers: wafers.map(({ layers, held, work }, index) => ({
      name: `Wafer ${index + 1}`,
      layers,
      held,
      capacity,
      load: { kind: "work", amount: work },
      map: null,
    })),
    links: [],
    layers: [],
    edges: [],
    host: [],
    simulation: null,
    notes,
  };
}
