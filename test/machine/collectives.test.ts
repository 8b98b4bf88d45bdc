import { describe, expect, it } from "@jest/globals";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import {
  allReduceCycles,
  broadcastCycles,
  chainLatency,
  reduceCycles,
  reducePatterns,
} from "../../ir/machine/collectives.ts";

const line = (cores: number, words: number, target = wse2) => ({ target, cores, words });

describe("collectives on WSE-2", () => {
  it("take the published cycles of worked examples (arXiv 2404.15888)", () => {
    expect(reduceCycles("chain", line(512, 1))).toBe(3_067);
    expect(reduceCycles("star", line(8, 16))).toBe(117);
    expect(broadcastCycles(line(512, 256))).toBe(772);
  });

  /** Cycles of SpMM_Cerebras' two-phase reduce of 4,096 words on 512 cores, by group; nothing here is fitted to them. */
  it.each([
    [2, 10_055],
    [8, 9_117],
    [16, 8_989],
    [64, 9_061],
    [256, 9_800],
  ])("reduce in two phases with groups of %d within 2%%", (group, published) => {
    const cycles = reduceCycles("two-phase", line(512, 4_096), group);
    expect(Math.abs(cycles / published - 1)).toBeLessThan(0.02);
  });

  it("charge an all-reduce for the chain and for the broadcast back", () => {
    expect(allReduceCycles(line(1, 100))).toBe(0);
    // the broadcast is another instruction: 3 cycles to its task, 9 to its first word
    expect(allReduceCycles(line(512, 256))).toBe(256 + 6 * 511 + (3 + 9 - 1) + (256 + 512 + 4));
  });

  it("cost nothing on one core", () => {
    for (const pattern of reducePatterns) expect(reduceCycles(pattern, line(1, 64))).toBe(0);
    expect(chainLatency(wse2, 1)).toBe(0);
  });
});

describe("on WSE-3", () => {
  it("a hop takes two cycles and a word more than one", () => {
    expect(chainLatency(wse3, 512) - chainLatency(wse2, 512)).toBe(511);
    expect(broadcastCycles(line(100, 1_000, wse3))).toBe(1_125 + 200 + 4);
  });
});
