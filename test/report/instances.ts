/** Reports for tests: of a small model, of another placement of it, and of a chain of many layers. */
import { place } from "../../compiler/placement/place.ts";
import { reportOfPlacement } from "../../compiler/report/data/of-placement.ts";
import type { ReportData } from "../../compiler/report/data/report-data.ts";
import type { ReportSimulation } from "../../compiler/report/data/simulation.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { chainOf, convSketch, matmulSketch, smallTarget, softmaxSketch } from "../placement/instances.ts";

const chain = chainOf([convSketch(8, 3, 8), matmulSketch(1, 512, 10), softmaxSketch(1, 10)]);
const names = ["/conv1/Conv", "/fc/Gemm", "/prob/Softmax"];

/** A chain with a name of two lines, and an op that stays on the host. */
export const smallGraph: KernelGraph = {
  ...chain,
  name: "small",
  kernels: chain.kernels.map((kernel, id) => {
    const name = names[id] ?? "";
    return { ...kernel, name, origin: [name, `/relu${id}\n/Relu`] };
  }),
  host: [{ op: 9, kind: "if", reason: "control flow is decided while the model runs", origin: ["/branch/If"] }],
};

export async function smallReport(width: number, simulation: ReportSimulation | null = null): Promise<ReportData> {
  const target = smallTarget(width, 30);
  return reportOfPlacement({ kernels: smallGraph, placement: await place(smallGraph, target), target, simulation });
}

/** The first layers' places dealt out over a wafer of 900 x 1000 cores, so many of them in a row. */
export function manyLayers(report: ReportData, count: number): ReportData {
  const [layer] = report.layers;
  const [wafer] = report.wafers;
  if (layer === undefined || wafer?.map == null) throw new Error("no layers to repeat");
  const columns = 50;
  const layers = Array.from({ length: count }, (_, id) => ({
    ...layer,
    id,
    name: `/block${id}/Conv`,
    rect: { x: 18 * (id % columns), y: 25 * Math.floor(id / columns), width: 18, height: 25 },
    cycles: layer.cycles + (id % 97),
    begin: 40 * id,
    end: 40 * id + layer.latency,
  }));
  const edges = Array.from({ length: count - 1 }, (_, from) => ({
    from,
    to: from + 1,
    words: 100 + from,
    stream: from,
  }));
  const routes = edges.map(({ from, to }, edge) => ({
    edge,
    color: edge % 20,
    lanes: 4,
    shape: "xy" as const,
    fromX: 18 * (from % columns) + 9,
    fromY: 25 * Math.floor(from / columns) + 4,
    toX: 18 * (to % columns) + 9,
    toY: 25 * Math.floor(to / columns) + 12,
    via: [],
    takesTurns: false,
  }));
  const map = { ...wafer.map, width: 900, height: 1000, usable: { x: 0, y: 0, width: 900, height: 1000 }, routes };
  return {
    ...report,
    layers,
    edges,
    wafers: [
      { ...wafer, layers: layers.map(({ name }) => name), map: { ...map, fullestLink: null, fullestRouter: null } },
    ],
  };
}
