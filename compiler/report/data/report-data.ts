/**
 * What a report says, as one piece of data: the page draws it, `--svg`, `--ascii` and `--json` print it. Verbs make it of what they have
 * (of-placement.ts, of-plan.ts). Cycles are those of the machine's clock, bytes are bytes, words are 32-bit words per sample.
 */
import type { HostKernel, KernelFamily } from "../../../ir/kernel-graph.ts";
import type { Copies, FullestLink, FullestRouter, Rect, RouteShape } from "../../../ir/placement.ts";
import type { LimitStatement } from "./limits.ts";
import type { ReportSimulation } from "./simulation.ts";

export const reportVersion = 1;

/** A figure that everybody looks for. */
export interface ReportFigure {
  readonly name: string;
  /** for people, with its unit */
  readonly text: string;
  readonly note: string;
  /** for comparing; null where it is no number */
  readonly value: number | null;
  /** which way is better; null where neither is */
  readonly better: "less" | "more" | null;
}

/** Facts under one title: names and values. */
export interface FactGroup {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

/** What memory is taken by. */
export interface HeldBytes {
  readonly category: string;
  readonly bytes: number;
}

/** A layer that was placed. */
export interface ReportLayer {
  /** its place in `ReportData.layers` */
  readonly id: number;
  readonly name: string;
  readonly family: KernelFamily;
  /** ONNX nodes that it stands for, and what they do */
  readonly nodes: readonly string[];
  readonly kinds: readonly string[];
  /** index into `ReportData.wafers` */
  readonly wafer: number;
  /** as it lies: turned or not */
  readonly rect: Rect;
  readonly rotated: boolean;
  /** loops and pieces along the rectangle's width, and along its height, as it lies */
  readonly across: string;
  readonly down: string;
  readonly cycles: number;
  readonly latency: number;
  /** cycles from a sample's first word to when the layer begins to work on it, and ends, with the wafer to itself */
  readonly begin: number;
  readonly end: number;
  /** of its fullest core */
  readonly sram: readonly HeldBytes[];
  readonly flops: number;
}

/** A value between layers. */
export interface ReportEdge {
  readonly from: number;
  readonly to: number;
  readonly words: number;
  /** edges with equal numbers carry the same words */
  readonly stream: number;
}

/** Where an edge's words run on a wafer. */
export interface ReportRoute {
  /** index into `ReportData.edges` */
  readonly edge: number;
  readonly color: number;
  readonly lanes: number;
  readonly shape: RouteShape;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
  readonly via: readonly number[];
  /** it takes turns with others in its lane */
  readonly takesTurns: boolean;
}

/** The cores of a wafer with what lies on them. */
export interface WaferMap {
  readonly width: number;
  readonly height: number;
  readonly usable: Rect;
  readonly copies: Copies;
  /** the region that all layers share, one after the other; null where each has cores of its own */
  readonly region: Rect | null;
  readonly keepOut: readonly Rect[];
  readonly deadCores: readonly { readonly x: number; readonly y: number }[];
  readonly routes: readonly ReportRoute[];
  readonly fullestLink: FullestLink | null;
  readonly fullestRouter: FullestRouter | null;
}

/** One wafer. */
export interface ReportWafer {
  readonly name: string;
  /** names of its layers */
  readonly layers: readonly string[];
  /** of all cores in use together, and what they have room for */
  readonly held: readonly HeldBytes[];
  readonly capacity: number;
  /** cycles per sample where it is placed; else work over the mean of all wafers */
  readonly load: { readonly kind: "cycles" | "work"; readonly amount: number };
  /** null where it is planned and not placed */
  readonly map: WaferMap | null;
}

/** Words per sample from one wafer to another. */
export interface WaferLink {
  readonly from: number;
  readonly to: number;
  readonly words: number;
}

export interface ReportData {
  readonly version: typeof reportVersion;
  readonly title: string;
  readonly model: string;
  readonly machine: string;
  /** in a few words how the layers share the machine */
  readonly summary: string;
  /** about the machine; null for none */
  readonly warning: string | null;
  readonly limit: LimitStatement;
  readonly figures: readonly ReportFigure[];
  readonly facts: readonly FactGroup[];
  /** cycles between two samples; null where nothing is placed */
  readonly interval: number | null;
  /** SRAM of a core; null where nothing is placed */
  readonly coreBytes: number | null;
  readonly wafers: readonly ReportWafer[];
  readonly links: readonly WaferLink[];
  readonly layers: readonly ReportLayer[];
  readonly edges: readonly ReportEdge[];
  readonly host: readonly HostKernel[];
  readonly simulation: ReportSimulation | null;
  readonly notes: readonly string[];
}

/** One report, or two to compare: what a page holds. */
export type ReportPage = readonly [ReportData] | readonly [ReportData, ReportData];

/** Bytes of all categories. */
export const heldBytes = (held: readonly HeldBytes[]): number => held.reduce((sum, { bytes }) => sum + bytes, 0);

/** Cores of a layer. */
export const coresOf = ({ rect }: ReportLayer): number => rect.width * rect.height;
