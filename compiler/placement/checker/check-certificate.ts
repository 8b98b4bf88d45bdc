/** The checker's part for the certificate: claims that must agree with each other, and figures that are counted again. */
import { defined, nth } from "../../../ir/access.ts";
import { type KernelGraph, type KernelPort, wordBytes } from "../../../ir/kernel-graph.ts";
import {
  copyOffset,
  linkDirections,
  type PlacedKernel,
  type Placement,
  type Rect,
  rectMovedBy,
} from "../../../ir/placement.ts";
import { entryCycles, exitCycles, passageCycles, type Place } from "../../../ir/machine/passage.ts";
import { ioBytesPerCycle, type Target } from "../../../ir/machine/target.ts";
import type { Counted } from "./check-copies.ts";
import type { Faults } from "./faults.ts";

const slowestOf = (kernels: readonly PlacedKernel[]): number =>
  kernels.reduce((most, { variant }) => Math.max(most, variant.cycles), 0);

/** Checks bounds and gaps, the goal, and the movement against each other. */
export function checkClaims(placement: Placement, faults: Faults): void {
  const { certificate, kernels } = placement;
  const { objective, bound, gap, movement } = certificate;
  const { copies } = placement;
  const slowest = slowestOf(kernels) / copies.count;
  const claim = (message: string): void => {
    faults.add("certificate", message);
  };
  if (objective < slowest) claim(`claims an interval of ${objective} cycles, a kernel takes ${slowest}`);
  if (bound > objective) claim(`its bound ${bound} is above its objective ${objective}`);
  if (Math.abs(gap - (objective - bound) / objective) > 1e-9) claim(`its gap ${gap} does not follow from objective and bound`); // prettier-ignore
  if (certificate.status === "optimal" && gap !== 0) claim("claims to be optimal with a gap");
  if (movement !== null && movement.kept + movement.moved + movement.added !== kernels.length) {
    claim(`accounts for ${movement.kept + movement.moved + movement.added} kernels in its movement, there are ${kernels.length}`); // prettier-ignore
  }
  checkGoal(placement, faults);
}

/** The goal's value is that of the figure it names. */
function checkGoal({ certificate, kernels, routes }: Placement, faults: Faults): void {
  const { kind, value, bound, gap, status } = certificate.goal;
  const counted: Readonly<Record<typeof kind, number>> = {
    throughput: certificate.objective,
    latency: certificate.latencyCycles,
    cores: kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0),
    wire: routes.reduce((sum, { from, to }) => sum + centreDistance(kernels[from]?.rect, kernels[to]?.rect), 0),
  };
  if (Math.abs(value - counted[kind]) > 1e-6 * Math.max(1, value))
    faults.add("certificate", `claims ${value} for ${kind}, the placement has ${counted[kind]}`);
  if (bound > value) faults.add("certificate", `its bound ${bound} on ${kind} is above the value ${value}`);
  if (value > 0 && Math.abs(gap - (value - bound) / value) > 1e-9)
    faults.add("certificate", `its gap ${gap} in ${kind} does not follow from value and bound`);
  if (status === "optimal" && gap !== 0) faults.add("certificate", `claims the least ${kind} with a gap`);
}

const centreDistance = (a: Rect | undefined, b: Rect | undefined): number =>
  a === undefined || b === undefined
    ? 0
    : Math.abs(a.x + a.width / 2 - b.x - b.width / 2) + Math.abs(a.y + a.height / 2 - b.y - b.height / 2);

/** Counts the certificate's figures again, from kernels and from what the routes took. */
export function checkCertificate(
  graph: KernelGraph,
  placement: Placement,
  target: Target,
  tally: Counted,
  faults: Faults,
): void {
  const { certificate, kernels, routes, copies } = placement;
  let fullest = 0;
  // every link of the wafer: a call for each would be most of what the check costs
  for (const words of tally.load) if (words > fullest) fullest = words;
  const slowest = slowestOf(kernels);
  const ioCycles = Math.ceil((edgeWords(graph) * wordBytes) / ioBytesPerCycle(target));
  // loads are sums of fractions: a hair above a whole number of cycles is that number
  const linkCycles = Math.max(0, Math.ceil(fullest * target.link.cyclesPerWord - 1e-3));
  const figures: readonly (readonly [what: string, claimed: number, counted: number])[] = [
    ["cycles of the slowest kernel", certificate.kernelCycles, slowest],
    ["cycles of the fullest link", certificate.linkCycles, linkCycles],
    ["cycles of the wafer's edge", certificate.ioCycles, ioCycles],
    ["cycles between samples", certificate.objective, Math.max(Math.max(1, slowest, linkCycles) / copies.count, ioCycles)],
    ["cycles of latency", certificate.latencyCycles, slowestCopy(graph, placement, target, tally)],
    ["hops of wire", certificate.wireLength, routes.reduce((sum, { from, to }) => sum + centreDistance(kernels[from]?.rect, kernels[to]?.rect), 0)],
  ]; // prettier-ignore
  for (const [what, claimed, counted] of figures) {
    if (Math.abs(claimed - counted) > 1e-6 * Math.max(1, counted))
      faults.add("certificate", `claims ${claimed} ${what}, ${counted} were counted`);
  }
  checkBottleneck(placement, faults);
  checkFullest(placement, target, tally, fullest, faults);
}

/** Words of some ports; a value crosses the edge once, however many kernels read it. */
function portWords(ports: readonly KernelPort[]): number {
  const words = new Map<string, number>();
  for (const port of ports) words.set(port.name, Math.max(words.get(port.name) ?? 0, port.words));
  return [...words.values()].reduce((sum, count) => sum + count, 0);
}

/** Words over the wafer's edge, both ways. */
export const edgeWords = ({ inputs, outputs }: KernelGraph): number => portWords(inputs) + portWords(outputs);

/** Latency of the copy that has the longest; each lies elsewhere. */
const slowestCopy = (graph: KernelGraph, placement: Placement, target: Target, { travels }: Counted): number =>
  travels.reduce((most, travel, copy) => {
    const offset = copyOffset(placement.copies, copy);
    const kernels = placement.kernels.map((placed) => ({ ...placed, rect: rectMovedBy(placed.rect, offset) }));
    return Math.max(most, latency(graph, { ...placement, kernels }, target, travel));
  }, 0);

/** Cycles of the longest way; every edge leads to a kernel with a higher number. */
function latency(graph: KernelGraph, { kernels, routes }: Placement, target: Target, travel: Float64Array): number {
  const places = new Map(
    kernels.map((placed) => [placed.kernel, { kernel: nth(graph.kernels, placed.kernel), placed }]),
  );
  const placeOf = (kernel: number): Place => defined(places.get(kernel));
  const begin = graph.kernels.map(({ id }) =>
    graph.inputs
      .filter(({ kernel }) => kernel === id)
      .flatMap(({ operands, words }) =>
        operands.map((operand) => entryCycles(target, placeOf(id), operand, words, portWords(graph.inputs))),
      )
      .reduce((most, cycles) => Math.max(most, cycles), 0),
  );
  const endOf = (id: number): number => nth(begin, id) + placeOf(id).placed.variant.latency;
  const order = graph.edges.map((edge, index) => ({ edge, index })).sort((a, b) => a.edge.from - b.edge.from);
  const lanes = new Map(routes.map((route) => [route.edge, route.lanes]));
  for (const { edge, index } of order) {
    const { from, to, result, operands, words } = edge;
    const way = { words, lanes: defined(lanes.get(index)), travel: nth(travel, index) };
    const passed = passageCycles(target, placeOf(from), result, placeOf(to), operands, way);
    begin[to] = Math.max(nth(begin, to), endOf(from) + passed);
  }
  const outs = graph.outputs.map(
    ({ kernel, result, words }) =>
      endOf(kernel) + exitCycles(target, placeOf(kernel), result, words, portWords(graph.outputs)),
  );
  return Math.max(0, ...outs, ...kernels.map(({ kernel }) => endOf(kernel)));
}

function checkBottleneck({ certificate, kernels, copies: { count } }: Placement, faults: Faults): void {
  const { bottleneck, slowest, objective, kernelCycles, linkCycles, ioCycles } = certificate;
  const causes = { kernel: kernelCycles / count, link: linkCycles / count, io: ioCycles };
  if (kernels.length > 0 && causes[bottleneck] < objective)
    faults.add("certificate", `calls the ${bottleneck} its bottleneck, which takes ${causes[bottleneck]} of ${objective} cycles`); // prettier-ignore
  const named = slowest === null ? undefined : kernels[slowest];
  if (named === undefined ? kernels.length > 0 : named.variant.cycles !== kernelCycles)
    faults.add(
      "certificate",
      `calls kernel ${slowest ?? "none"} the slowest, the slowest takes ${kernelCycles} cycles`,
    );
}

function checkFullest(
  { certificate, routes }: Placement,
  { fabric }: Target,
  { load, colors, edgesOnNamed }: Counted,
  words: number,
  faults: Faults,
): void {
  const { fullestLink: link, fullestRouter: router } = certificate;
  const has = link === null ? 0 : (load[(link.y * fabric.width + link.x) * 4 + linkDirections.indexOf(link.direction)] ?? 0); // prettier-ignore
  if (Math.abs((link?.words ?? 0) - words) > 1e-6 * words || Math.abs(has - words) > 1e-6 * words)
    faults.add("certificate", `claims ${link?.words ?? 0} words on the fullest link, which has ${words}`);
  const claimed = link?.edges ?? [];
  if (claimed.length !== edgesOnNamed.size || !claimed.every((edge) => edgesOnNamed.has(edge)))
    faults.add("certificate", `names edges ${claimed.join(", ")} on the fullest link, it has ${[...edgesOnNamed].join(", ")}`); // prettier-ignore
  if (routes.length === 0) return;
  let most = 0;
  for (const held of colors) if (held > most) most = held;
  const held = router === null ? 0 : (colors[router.y * fabric.width + router.x] ?? 0);
  if (router?.colors !== most || held !== most)
    faults.add("certificate", `claims ${router?.colors ?? 0} colors on the fullest router, which has ${most}`);
}
