/** Puts constants and caches into the SRAM of cores before a program starts. */
import { defined } from "../../../ir/access.ts";
import type { FabricProgram, LoadSource } from "../../../ir/fabric/program.ts";
import type { Cores } from "./cores.ts";
import { elementsOf } from "./edges.ts";
import type { SimulateOptions } from "./simulation.ts";

export type LoadOptions = Pick<SimulateOptions, "constants" | "pasts">;

/** The elements of a constant or a cache. */
export const loadedData = (from: LoadSource, { constants, pasts }: LoadOptions): Float32Array =>
  from.kind === "constant" ? constants(from.value) : defined(pasts)(from.name);

export function loadRegions(program: FabricProgram, cores: Cores, options: LoadOptions): void {
  for (const { x, y, region: name, at, from, elements } of program.loads) {
    const core = cores.at.get(y * program.target.width + x);
    const role = core === undefined ? undefined : cores.roles[cores.roleOf[core] as number];
    const region = role?.role.regions.find((one) => one.name === name);
    if (core === undefined || region === undefined)
      throw new Error(`internal: a constant for region ${name} of core (${x}, ${y}), which has none`);
    const data = loadedData(from, options);
    const indices = elementsOf(elements);
    for (let slot = 0; slot < region.slots; slot++) {
      const base = (cores.memoryAt[core] as number) + region.address / 4 + slot * region.words + at;
      for (let word = 0; word < indices.length; word++)
        cores.memory[base + word] = data[indices[word] as number] as number;
    }
  }
}
