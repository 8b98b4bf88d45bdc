/** The same run again, each time with something that costs nothing: what limits, and what more of it would bring. */
import type { FabricProgram } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { freed, type Resource, resources } from "../../../runtime/simulator/free.ts";
import { timesOf } from "../../../runtime/simulator/steady.ts";
import { runProgram, type RunOptions } from "./runs.ts";

export interface WhatIf {
  readonly free: Resource;
  readonly interval: number;
  readonly latency: number;
}

/** Interval and latency by what is free. */
export const whatIf = (program: FabricProgram, target: Target, options: RunOptions): WhatIf[] =>
  resources.map((free): WhatIf => {
    const machine = freed(target, free);
    const timesWith = (samples: number): ReturnType<typeof timesOf> =>
      timesOf(runProgram(program, machine.target, { ...options, samples, ownLinks: machine.ownLinks }).samples);
    const { latency } = timesWith(1);
    return { free, interval: options.samples === 1 ? latency : timesWith(options.samples).interval, latency };
  });
