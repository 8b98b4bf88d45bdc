/**
 * Says whether a fabric program is legal, sharing nothing with what makes programs: cores and their memory, queues, colors, switches, that every
 * word which is sent is taken by as many as expect it, and that nothing waits in a circle.
 */
import type { Diagnostic } from "../diagnostic.ts";
import {
  microthreads,
  operandsOf,
  regionBytes,
  stridedCount,
  switchPositions,
  wordsOfOperand,
  wordsReceived,
  wordsSent,
} from "./program.ts";
import {
  type CoreSet,
  type FabricProgram,
  forEachCore,
  type Port,
  queuesPerCore,
  type Role,
  type Step,
  type Strided,
} from "./program.ts";
import { FabricFaults } from "./faults.ts";
import { checkCoverage } from "./coverage.ts";
import { checkFlows } from "./flows.ts";
import { checkWaits } from "./waits.ts";

/** Everything that is wrong with a program, at most 20 faults; none for a legal one. */
export function verifyFabric(program: FabricProgram): Diagnostic[] {
  const faults = new FabricFaults(program);
  checkCores(program, faults);
  for (const role of program.roles) checkRole(program, role, faults);
  checkRules(program, faults);
  checkLoads(program, faults);
  if (faults.found.length > 0) return faults.found;
  const flows = checkFlows(program, faults);
  if (faults.found.length === 0) checkCoverage(program, faults);
  if (faults.found.length === 0) checkWaits(program, flows, faults);
  return faults.found;
}

const firstOf = ({ cores }: Role): { x: number; y: number } => ({ x: cores[0]?.x ?? 0, y: cores[0]?.y ?? 0 });

function isInside(
  { target: { width, height } }: FabricProgram,
  { x, y, columns, rows, stepX, stepY }: CoreSet,
): boolean {
  const numbers = [x, y, columns, rows, stepX, stepY];
  return (
    numbers.every(Number.isSafeInteger) &&
    x >= 0 &&
    y >= 0 &&
    Math.min(columns, rows, stepX, stepY) >= 1 &&
    x + (columns - 1) * stepX < width &&
    y + (rows - 1) * stepY < height
  );
}

/** Every core has one program, lies on the fabric, and works. */
function checkCores(program: FabricProgram, faults: FabricFaults): void {
  const { width, deadCores } = program.target;
  const dead = new Set(deadCores.map(({ x, y }) => y * width + x));
  const taken = new Map<number, Role>();
  for (const role of program.roles) {
    if (program.layers[role.layer] === undefined)
      faults.add(`role ${role.name}`, `is of layer ${role.layer}, which does not exist`);
    for (const set of role.cores) {
      if (!isInside(program, set)) {
        faults.add(faults.layerOf(role), `role ${role.name} has cores outside the fabric`);
        continue;
      }
      forEachCore([set], (x, y) => {
        const key = y * width + x;
        if (dead.has(key)) faults.at({ x, y }, "the core is dead");
        const other = taken.get(key);
        if (other !== undefined)
          faults.at(
            { x, y },
            `two programs on one core: role ${role.name} of ${faults.layerOf(role)}, and role ${other.name} of ${faults.layerOf(other)}`,
          );
        taken.set(key, role);
      });
    }
  }
}

function checkRole(program: FabricProgram, role: Role, faults: FabricFaults): void {
  checkMemory(program, role, faults);
  checkEnds(program, role, faults);
  const at = firstOf(role);
  for (const { name, steps } of role.tasks) {
    for (const step of steps) for (const fault of faultsOfStep(role, step)) faults.at(at, `task ${name}: ${fault}`);
  }
  const streaming = role.tasks.filter(({ steps }) =>
    steps.some((step) => wordsReceived(step) !== null || wordsSent(step) !== null),
  );
  if (streaming.length > microthreads)
    faults.at(at, `${streaming.length} tasks move words, and there are ${microthreads} microthreads`);
  checkHandshakes(role, faults);
}

/** Regions lie in the core's memory and not in each other. */
function checkMemory({ target }: FabricProgram, role: Role, faults: FabricFaults): void {
  const at = firstOf(role);
  let end = 0;
  let before = "code and system";
  for (const region of role.regions.toSorted((a, b) => a.address - b.address)) {
    if (region.address % 4 !== 0 || region.words < 0 || region.slots < 1)
      faults.at(at, `region ${region.name} is malformed`);
    if (region.address < end) faults.at(at, `regions ${before} and ${region.name} overlap`);
    end = Math.max(end, region.address + regionBytes(region));
    before = region.name;
  }
  if (end > target.sramBytes) faults.at(at, `its regions end at byte ${end} of an SRAM of ${target.sramBytes} bytes`);
}

/** Queues exist and belong to one color; a color is taken, and given, by one task. */
function checkEnds({ target }: FabricProgram, role: Role, faults: FabricFaults): void {
  const at = firstOf(role);
  for (const way of ["in", "out"] as const) {
    const colorOf = new Map<number, number>();
    const taskOf = new Map<number, string>();
    for (const { name, steps } of role.tasks) {
      for (const step of steps) {
        const end = way === "in" ? fromOf(step) : toOf(step);
        if (end === null) continue;
        if (end.color >= target.colorsPerRouter) faults.at(at, `there are ${target.colorsPerRouter} colors`, end.color);
        if (end.queue >= queuesPerCore)
          faults.at(at, `queue ${end.queue} does not exist: there are ${queuesPerCore} each way`, end.color);
        const known = colorOf.get(end.queue);
        if (known !== undefined && known !== end.color)
          faults.at(
            at,
            `${way === "in" ? "input" : "output"} queue ${end.queue} has colors ${known} and ${end.color}`,
            end.color,
          );
        colorOf.set(end.queue, end.color);
        const task = taskOf.get(end.color);
        if (task !== undefined && task !== name)
          faults.at(at, `tasks ${task} and ${name} both ${way === "in" ? "take" : "give"} its words`, end.color);
        taskOf.set(end.color, name);
      }
    }
  }
}

export const fromOf = (step: Step): { readonly color: number; readonly queue: number } | null =>
  step.kind === "receive" || step.kind === "reduce" ? step.from : null;

export const toOf = (step: Step): { readonly color: number; readonly queue: number } | null =>
  step.kind === "send" || step.kind === "reduce" ? step.to : null;

function faultsOfStep(role: Role, step: Step): string[] {
  const regions = new Map(role.regions.map((region) => [region.name, region]));
  const outside = ({ region: name, offset, sizes, strides }: Strided): string[] => {
    const region = regions.get(name);
    if (region === undefined) return [`there is no region ${name}`];
    let [low, high] = [offset, offset];
    for (const [dim, size] of sizes.entries()) {
      const reach = (size - 1) * (strides[dim] ?? 0);
      if (reach < 0) low += reach;
      else high += reach;
    }
    const isEmpty = stridedCount(sizes) === 0;
    return !isEmpty && (low < 0 || high >= region.words)
      ? [`words ${low} to ${high} of region ${name}, which has ${region.words}`]
      : [];
  };
  switch (step.kind) {
    case "claim":
    case "publish":
    case "take":
    case "free":
      return regions.has(step.region) ? [] : [`there is no region ${step.region}`];
    case "receive":
      return step.into.flatMap(({ words, into }) =>
        into === null
          ? []
          : [
              ...outside(into),
              ...(stridedCount(into.sizes) === words ? [] : [`${words} words into ${stridedCount(into.sizes)} places`]),
            ],
      );
    case "send":
      return step.words.flatMap(outside);
    case "reduce":
      return outside(step.own);
    case "fill":
      return outside(step.into);
    case "compute": {
      const { sizes, operation, args, out, vector } = step;
      const wanted = operandsOf(operation);
      return [
        ...(vector >= 0 && vector < sizes.length ? [] : [`vectors run along loop ${vector} of ${sizes.length}`]),
        ...(args.length === wanted || (operation.kind === "map" && args.length > wanted)
          ? []
          : [`an operation of ${wanted} operands has ${args.length}`]),
        ...(operation.kind === "lookup" && operation.first + operation.rows > operation.size
          ? [`rows ${operation.first} to ${operation.first + operation.rows - 1} of a table of ${operation.size}`]
          : []),
        ...[out, ...args].flatMap((operand) =>
          operand.strides.length === sizes.length
            ? outside(wordsOfOperand(step, operand))
            : [`operand ${operand.region} has ${operand.strides.length} strides for ${sizes.length} loops`],
        ),
      ];
    }
  }
}

/** A region is published by as many tasks as it has writers, and taken and freed by as many as it has readers. */
function checkHandshakes(role: Role, faults: FabricFaults): void {
  for (const { name, writers, readers } of role.regions) {
    const count = (kind: Step["kind"]): number =>
      role.tasks.reduce(
        (sum, { steps }) =>
          sum + steps.filter((step) => step.kind === kind && "region" in step && step.region === name).length,
        0,
      );
    const [claims, publishes, takes, frees] = [count("claim"), count("publish"), count("take"), count("free")];
    if (claims !== publishes || publishes !== writers || takes !== frees || frees !== readers)
      faults.at(
        firstOf(role),
        `region ${name} has ${writers} writers and ${readers} readers, and is published ${publishes} and freed ${frees} times`,
      );
  }
}

/** Rules of routers: one for each color, a few positions, a way in and ways out. */
function checkRules(program: FabricProgram, faults: FabricFaults): void {
  const { width, colorsPerRouter, reservedColors, deadCores } = program.target;
  const dead = new Set(deadCores.map(({ x, y }) => y * width + x));
  const deadLinks = new Set((program.target.deadLinks ?? []).map(({ x, y, side }) => `${x} ${y} ${side}`));
  const isDeadLink = (x: number, y: number, port: Port): boolean => {
    if (deadLinks.size === 0 || port === "ramp") return false;
    if (port === "east" || port === "south") return deadLinks.has(`${x} ${y} ${port}`);
    return port === "west" ? deadLinks.has(`${x - 1} ${y} east`) : deadLinks.has(`${x} ${y - 1} south`);
  };
  const seen = new Set<number>();
  const hostColors = new Set(program.edges.map(({ color }) => color));
  for (const { color, cores, positions, filter } of program.routers) {
    const first = cores[0] ?? { x: 0, y: 0 };
    if (!(color >= 0 && color < colorsPerRouter)) faults.at(first, `there are ${colorsPerRouter} colors`, color);
    if (reservedColors.includes(color) && !hostColors.has(color))
      faults.at(first, "the color is reserved for the host's streams", color);
    if (positions.length === 0 || positions.length > switchPositions)
      faults.at(first, `a switch of ${positions.length} positions; there are ${switchPositions}`, color);
    for (const { from, to, words } of positions) {
      if (to.length === 0 || to.includes(from) || new Set(to).size < to.length)
        faults.at(first, `words from ${from} go to [${to.join(", ")}]`, color);
      if ((words === null) !== (positions.length === 1))
        faults.at(first, "a switch must say after how many words each of several positions ends", color);
    }
    if (
      filter !== null &&
      (filter.period < 1 || filter.begin < 0 || filter.count < 0 || filter.begin + filter.count > filter.period)
    )
      faults.at(first, "a filter beyond its period", color);
    for (const set of cores) {
      if (!isInside(program, set)) {
        faults.at(first, "a router outside the fabric", color);
        continue;
      }
      forEachCore([set], (x, y) => {
        const key = y * width + x;
        if (dead.has(key)) faults.at({ x, y }, "the router is dead", color);
        for (const port of new Set(positions.flatMap(({ to }) => to)))
          if (isDeadLink(x, y, port)) faults.at({ x, y }, `the link to the ${port} is dead`, color);
        if (seen.has(key * colorsPerRouter + color))
          faults.at({ x, y }, "a second input: the router has two rules for the color", color);
        seen.add(key * colorsPerRouter + color);
      });
    }
  }
}

function checkLoads(program: FabricProgram, faults: FabricFaults): void {
  for (const { x, y, region: name, at, elements } of program.loads) {
    const region = faults.roleAt({ x, y })?.regions.find((one) => one.name === name);
    const words = elements.reduce((sum, { sizes }) => sum + stridedCount(sizes), 0);
    if (region === undefined) faults.at({ x, y }, `a constant for region ${name}, which is not there`);
    else if (at < 0 || at + words > region.words)
      faults.at({ x, y }, `a constant of ${words} words in region ${name}, which has ${region.words}`);
  }
}
