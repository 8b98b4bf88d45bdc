/** The figures and facts of a placement that a report shows first. */
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import { sramBytes } from "../../../ir/machine/cost.ts";
import { regionBytes } from "../../../ir/machine/resident.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { coresInUse, type Placement, samplesPerSecond, utilisation } from "../../../ir/placement.ts";
import { bytes, count, duration, number, operations, percent } from "../text.ts";
import type { FactGroup, ReportFigure } from "./report-data.ts";
import type { SplitInput } from "./inputs.ts";

/** Cycles between samples, of one, and what is proven. */
interface Speeds {
  readonly interval: number;
  readonly latency: number;
  readonly bound: number;
  readonly gap: number;
  readonly clockHz: number;
  readonly flops: number;
}

function speedFigures({ interval, latency, clockHz, flops }: Speeds): readonly ReportFigure[] {
  const rate = clockHz / interval;
  return [
    {
      name: "Interval",
      text: duration(interval / clockHz),
      note: `${count(interval)} cycles between samples`,
      value: interval / clockHz,
      better: "less",
    },
    {
      name: "Throughput",
      text: `${count(rate)} samples/s`,
      note: `${operations(flops * rate)}FLOP/s of useful work`,
      value: rate,
      better: "more",
    },
    {
      name: "Latency",
      text: duration(latency / clockHz),
      note: `${count(latency)} cycles for one sample alone`,
      value: latency / clockHz,
      better: "less",
    },
  ];
}

const gapFigure = ({ gap, bound }: Speeds): ReportFigure => ({
  name: "Gap to bound",
  text: percent(gap),
  note: gap === 0 ? "proven optimal" : `nothing beats ${count(bound)} cycles`,
  value: gap,
  better: "less",
});

const flopsOf = ({ kernels }: KernelGraph): number => kernels.reduce((sum, { flops }) => sum + flops, 0);

export function placementFigures(placement: Placement, kernels: KernelGraph): readonly ReportFigure[] {
  const { certificate, target } = placement;
  const { objective: interval, latencyCycles: latency, bound, gap } = certificate;
  const cores = coresInUse(placement);
  const speeds: Speeds = { interval, latency, bound, gap, clockHz: target.clockHz, flops: flopsOf(kernels) };
  return [
    ...speedFigures(speeds),
    {
      name: "Cores",
      text: percent(utilisation(placement)),
      note: `${count(cores)} of ${count(target.usable.width * target.usable.height)} usable`,
      value: cores,
      better: null,
    },
    gapFigure(speeds),
  ];
}

export function splitFigures(split: SplitInput): readonly ReportFigure[] {
  const { stages, interval, latencyCycles: latency, bound, gap, target } = split;
  const flops = stages.reduce((sum, { kernels }) => sum + flopsOf(kernels), 0);
  const cores = stages.reduce((sum, { placement }) => sum + coresInUse(placement), 0);
  const speeds: Speeds = { interval, latency, bound, gap, clockHz: target.clock.used * 1e9, flops };
  return [
    ...speedFigures(speeds),
    {
      name: "Wafers",
      text: count(stages.length),
      note: `${count(cores)} cores in use`,
      value: stages.length,
      better: "less",
    },
    gapFigure(speeds),
  ];
}

/** What is proven, and how it was found. */
export function proofFacts(placement: Placement): FactGroup {
  const { certificate, copies } = placement;
  const { objective, bound, gap, status, goal, wireLength, solver, seed, fullestLink, fullestRouter } = certificate;
  const rate = `${count(samplesPerSecond(placement))} samples/s`;
  return {
    title: "What is proven",
    rows: [
      ["Interval", `${count(objective)} cycles, ${rate}`],
      ["Proven bound", `${count(bound)} cycles`],
      ["Status", status === "optimal" ? "optimal" : `feasible, ${percent(gap)} above the bound at most`],
      ...(goal.kind === "throughput"
        ? []
        : [["Asked for", `${goal.kind}: ${count(goal.value)}, at least ${count(goal.bound)}`] as const]),
      ...(copies.count === 1 ? [] : [["Copies", `${count(copies.count)}, samples in turn`] as const]),
      ["Wire length", `${count(wireLength)} hops between centres`],
      ...(fullestLink === null
        ? []
        : [
            [
              "Fullest link",
              `${fullestLink.direction} of (${fullestLink.x}, ${fullestLink.y}), ${count(fullestLink.words)} words`,
            ] as const,
          ]),
      ...(fullestRouter === null
        ? []
        : [["Fullest router", `(${fullestRouter.x}, ${fullestRouter.y}), ${fullestRouter.colors} colors`] as const]),
      ["Fullest core", `${bytes(fullestCore(placement))} of ${bytes(placement.target.sramBytes)}`],
      ["Solver, seed", `${solver}, ${seed}`],
    ],
  };
}

const fullestCore = ({ mode, kernels }: Placement): number =>
  mode.kind === "resident"
    ? regionBytes(mode.sram)
    : kernels.reduce((most, { variant }) => Math.max(most, sramBytes(variant.sram)), 0);

/** The machine, with the range of its clock. */
export function targetFacts({ certificate, target: { usable } }: Placement, target: Target): FactGroup {
  const { fabric, clock, core } = target;
  const seconds = (gigahertz: number): string => duration(certificate.objective / (gigahertz * 1e9));
  return {
    title: target.description,
    rows: [
      ["Fabric", `${fabric.width} × ${fabric.height} cores, ${usable.width} × ${usable.height} usable`],
      ["SRAM per core", bytes(core.sramBytes)],
      ["Clock used", `${number(clock.used)} GHz`],
      ...(clock.min === clock.max
        ? []
        : [
            ["Sources give", `${number(clock.min)}–${number(clock.max)} GHz`] as const,
            ["Interval then", `${seconds(clock.max)} – ${seconds(clock.min)}`] as const,
          ]),
    ],
  };
}
