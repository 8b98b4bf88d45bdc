import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { alignUp, arenaLowerBound, bufferAlignment, type BufferRequest, planArena } from "../../ir/memory-plan.ts";

const request = fc
  .tuple(fc.nat(5000), fc.nat(40), fc.nat(12))
  .map(([bytes, first, length]): BufferRequest => ({ bytes, first, last: first + length }));

const meet = (a: BufferRequest, b: BufferRequest): boolean => a.first <= b.last && b.first <= a.last;

describe("planArena", () => {
  it("never lets two buffers share bytes at one time", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const { offsets, bytes } = planArena(requests);
        for (const [i, a] of requests.entries()) {
          const begin = offsets[i] as number;
          expect(begin % bufferAlignment).toBe(0);
          expect(begin + a.bytes).toBeLessThanOrEqual(bytes);
          for (const [j, b] of requests.entries()) {
            if (i === j || !meet(a, b) || a.bytes === 0 || b.bytes === 0) continue;
            const other = offsets[j] as number;
            expect(begin + a.bytes <= other || other + b.bytes <= begin).toBe(true);
          }
        }
        expect(bytes).toBeGreaterThanOrEqual(arenaLowerBound(requests));
      }),
    );
  });

  it("is a function of its requests", () => {
    const requests = [5, 3, 9, 9, 1].map((size, i) => ({ bytes: size * 100, first: i, last: i + 2 }));
    expect(planArena(requests)).toEqual(planArena(requests));
  });

  it("runs a chain of equal buffers in two of them", () => {
    const chain = Array.from({ length: 10_000 }, (_, i) => ({ bytes: 4000, first: i, last: i + 1 }));
    expect(planArena(chain).bytes).toBe(2 * alignUp(4000));
  });

  it("reaches the lower bound on a residual block", () => {
    const requests = [
      { bytes: 4096, first: 0, last: 3 },
      { bytes: 1024, first: 1, last: 2 },
      { bytes: 1024, first: 2, last: 3 },
      { bytes: 4096, first: 3, last: 4 },
    ];
    expect(planArena(requests).bytes).toBe(arenaLowerBound(requests));
  });

  it("gives nothing for nothing", () => {
    expect(planArena([])).toEqual({ offsets: [], bytes: 0 });
    expect(planArena([{ bytes: 0, first: 0, last: 9 }])).toEqual({ offsets: [0], bytes: 0 });
  });
});
