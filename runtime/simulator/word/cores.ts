/** The cores of a program: their tasks with resolved operands, their SRAM, and what an instruction costs. */
import {
  type Endpoint,
  type FabricProgram,
  forEachCore,
  type Region,
  type Role,
  type Step,
  type Strided,
  stridedCount,
} from "../../../ir/fabric/program.ts";
import type { Combiner } from "../../../ir/fabric/program.ts";
import { operationsOf } from "../../../ir/machine/operations.ts";
import { rateOf, type Target } from "../../../ir/machine/target.ts";
import { prepareTile, type Tile } from "./computation.ts";

/** Words of one instruction, with where the words of a sample lie. */
export interface Segment {
  /** first word of the step that it takes */
  readonly begin: number;
  readonly perSlot: number;
  readonly slots: number;
}

/** A step as the simulator runs it. */
export type ReadyStep =
  | { readonly kind: "claim" | "publish" | "take" | "free"; readonly semaphore: number; readonly slots: number }
  | {
      readonly kind: "stream";
      readonly from: Endpoint | null;
      readonly to: Endpoint | null;
      readonly with: Combiner | null;
      /** places in the core's SRAM in the first slot, word by word; -1 for words that are dropped */
      readonly places: Int32Array;
      readonly segments: readonly Segment[];
    }
  | { readonly kind: "compute"; readonly cycles: number; readonly tile: Tile };

export interface ReadyTask {
  readonly name: string;
  readonly steps: readonly ReadyStep[];
}

/** A role, prepared once for all its cores. */
export interface ReadyRole {
  readonly role: Role;
  readonly tasks: readonly ReadyTask[];
  readonly words: number;
  /** semaphores of a core: one for each slot of each region */
  readonly semaphores: number;
  readonly writers: Int32Array;
  readonly readers: Int32Array;
}

export interface Cores {
  readonly roles: readonly ReadyRole[];
  readonly count: number;
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly roleOf: Int32Array;
  /** first word of each core's SRAM, and its first semaphore */
  readonly memoryAt: Int32Array;
  readonly semaphoreAt: Int32Array;
  readonly memory: Float32Array;
  readonly semaphoreCount: number;
  /** cores by row * width + column */
  readonly at: ReadonlyMap<number, number>;
}

export function buildCores(program: FabricProgram, target: Target): Cores {
  const roles = program.roles.map((role) => prepareRole(role, target));
  const xs: number[] = [];
  const ys: number[] = [];
  const roleOf: number[] = [];
  const memoryAt: number[] = [];
  const semaphoreAt: number[] = [];
  const at = new Map<number, number>();
  let words = 0;
  let semaphores = 0;
  for (const [index, ready] of roles.entries()) {
    forEachCore(ready.role.cores, (x, y) => {
      at.set(y * program.target.width + x, xs.length);
      xs.push(x);
      ys.push(y);
      roleOf.push(index);
      memoryAt.push(words);
      semaphoreAt.push(semaphores);
      words += ready.words;
      semaphores += ready.semaphores;
    });
  }
  return {
    roles,
    count: xs.length,
    x: Int32Array.from(xs),
    y: Int32Array.from(ys),
    roleOf: Int32Array.from(roleOf),
    memoryAt: Int32Array.from(memoryAt),
    semaphoreAt: Int32Array.from(semaphoreAt),
    memory: new Float32Array(words),
    semaphoreCount: semaphores,
    at,
  };
}

export function prepareRole(role: Role, target: Target): ReadyRole {
  const regions = new Map(role.regions.map((region) => [region.name, region]));
  const semaphoreOf = new Map<string, number>();
  const writers: number[] = [];
  const readers: number[] = [];
  for (const region of role.regions) {
    semaphoreOf.set(region.name, readers.length);
    for (let slot = 0; slot < region.slots; slot++) {
      writers.push(region.writers);
      readers.push(region.readers);
    }
  }
  return {
    role,
    tasks: role.tasks.map(({ name, steps }) => ({
      name,
      steps: steps.map((step) => prepareStep(step, regions, semaphoreOf, target)),
    })),
    words: role.regions.reduce((most, region) => Math.max(most, region.address / 4 + region.words * region.slots), 0),
    semaphores: readers.length,
    writers: Int32Array.from(writers),
    readers: Int32Array.from(readers),
  };
}

function prepareStep(
  step: Step,
  regions: ReadonlyMap<string, Region>,
  semaphoreOf: ReadonlyMap<string, number>,
  target: Target,
): ReadyStep {
  switch (step.kind) {
    case "claim":
    case "publish":
    case "take":
    case "free": {
      const semaphore = semaphoreOf.get(step.region);
      if (semaphore === undefined) throw new Error(`internal: no region ${step.region}`);
      return { kind: step.kind, semaphore, slots: regionOf(regions, step.region).slots };
    }
    case "receive": {
      const parts = step.into.map(({ words, into }) => ({ words, strided: into }));
      return { kind: "stream", from: step.from, to: null, with: null, ...placesOf(parts, regions) };
    }
    case "send": {
      const parts = step.words.map((strided) => ({ words: stridedCount(strided.sizes), strided }));
      return { kind: "stream", from: null, to: step.to, with: null, ...placesOf(parts, regions) };
    }
    case "reduce": {
      const parts = [{ words: stridedCount(step.own.sizes), strided: step.own }];
      return { kind: "stream", from: step.from, to: step.to, with: step.with, ...placesOf(parts, regions) };
    }
    case "fill": {
      const { places, segments } = placesOf([{ words: stridedCount(step.into.sizes), strided: step.into }], regions);
      const { perSlot, slots } = segments[0] ?? { perSlot: 0, slots: 1 };
      const { value } = step;
      const tile: Tile = (memory, core, sample) => {
        const shift = core + (sample % slots) * perSlot;
        for (const place of places) memory[shift + place] = value;
      };
      const { aligned } = rateOf(target, "f32");
      return { kind: "compute", cycles: Math.ceil(target.core.vectorStartup + places.length / aligned), tile };
    }
    case "compute": {
      const tile = prepareTile(step, regions);
      return { kind: "compute", cycles: computeCycles(step, target), tile };
    }
  }
}

/** Cycles of a nest: a start for each vector instruction, its elements at the rate of operands that share banks, slow functions one by one. */
function computeCycles({ operation, sizes, vector }: Step & { kind: "compute" }, target: Target): number {
  const points = stridedCount(sizes);
  const length = sizes[vector] ?? 1;
  const perOperation = (points / length) * target.core.vectorStartup + points / rateOf(target, "f32").conflicting;
  const { fast, slow } = operation.kind === "map" ? operationsOf(operation.expr) : { fast: 1, slow: 0 };
  // a map without operations is a copy
  const vectors = fast + slow === 0 ? 1 : fast;
  return Math.ceil(vectors * perOperation + slow * points * target.core.slowOpCycles);
}

const regionOf = (regions: ReadonlyMap<string, Region>, name: string): Region => {
  const region = regions.get(name);
  if (region === undefined) throw new Error(`internal: no region ${name}`);
  return region;
};

/** Places of the words of several descriptors, one after the other. */
function placesOf(
  parts: readonly { readonly words: number; readonly strided: Strided | null }[],
  regions: ReadonlyMap<string, Region>,
): { readonly places: Int32Array; readonly segments: readonly Segment[] } {
  const places = new Int32Array(parts.reduce((sum, { words }) => sum + words, 0));
  const segments: Segment[] = [];
  let at = 0;
  for (const { words, strided } of parts) {
    if (strided === null) {
      segments.push({ begin: at, perSlot: 0, slots: 1 });
      places.fill(-1, at, at + words);
      at += words;
      continue;
    }
    const region = regionOf(regions, strided.region);
    segments.push({ begin: at, perSlot: region.words, slots: region.slots });
    const base = region.address / 4 + strided.offset;
    for (const offset of offsetsOf(strided)) places[at++] = base + offset;
  }
  return { places, segments };
}

/** Offsets that a descriptor touches, in order. */
export function* offsetsOf({
  sizes,
  strides,
}: {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}): Generator<number> {
  const count = stridedCount(sizes);
  const index = sizes.map(() => 0);
  let offset = 0;
  for (let word = 0; word < count; word++) {
    yield offset;
    for (let dim = sizes.length - 1; dim >= 0; dim--) {
      const size = sizes[dim] as number;
      const stride = strides[dim] as number;
      index[dim] = (index[dim] as number) + 1;
      offset += stride;
      if (index[dim] !== size) break;
      index[dim] = 0;
      offset -= stride * size;
    }
  }
}
