import { describe, expect, it } from "@jest/globals";
import { timesOf } from "../../runtime/simulator/steady.ts";

const outs = (...lastOut: readonly number[]): { firstIn: number; lastOut: number }[] =>
  lastOut.map((last) => ({ firstIn: 10, lastOut: last }));

describe("interval and latency of a run", () => {
  it("leave out the samples that fill the wafer, and the last, which have it to themselves", () => {
    expect(timesOf(outs(500, 900, 1_000, 1_100, 1_200, 1_300, 1_700, 1_730)).interval).toBe(100);
    expect(timesOf(outs(500, 900, 1_000, 1_100, 1_200, 1_230))).toEqual({ interval: 100, latency: 490 });
  });

  it("are what there is of few samples", () => {
    expect(timesOf(outs(500))).toEqual({ interval: 490, latency: 490 });
    expect(timesOf(outs(500, 620))).toEqual({ interval: 120, latency: 490 });
    expect(timesOf(outs(500, 620, 720))).toEqual({ interval: 100, latency: 490 });
  });
});
