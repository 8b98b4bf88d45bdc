import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Wheel } from "../../runtime/simulator/word/wheel.ts";

describe("the wheel of times", () => {
  it("lets agents act at their earliest times, near and far, each once", () => {
    const anyTimes = fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 4_000 })), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(anyTimes, (times) => {
        const wheel = new Wheel(10);
        const earliest = new Map<number, number>();
        for (const [agent, time] of times) {
          wheel.at(agent, time);
          earliest.set(agent, Math.min(earliest.get(agent) ?? Infinity, time));
        }
        const acted = new Map<number, number>();
        for (let agents = wheel.next(); agents !== null; agents = wheel.next()) {
          for (const agent of agents) {
            if (!wheel.begins(agent)) continue;
            expect(acted.has(agent)).toBe(false);
            acted.set(agent, wheel.now);
          }
        }
        expect(acted).toEqual(earliest);
      }),
      { numRuns: 200 },
    );
  });

  it("reaches a time that came within the wheel's reach while others passed", () => {
    const wheel = new Wheel(2);
    wheel.at(0, 100);
    wheel.at(1, 600);
    const times: number[] = [];
    for (let agents = wheel.next(); agents !== null; agents = wheel.next())
      for (const agent of agents) if (wheel.begins(agent)) times.push(wheel.now);
    expect(times).toEqual([100, 600]);
  });
});
