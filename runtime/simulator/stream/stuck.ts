/** Says where a program stands at the stream level when it does not go on. */
import { nth } from "../../../ir/access.ts";
import { type Diagnostic, diagnostic, showName, WscError } from "../../../ir/diagnostic.ts";
import type { StreamMachine } from "./run.ts";

/** Tasks that are named; of more the rest is counted. */
const mostNamed = 5;

function waitOf(machine: StreamMachine, task: number): string {
  const step = machine.stepOf(task);
  switch (step.kind) {
    case "stream": {
      const ends = [
        ...(step.from === null ? [] : [`for words of color ${step.from.color}`]),
        ...(step.to === null ? [] : [`for room on color ${step.to.color}`]),
      ];
      return `waits ${ends.join(" or ")}`;
    }
    case "compute":
      return "computes";
    case "claim":
    case "take":
    case "publish":
    case "free":
      return `waits to ${step.kind} a region`;
  }
}

export function stuckStreams(machine: StreamMachine, message: string): WscError {
  const { program, cores, wheel } = machine;
  const blocked: Diagnostic[] = [];
  let more = 0;
  for (let task = 0; task < machine.tasks.length; task++) {
    if ((machine.sample[task] as number) >= machine.samples) continue;
    if (blocked.length === mostNamed) {
      more++;
      continue;
    }
    const core = machine.coreOf(task);
    const cell = cores.cells[core] as number;
    const { width } = program.target;
    const { layer } = cores.roleOf(core).role;
    const text = `core (${cell % width}, ${Math.floor(cell / width)}), task ${nth(machine.tasks, task).name}, sample ${machine.sample[task] as number}: ${waitOf(machine, task)} at cycle ${wheel.now}`;
    blocked.push(diagnostic("error", "WSC7010", text, { subject: `layer "${showName(nth(program.layers, layer))}"` }));
  }
  const rest = more === 0 ? "" : `; ${more} more tasks wait`;
  return new WscError([
    diagnostic("error", "WSC7010", `the program ${message} (cycle ${wheel.now})${rest}`),
    ...blocked,
  ]);
}
