/** Orders of a kernel's loops, for families to say what they cut. */
import type { Kernel } from "../../ir/kernel-graph.ts";

/** Taps of windows, and positions between the strides of one: they stay together, since neighbours share what they read. */
const inWindows = /^[trsq][0-9]*$/;

/** The names of the loops that are worth cutting, with `last` at the end: all but those inside windows. */
export const outsideWindows = (kernel: Kernel, last: string): readonly string[] =>
  loopsBut(
    kernel,
    kernel.loops.flatMap(({ name }) => (inWindows.test(name) ? [name] : [])),
    last,
  );

/** The names of a kernel's loops but some, with `last` at the end where the kernel has it. */
export function loopsBut({ loops }: Kernel, without: readonly string[], last: string): readonly string[] {
  const names = loops.flatMap(({ name }) => (without.includes(name) || name === last ? [] : [name]));
  return loops.some(({ name }) => name === last) ? [...names, last] : names;
}

/** The name of the longest loop; of none where the kernel has no loop. */
export function longestLoop({ loops }: Kernel): string {
  return loops.reduce((longest, loop) => (loop.size > longest.size ? loop : longest), { name: "", size: 0 }).name;
}
