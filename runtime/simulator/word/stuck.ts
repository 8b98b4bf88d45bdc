/** Says where a program stands when it does not go on, and which words nobody took. */
import { type Diagnostic, diagnostic, showName, WscError } from "../../../ir/diagnostic.ts";
import type { Machine } from "./run.ts";

/** Tasks and queues that are named; of more the rest is counted. */
const mostNamed = 5;

const subjectOf = (machine: Machine, core: number): string => {
  const layer = machine.cores.roles[machine.cores.roleOf[core] as number]?.role.layer ?? -1;
  return `layer "${showName(machine.program.layers[layer] ?? "")}"`;
};

const place = (machine: Machine, core: number): string =>
  `core (${machine.cores.x[core] as number}, ${machine.cores.y[core] as number})`;

function waitOf(machine: Machine, task: number): string {
  const step = machine.tasks[task]?.steps[machine.step[task] as number];
  if (step === undefined) return "is done";
  switch (step.kind) {
    case "stream": {
      const end = machine.waiting[task] === "room" ? step.to : step.from;
      if (end === null) return "is in the middle of an instruction";
      const what = machine.waiting[task] === "room" ? "for room" : "for words";
      return `waits ${what} of color ${end.color} in queue ${end.queue}`;
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

/** The error of a program that does not come to its end. */
export function stuckError(machine: Machine, message: string): WscError {
  const blocked: Diagnostic[] = [];
  let more = 0;
  const cycle = machine.wheel.now;
  for (const [task, { name }] of machine.tasks.entries()) {
    if ((machine.sample[task] as number) >= machine.samples) continue;
    if (blocked.length === mostNamed) {
      more++;
      continue;
    }
    const core = machine.coreOf[task] as number;
    const text = `${place(machine, core)}, task ${name}, sample ${machine.sample[task] as number}: ${waitOf(machine, task)} at cycle ${cycle}`;
    blocked.push(diagnostic("error", "WSC7010", text, { subject: subjectOf(machine, core) }));
  }
  const all = [...blocked, ...machine.edges.unfinished().map((text) => diagnostic("error", "WSC7010", text))];
  const rest = more === 0 ? "" : `; ${more} more tasks wait`;
  return new WscError([diagnostic("error", "WSC7010", `the program ${message} (cycle ${cycle})${rest}`), ...all]);
}

/** The error of a program that is done while words lie in queues; null where none do. */
export function leftoverError(machine: Machine): WscError | null {
  const { queues, routers, wheel } = machine;
  const found: Diagnostic[] = [];
  for (let queue = 0; queue < queues.length && found.length < mostNamed; queue++) {
    const count = queues.counts[queue] as number;
    if (count === 0) continue;
    const consumer = queues.consumers[queue] as number;
    const producer = queues.producers[queue] as number;
    const channel = consumer >= 0 && consumer < routers.count ? consumer : producer;
    const isChannel = channel >= 0 && channel < routers.count;
    const where = isChannel
      ? `router (${routers.x[channel] as number}, ${routers.y[channel] as number}), color ${routers.colors[channel] as number}`
      : "the edge of the wafer";
    const core = isChannel
      ? machine.cores.at.get(
          (routers.y[channel] as number) * machine.program.target.width + (routers.x[channel] as number),
        )
      : undefined;
    const text = `${where}: ${count} word${count === 1 ? "" : "s"} that nobody takes, at cycle ${wheel.now}`;
    found.push(
      diagnostic("error", "WSC7010", text, { subject: core === undefined ? undefined : subjectOf(machine, core) }),
    );
  }
  return found.length === 0 ? null : new WscError(found);
}
