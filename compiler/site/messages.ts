/** What the page and the worker that compiles for it say to each other: plain data, which browsers copy from one to the other. */
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { Placement, PlacementObjective } from "../../ir/placement.ts";
import type { Stage } from "../compile.ts";
import type { PlaceStep } from "../placement/place.ts";
import type { ReportData } from "../report/data/report-data.ts";
import type { LayerProfile } from "../tuning/layer-profile.ts";
import type { EngineLimits } from "../tuning/engine-limits.ts";

/** Models that the page's own code makes. */
export const madeModels = ["lenet", "resnet18"] as const;

export type MadeModel = (typeof madeModels)[number];

export type ModelChoice =
  | { readonly kind: "made"; readonly model: MadeModel }
  /** a model's file, and files of external data beside it, by name */
  | { readonly kind: "file"; readonly name: string; readonly file: Blob; readonly external: ReadonlyMap<string, Blob> };

export interface PlaceSettings {
  /** a preset's name */
  readonly target: string;
  readonly objective: PlacementObjective;
  /** values of symbolic dims */
  readonly dims: ReadonlyMap<string, number>;
  /** seconds after which the best found is taken; null: the search ends by itself */
  readonly timeLimitSeconds: number | null;
}

export const downloads = ["archive", "placement", "report", "svg"] as const;

export type Download = (typeof downloads)[number];

export type Question =
  | {
      readonly kind: "compile";
      readonly model: ModelChoice;
      readonly settings: PlaceSettings;
      /** what an earlier search of the same had found when it was stopped; null searches */
      readonly placement: Placement | null;
    }
  | { readonly kind: "download"; readonly what: Download }
  | { readonly kind: "run" };

/** What is known of a model before it is placed. */
export interface Inspected {
  readonly name: string;
  /** `name: type` */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ops: number;
  readonly weightBytes: number;
  readonly warnings: readonly Diagnostic[];
}

/** The best of a search so far. */
export interface Found {
  readonly placement: Placement;
  /** seconds since the search began */
  readonly seconds: number;
}

/** A run on random input. */
export interface RunResult {
  /** milliseconds of a run, mean */
  readonly milliseconds: number;
  readonly runs: number;
  readonly inLayers: number;
  readonly layers: readonly LayerProfile[];
  readonly limits: EngineLimits;
  /** `name: type, from … to …` */
  readonly outputs: readonly string[];
}

export interface DownloadFile {
  readonly name: string;
  readonly type: string;
  readonly content: Blob;
}

export type Event =
  | { readonly kind: "stage"; readonly stage: Stage }
  | { readonly kind: "inspected"; readonly inspected: Inspected }
  | { readonly kind: "step"; readonly step: PlaceStep; readonly detail: string }
  | { readonly kind: "found"; readonly found: Found }
  | { readonly kind: "compiled"; readonly report: ReportData; readonly weightBytes: number; readonly seconds: number }
  | { readonly kind: "file"; readonly file: DownloadFile }
  | { readonly kind: "ran"; readonly result: RunResult }
  /** what is wrong with the model, or does not fit */
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
  /** a defect, or no memory */
  | { readonly kind: "broken"; readonly message: string };
