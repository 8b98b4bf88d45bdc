/**
 * Says whether a split over wafers is legal. It works on the split's own data, the whole kernel graph and the target, and counts again what the search said:
 *
 *     layers       every one on one wafer, in order; no wafer without layers, and no more wafers than were given
 *     placements   each wafer's by the checker of placements (placement/checker), of the layers that the split puts there, on the same target
 *     links        words between every two wafers, each value once for each wafer that reads it; senders come before their readers
 *     edges        words in and out of every wafer, and the cycles that its edge takes for them
 *     figures      cores, bytes and cycles of every wafer; interval, latency of the longest way, bound, gap and status
 */
import { nth } from "../../ir/access.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { type KernelGraph, type KernelId, weightBytes, wordBytes } from "../../ir/kernel-graph.ts";
import { ioBytesPerCycle, type Target } from "../../ir/machine/target.ts";
import { checkPlacement } from "../placement/checker/check.ts";
import { Faults } from "../placement/checker/faults.ts";
import { kernelPart } from "./kernel-part.ts";
import type { WaferSplit, WaferStage } from "./wafer-split.ts";

/** Everything illegal about a split over at most `wafers` wafers, as WSC5003; empty when it is legal. */
export function checkWaferSplit(
  graph: KernelGraph,
  split: WaferSplit,
  target: Target,
  wafers: number,
): readonly Diagnostic[] {
  const faults = new Faults();
  const home = homesOf(graph, split, wafers, faults);
  // the rest is counted from where layers are
  if (home === null) return faults.list;
  if (split.target !== target.name) faults.add("target", `is ${target.name}, the split is for ${split.target}`);
  const traffic = trafficOf(graph, home, split.stages.length);
  checkLinks(split, traffic, faults);
  for (const [wafer, stage] of split.stages.entries()) {
    const found = checkPlacement(kernelPart(graph, stage.kernels, ""), stage.placement, target);
    for (const { subject, message } of found) faults.add(`wafer ${wafer + 1}, ${subject ?? "placement"}`, message);
    checkStage(graph, target, stage, wafer, traffic, faults);
  }
  checkClaims(split, traffic, faults);
  return faults.list;
}

/** The wafer of every layer; null where some layer has none, or several. */
function homesOf(graph: KernelGraph, { stages }: WaferSplit, wafers: number, faults: Faults): readonly number[] | null {
  if (stages.length > wafers) faults.add("wafers", `are ${stages.length}, ${wafers} were given`);
  const home = new Map<KernelId, number>();
  for (const [wafer, { kernels, placement }] of stages.entries()) {
    const name = `wafer ${wafer + 1}`;
    if (kernels.length === 0) faults.add(name, "has no layers");
    for (const [place, id] of kernels.entries()) {
      if (place > 0 && id <= nth(kernels, place - 1)) faults.add(name, `has layer ${id} behind a later one`);
      if (graph.kernels[id] === undefined) faults.add(name, `has a layer ${id}, and there are ${graph.kernels.length}`);
      else if (home.has(id)) faults.add(name, `has layer ${id} once more`);
      else if (placement.kernels[place]?.name !== nth(graph.kernels, id).name)
        faults.add(name, `places "${placement.kernels[place]?.name}" where layer ${id} belongs`);
      home.set(id, wafer);
    }
  }
  for (const { id } of graph.kernels) if (!home.has(id)) faults.add(`layer ${id}`, "is on no wafer");
  return faults.list.length > 0 ? null : graph.kernels.map(({ id }) => home.get(id) as number);
}

/** Words per sample between wafers and over the edge of each. */
interface Traffic {
  /** by sender, by reader */
  readonly between: readonly ReadonlyMap<number, number>[];
  readonly into: readonly number[];
  readonly outOf: readonly number[];
}

function trafficOf({ edges, inputs, outputs }: KernelGraph, home: readonly number[], wafers: number): Traffic {
  const between = Array.from({ length: wafers }, () => new Map<number, number>());
  const [into, outOf] = [new Array<number>(wafers).fill(0), new Array<number>(wafers).fill(0)];
  const seen = new Set<string>();
  const once = (key: string): boolean => !seen.has(key) && seen.add(key).size > 0;
  for (const { from, to, stream, words } of edges) {
    const [sender, reader] = [nth(home, from), nth(home, to)];
    if (sender === reader) continue;
    if (once(`from ${stream}`)) outOf[sender] = nth(outOf, sender) + words;
    if (!once(`to ${reader} ${stream}`)) continue;
    into[reader] = nth(into, reader) + words;
    const readers = nth(between, sender);
    readers.set(reader, (readers.get(reader) ?? 0) + words);
  }
  for (const { kernel, name, words } of inputs) {
    const reader = nth(home, kernel);
    if (once(`input ${reader} ${name}`)) into[reader] = nth(into, reader) + words;
  }
  for (const { kernel, words } of outputs) outOf[nth(home, kernel)] = nth(outOf, nth(home, kernel)) + words;
  return { between, into, outOf };
}

function checkLinks({ links }: WaferSplit, { between }: Traffic, faults: Faults): void {
  const claimed = new Set<string>();
  for (const { from, to, words } of links) {
    const name = `link ${from + 1} to ${to + 1}`;
    if (from >= to) faults.add(name, "leads back");
    if (claimed.has(`${from} ${to}`)) faults.add(name, "stands there twice");
    claimed.add(`${from} ${to}`);
    const counted = between[from]?.get(to);
    if (counted === undefined) faults.add(name, `has ${words} words, and nothing of one wafer is read on the other`);
    else if (counted !== words) faults.add(name, `has ${words} words, counted again ${counted}`);
  }
  for (const [from, readers] of between.entries())
    for (const [to, words] of readers) {
      if (from >= to) faults.add(`wafer ${from + 1}`, `sends ${words} words back to wafer ${to + 1}`);
      if (!claimed.has(`${from} ${to}`))
        faults.add(`link ${from + 1} to ${to + 1}`, `is missing, and ${words} words cross there`);
    }
}

/** A figure as it was claimed, and as it is counted again. */
type Figure = readonly [what: string, claimed: number, counted: number];

function compare(subject: string, figures: readonly Figure[], faults: Faults): void {
  for (const [what, claimed, counted] of figures)
    // latencies and loads are sums of fractions
    if (!(Math.abs(claimed - counted) <= 1e-9 * Math.max(1, Math.abs(counted))))
      faults.add(subject, `${what}: ${claimed} claimed, ${counted} counted`);
}

function checkStage(
  graph: KernelGraph,
  target: Target,
  stage: WaferStage,
  wafer: number,
  { into, outOf }: Traffic,
  faults: Faults,
): void {
  const { kernels, certificate } = stage.placement;
  let cores = 0;
  let activations = 0;
  for (const { rect, variant } of kernels) {
    const own = rect.width * rect.height;
    cores += own;
    activations += own * (variant.sram.activations + variant.sram.buffers);
  }
  const weights = stage.kernels.reduce((sum, id) => sum + weightBytes(nth(graph.kernels, id)), 0);
  const [wordsIn, wordsOut] = [nth(into, wafer), nth(outOf, wafer)];
  const edge = Math.ceil(((wordsIn + wordsOut) * wordBytes) / ioBytesPerCycle(target));
  compare(
    `wafer ${wafer + 1}`,
    [
      ["cores", stage.cores, cores],
      ["bytes of weights", stage.weightBytes, weights],
      ["bytes of activations", stage.activationBytes, activations],
      ["words in", stage.wordsIn, wordsIn],
      ["words out", stage.wordsOut, wordsOut],
      ["cycles of the edge", stage.ioCycles, edge],
      ["cycles", stage.cycles, certificate.objective],
    ],
    faults,
  );
}

function checkClaims(split: WaferSplit, { between }: Traffic, faults: Faults): void {
  const { stages, interval, latencyCycles, bound, gap, status } = split;
  // senders come first, so that every way into a wafer has ended when it is reached
  const end: number[] = [];
  for (const [wafer, { placement }] of stages.entries()) {
    const before = end.filter((_, sender) => between[sender]?.has(wafer) === true);
    end.push(Math.max(0, ...before) + placement.certificate.latencyCycles);
  }
  compare(
    "split",
    [
      ["interval", interval, Math.max(0, ...stages.map(({ placement }) => placement.certificate.objective))],
      ["latency", latencyCycles, Math.max(0, ...end)],
      ["gap", gap, interval === 0 ? 0 : (interval - bound) / interval],
    ],
    faults,
  );
  if (bound > interval) faults.add("split", `its bound ${bound} is above its interval ${interval}`);
  if ((status === "optimal") !== (bound === interval))
    faults.add("split", `is ${status} with an interval of ${interval} and a bound of ${bound}`);
}
