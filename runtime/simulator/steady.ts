/** Interval and latency of a run, from when each sample crossed the edge of the wafer. */
import { nth } from "../../ir/access.ts";
import type { SampleTimes } from "./word/simulation.ts";

export interface Times {
  /** cycles between two samples in the steady state; the latency where there is one sample */
  readonly interval: number;
  /** cycles from the first word of the first sample in to its last word out */
  readonly latency: number;
}

/**
 * The steady state is the second half of a run without its last samples: the first ones find every layer idle, and the last ones, a quarter of the run
 * but one at least, have the cores more and more to themselves. Of two samples, and of three, it is what lies between the last two.
 */
export function timesOf(samples: readonly SampleTimes[]): Times {
  const outs = samples.map(({ lastOut }) => lastOut);
  const latency = nth(outs, 0) - nth(samples, 0).firstIn;
  if (outs.length === 1) return { interval: latency, latency };
  const end = outs.length - 1;
  const last = outs.length < 4 ? end : end - Math.max(1, Math.floor(outs.length / 4));
  const first = Math.min(last - 1, outs.length >> 1);
  return { interval: (nth(outs, last) - nth(outs, first)) / (last - first), latency };
}
