/** Caches that stay in memory: what is fed back is not copied, and every result stays what it was, whatever is run after it. */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { modelBytes } from "../helpers/onnx-builder.ts";
import { madeUp } from "./models.ts";
import { decoder, maskedDecoder } from "./models.ts";

afterEach(() => {
  jest.restoreAllMocks();
});

type Cache = readonly [Tensor, Tensor];

const cacheOf = (batch: number, past: number): Cache => {
  const [k, v] = [5, 6].map((seed) => {
    const { elements, shape } = madeUp(seed, [batch, 2, past, 8]);
    return new Tensor("float32", elements as Float32Array, shape);
  });
  return [k, v] as Cache;
};

const copied = (cache: Cache): Cache =>
  cache.map(({ data, dims }) => new Tensor("float32", (data as Float32Array).slice(), dims)) as unknown as Cache;

const positions = ([k]: Cache): number => k.dims[2] as number;

async function step(
  session: InferenceSession,
  cache: Cache,
  tokens: readonly number[],
  batch = 1,
): Promise<{ y: Tensor; cache: Cache }> {
  const ids = BigInt64Array.from({ length: batch * tokens.length }, (_, i) =>
    BigInt(tokens[i % tokens.length] as number),
  );
  const [pastK, pastV] = cache;
  const mask = session.inputNames.includes("mask")
    ? {
        mask: new Tensor("int64", new BigInt64Array(batch * (positions(cache) + tokens.length)).fill(1n), [
          batch,
          positions(cache) + tokens.length,
        ]),
      }
    : {};
  const { y, presentK, presentV } = await session.run({
    ids: new Tensor("int64", ids, [batch, tokens.length]),
    pastK,
    pastV,
    ...mask,
  });
  return { y: y as Tensor, cache: [presentK as Tensor, presentV as Tensor] };
}

/** A session whose first shapes have been compiled for. */
async function warmSession(model: typeof decoder): Promise<InferenceSession> {
  const session = await InferenceSession.create(await modelBytes(model));
  for (const past of [2, 3, 4]) await step(session, cacheOf(1, past), [1]);
  return session;
}

const data = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array);

describe.each([
  ["a decoder", decoder],
  ["a decoder with a mask", maskedDecoder],
])("%s", (_, model) => {
  test("token by token, results are those of caches that are copied", async () => {
    const [session, other] = [await warmSession(model), await warmSession(model)];
    let [kept, plain] = [cacheOf(1, 4), cacheOf(1, 4)];
    // beyond the room that there is at first
    for (let token = 0; token < 56; token++) {
      const [a, b] = [await step(session, kept, [token % 30]), await step(other, copied(plain), [token % 30])];
      expect(data(a.y)).toEqual(data(b.y));
      [kept, plain] = [a.cache, b.cache];
    }
    expect(kept.map(data)).toEqual(plain.map(data));
    await Promise.all([session.release(), other.release()]);
  });

  test("any results are fed in any order: all stay what they were", async () => {
    const [session, other] = [await warmSession(model), await warmSession(model)];
    const choices = fc.array(
      fc.record({
        from: fc.nat(),
        token: fc.nat(29),
        swapped: fc.boolean(),
        read: fc.boolean(),
        fresh: fc.integer({ min: 2, max: 9 }),
      }),
      { minLength: 2, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(choices, async (list) => {
        const kept: Cache[] = [cacheOf(1, 3)];
        const plain: Cache[] = [cacheOf(1, 3)];
        for (const { from, token, swapped, read, fresh } of list) {
          const index = from % kept.length;
          const pick = (all: readonly Cache[]): Cache => {
            const [k, v] = all[index] as Cache;
            return swapped ? [v, k] : [k, v];
          };
          const [a, b] = [await step(session, pick(kept), [token]), await step(other, copied(pick(plain)), [token])];
          expect(data(a.y)).toEqual(data(b.y));
          if (read) data(a.cache[0]);
          kept.push(a.cache, cacheOf(1, fresh));
          plain.push(b.cache, cacheOf(1, fresh));
        }
        expect(kept.map((cache) => cache.map(data))).toEqual(plain.map((cache) => cache.map(data)));
      }),
      { numRuns: 25 },
    );
    await Promise.all([session.release(), other.release()]);
  });
});

test("what is fed back is not written again", async () => {
  const session = await warmSession(decoder);
  let { cache } = await step(session, cacheOf(1, 40), [1]);
  const written = jest.spyOn(Uint8Array.prototype, "set");
  cache = (await step(session, cache, [2])).cache;
  // ids alone
  expect(written.mock.calls.map(([bytes]) => bytes.length)).toEqual([8]);
  written.mockRestore();
  expect(cache[0].dims).toEqual([1, 2, 42, 8]);
  await session.release();
});

test("an array that was read may be changed, and counts as it is when it is fed", async () => {
  const session = await warmSession(decoder);
  const first = await step(session, cacheOf(1, 4), [1]);
  const before = data(first.cache[1]);
  (first.cache[0].data as Float32Array).fill(0);
  const zeros = new Tensor("float32", new Float32Array(first.cache[0].size), first.cache[0].dims);
  const [changed, expected] = [
    await step(session, first.cache, [2]),
    await step(session, [zeros, first.cache[1]], [2]),
  ];
  expect(data(changed.y)).toEqual(data(expected.y));
  expect(data(first.cache[1])).toEqual(before);
  await session.release();
});

test("runs that are called before the last one has ended, and after the session's end", async () => {
  const [session, other] = [await warmSession(decoder), await warmSession(decoder)];
  const first = await step(session, cacheOf(1, 4), [1]);
  const plain = copied((await step(other, cacheOf(1, 4), [1])).cache);
  const both = await Promise.all([step(session, first.cache, [2]), step(session, first.cache, [3])]);
  for (const [i, token] of [2, 3].entries()) {
    const { y, cache } = await step(other, copied(plain), [token]);
    expect(data((both[i] as typeof first).y)).toEqual(data(y));
    await session.release();
    expect((both[i] as typeof first).cache.map(data)).toEqual(cache.map(data));
  }
  await other.release();
});
