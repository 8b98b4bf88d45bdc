/**
 * What limits a placement, what comes next, and what twice the limiting resource would give, in one sentence: the same in summary, JSON and report.
 * All of it follows from the certificates, for rectangles and routes as they are.
 */
import { nth } from "../../../ir/access.ts";
import type { Bottleneck, Certificate, Placement } from "../../../ir/placement.ts";
import { count, visible } from "../text.ts";

/** One thing that takes of a sample's time. */
export interface LimitPart {
  readonly name: string;
  /** cycles, or seconds, of a sample or token */
  readonly amount: number;
}

export interface LimitStatement {
  readonly sentence: string;
  readonly unit: "cycles" | "seconds";
  /** the largest first: the one that limits, the next one, the others */
  readonly parts: readonly LimitPart[];
}

/** A wafer's placement, and its number where there are several. */
export interface LimitedWafer {
  readonly wafer: number | null;
  readonly placement: Placement;
}

interface Cause extends LimitPart {
  readonly kind: Bottleneck;
}

/** What is doubled for each cause. */
const resources: Readonly<Record<Bottleneck, string>> = {
  kernel: "the cores",
  link: "the words of a link",
  io: "the bandwidth of the edge",
};

/** The order in which causes of equal cycles are named. */
const ranks: Readonly<Record<Bottleneck, number>> = { kernel: 0, link: 1, io: 2 };

/** The limits of one placement, or of a pipeline of several wafers, whose interval is that of the slowest. */
export function limitsOf(wafers: readonly LimitedWafer[]): LimitStatement {
  const [first] = wafers;
  return first?.placement.mode.kind === "resident" ? limitsInTurn(first.placement) : limitsAtOnce(wafers);
}

const largestFirst = (causes: readonly Cause[]): readonly Cause[] =>
  causes.toSorted((a, b) => b.amount - a.amount || ranks[a.kind] - ranks[b.kind]);

/** All work at once: the slowest cause sets the interval. */
function limitsAtOnce(wafers: readonly LimitedWafer[]): LimitStatement {
  const causes = largestFirst(wafers.flatMap(causesOf));
  if (causes.every(({ amount }) => amount === 0))
    return { sentence: "nothing is placed, so nothing limits", unit: "cycles", parts: [] };
  const [limit, next] = [nth(causes, 0), nth(causes, 1)];
  const doubled = largestFirst(
    causes.map((cause) => (cause.kind === limit.kind ? { ...cause, amount: cause.amount / 2 } : cause)),
  );
  const after = nth(doubled, 0);
  const gain =
    after.amount === limit.amount
      ? `twice ${resources[limit.kind]} would change nothing, as both bind`
      : `twice ${resources[limit.kind]} would give ${count(after.amount)} at best, and then ${after.name} would limit`;
  return {
    sentence: `${limit.name} limits (${count(limit.amount)} cycles); next comes ${next.name} (${count(next.amount)}); ${gain}`,
    unit: "cycles",
    parts: causes.map(({ name, amount }) => ({ name, amount })),
  };
}

function causesOf({ wafer, placement }: LimitedWafer): readonly Cause[] {
  const { certificate, copies } = placement;
  const on = wafer === null ? "" : ` of wafer ${wafer}`;
  const { kernelCycles, linkCycles, ioCycles } = certificate;
  return [
    { kind: "kernel", name: slowestLayer(placement) + on, amount: kernelCycles / copies.count },
    { kind: "link", name: fullestLink(certificate) + on, amount: linkCycles / copies.count },
    { kind: "io", name: wafer === null ? "the edge of the wafer" : `the edge${on}`, amount: ioCycles },
  ];
}

function slowestLayer({ kernels, certificate }: Placement): string {
  const slowest = kernels.find(({ kernel }) => kernel === certificate.slowest);
  return slowest === undefined ? "the slowest layer" : `the slowest layer "${visible(slowest.name)}"`;
}

const fullestLink = ({ fullestLink: link }: Certificate): string =>
  link === null ? "the fullest link" : `the fullest link ${link.direction} of (${link.x}, ${link.y})`;

/** One after the other: all causes add up. */
function limitsInTurn({ certificate }: Placement): LimitStatement {
  const { objective, kernelCycles, linkCycles, ioCycles } = certificate;
  const causes = largestFirst([
    { kind: "kernel", name: "computing in the layers", amount: kernelCycles },
    { kind: "link", name: "moving values from layer to layer", amount: linkCycles },
    { kind: "io", name: "the edge of the wafer", amount: ioCycles },
  ]);
  const [limit, next] = [nth(causes, 0), nth(causes, 1)];
  const speeds = { ...resources, kernel: "the speed of the cores" };
  const doubled = objective - limit.amount / 2;
  return {
    sentence: `${limit.name} takes most of a sample's time (${count(limit.amount)} of ${count(objective)} cycles); next comes ${next.name} (${count(next.amount)}); twice ${speeds[limit.kind]} would give ${count(doubled)} at best`,
    unit: "cycles",
    parts: causes.map(({ name, amount }) => ({ name, amount })),
  };
}
