/** The attention operators and RotaryEmbedding of com.microsoft as onnxruntime-web computes them. */
import { describe, expect, it } from "@jest/globals";
import type { DType } from "../../ir/dtype.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { float, type NodeSpec } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { refusal } from "./node-case.ts";
import { agree, floats, integers, type OracleCase, positions, results, wholes } from "./oracle-case.ts";

describe("GroupQueryAttention", () => {
  interface Group {
    readonly batch?: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly size?: number;
    readonly queries: number;
    readonly past: number;
    /** tokens of each sample, the new ones included */
    readonly lengths: readonly number[];
    readonly total: number;
    readonly packed?: boolean;
    readonly rotary?: number;
    readonly more?: NodeSpec["attributes"];
    readonly bias?: readonly number[];
    readonly sink?: boolean;
    readonly positions?: readonly number[];
  }
  const groupCase = (g: Group): OracleCase => {
    const { batch = 1, heads, kvHeads, size = 16, queries, past, lengths, total, rotary = 0 } = g;
    const q = floats(1, batch, queries, (g.packed === true ? heads + 2 * kvHeads : heads) * size);
    const [k, v] = [2, 3].map((seed) => (g.packed === true ? null : floats(seed, batch, queries, kvHeads * size)));
    const [pastKey, pastValue] = [4, 5].map((seed) => (past === 0 ? null : floats(seed, batch, kvHeads, past, size)));
    const [cos, sin] = [6, 7].map((seed) => (rotary === 0 ? null : floats(seed, 40, rotary / 2)));
    const bias = g.bias === undefined ? null : floats(8, ...g.bias);
    const at = g.positions === undefined ? null : positions([batch, queries], ...g.positions);
    const sink = g.sink === true ? floats(9, heads) : null;
    const inputs = [q, k ?? null, v ?? null, pastKey ?? null, pastValue ?? null, integers([batch], ...lengths.map((n) => n - 1)), integers([], total), cos ?? null, sin ?? null, at, bias, sink]; // prettier-ignore
    while (inputs.length > 7 && inputs.at(-1) === null) inputs.pop();
    return {
      op: "GroupQueryAttention",
      attributes: { num_heads: heads, kv_num_heads: kvHeads, do_rotary: rotary === 0 ? 0 : 1, ...g.more },
      inputs,
      outputs: 3,
    };
  };
  const base = { heads: 4, kvHeads: 2 };

  it.each<[string, Group]>([
    ["a prompt", { ...base, queries: 5, past: 0, lengths: [5], total: 5 }],
    ["a prompt with rotary embedding", { ...base, queries: 5, past: 0, lengths: [5], total: 5, rotary: 16 }],
    ["a token behind a full past", { ...base, queries: 1, past: 6, lengths: [7], total: 7, rotary: 16 }],
    ["a token in a buffer", { ...base, queries: 1, past: 12, lengths: [7], total: 7, rotary: 16 }],
    ["a token in a buffer, told its whole length", { ...base, queries: 1, past: 12, lengths: [7], total: 12, rotary: 16 }],
    ["tokens behind a past", { ...base, queries: 3, past: 6, lengths: [9], total: 9, rotary: 16 }],
    ["samples of several lengths", { ...base, batch: 3, queries: 1, past: 9, lengths: [4, 10, 7], total: 10, rotary: 16 }],
    ["a prompt into a buffer", { ...base, batch: 2, queries: 4, past: 9, lengths: [4, 4], total: 4, rotary: 16 }],
    ["packed inputs", { ...base, packed: true, queries: 4, past: 3, lengths: [7], total: 7, rotary: 16 }],
    ["one head of keys", { heads: 6, kvHeads: 1, queries: 2, past: 3, lengths: [5], total: 5 }],
    ["heads of their own", { heads: 3, kvHeads: 3, queries: 1, past: 3, lengths: [4], total: 4, rotary: 16 }],
    ["angles for half of a head", { ...base, size: 32, queries: 1, past: 5, lengths: [6], total: 6, rotary: 16 }],
    ["interleaved planes", { ...base, queries: 2, past: 5, lengths: [7], total: 7, rotary: 16, more: { rotary_interleaved: 1 } }],
    ["positions of its own", { ...base, queries: 1, past: 5, lengths: [6], total: 6, rotary: 16, positions: [17] }],
    ["positions of a prompt", { ...base, queries: 3, past: 0, lengths: [3], total: 3, rotary: 16, positions: [4, 5, 6] }],
    ["a window", { ...base, queries: 9, past: 0, lengths: [9], total: 9, more: { local_window_size: 3 } }],
    ["a window over a past", { ...base, queries: 1, past: 9, lengths: [10], total: 10, more: { local_window_size: 4 } }],
    ["a cap", { ...base, queries: 4, past: 0, lengths: [4], total: 4, more: { softcap: float(0.5) } }],
    ["a scale", { ...base, queries: 4, past: 0, lengths: [4], total: 4, more: { scale: float(2) } }],
    ["smooth softmax", { ...base, queries: 4, past: 2, lengths: [6], total: 6, more: { smooth_softmax: 1 } }],
    ["a sink for each head", { ...base, queries: 4, past: 2, lengths: [6], total: 6, sink: true }],
    ["a bias", { ...base, queries: 2, past: 3, lengths: [5], total: 5, bias: [1, 4, 2, 5] }],
    ["a bias for all heads", { ...base, queries: 4, past: 0, lengths: [4], total: 4, bias: [1, 1, 4, 4] }],
  ])("agrees on %s", async (_, group) => {
    // what lies behind a sample's tokens in the buffer is nobody's
    const { kvHeads, size = 16, past, total, lengths } = group;
    const present = Math.max(past, total);
    await agree(groupCase(group), (output, i) => {
      const row = Math.floor(i / size);
      return output === 0 || row % present < (lengths[Math.floor(row / (kvHeads * present))] ?? 0);
    });
  }); // prettier-ignore

  it("refuses keys and values of another length than the queries", async () => {
    const { op, attributes, inputs } = groupCase({ ...base, queries: 4, past: 0, lengths: [4], total: 4 });
    const spec = { op, opset: 1, domain: "com.microsoft", attributes, constants: [6], outputs: 3 };
    expect(await refusal({ ...spec, inputs: inputs.with(2, floats(3, 1, 5, 32)) })).toMatch(
      /differ in batch or length: \[1,4\], \[1,4\], \[1,5\]/,
    );
  });

  it("normalizes each head where it has weights for it, which onnxruntime does on graphics cards only", async () => {
    const plain = groupCase({ ...base, queries: 2, past: 3, lengths: [5], total: 5, rotary: 16 });
    const weights = floats(10, 16);
    const normal = ({ shape, elements }: TensorData): TensorData => {
      const x = Array.from(elements as Float32Array);
      const heads = x.map((value, i) => {
        const head = x.slice(i - (i % 16), i - (i % 16) + 16);
        const mean = head.reduce((sum, each) => sum + each * each, 0) / 16;
        return (value / Math.sqrt(mean + 1e-6)) * Number(weights.elements[i % 16]);
      });
      return tensorFrom("f32", shape, heads);
    };
    const [q, k, ...rest] = plain.inputs as [TensorData, TensorData, ...(TensorData | null)[]];
    const inputs = [q, k, ...rest, ...new Array<null>(12 - rest.length).fill(null), weights, weights];
    const expected = await results({ ...plain, inputs: [normal(q), normal(k), ...rest] });
    for (const [i, { elements }] of (await results({ ...plain, inputs })).entries()) {
      expect(relativeError(elements as Float32Array, expected[i]?.elements as Float32Array)).toBeLessThan(1e-6);
    }
  });

  it.each<[string, Group, RegExp]>([
    ["a past that is too short", { ...base, queries: 2, past: 3, lengths: [9], total: 9 }, /9 tokens in all, with 2 new ones and a past of 3/],
    ["quantized caches", { ...base, queries: 1, past: 3, lengths: [4], total: 4, more: { k_quant_type: "PER_TENSOR" } }, /k_quant_type PER_TENSOR/],
    ["heads that do not divide", { heads: 3, kvHeads: 2, queries: 4, past: 0, lengths: [4], total: 4 }, /3 query heads share 2 key heads/],
  ])("refuses %s", async (_, group, message) => {
    const { op, attributes, inputs } = groupCase(group);
    expect(await refusal({ op, opset: 1, domain: "com.microsoft", attributes, inputs, constants: [6], outputs: 3 })).toMatch(message);
  }); // prettier-ignore
});

describe("MultiHeadAttention", () => {
  const [batch, queries, keys, heads, size] = [2, 3, 5, 2, 8];
  const hidden = heads * size;
  const q = floats(1, batch, queries, hidden);
  const [k, v] = [floats(2, batch, keys, hidden), floats(3, batch, keys, hidden)];
  const bias = floats(4, 3 * hidden);
  const past = [floats(5, batch, heads, 4, size), floats(6, batch, heads, 4, size)];
  const apart = [floats(7, batch, heads, keys, size), floats(8, batch, heads, keys, size)];
  const [same, sameValue] = [floats(9, batch, queries, hidden), floats(10, batch, queries, hidden)];

  it.each<[string, readonly (TensorData | null)[], NodeSpec["attributes"], number]>([
    ["three inputs", [q, k, v], {}, 1],
    ["a bias", [q, k, v, bias], {}, 1],
    ["values of another width", [q, k, floats(13, batch, keys, 24), floats(14, 2 * hidden + 24)], {}, 1],
    ["a scale", [q, k, v], { scale: float(0.3) }, 1],
    ["a mask of each key", [q, k, v, null, integers([batch, keys], 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)], {}, 1],
    ["a mask of each query and key", [q, k, v, null, integers([batch, queries, keys], ...Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 0 : 1)))], {}, 1],
    ["a mask that forbids all", [q, k, v, null, integers([batch, keys], 0, 0, 0, 0, 0, 1, 0, 1, 1, 1)], {}, 1],
    ["a filter of its own", [q, k, v, null, integers([batch, keys], 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)], { mask_filter_value: float(-1) }, 1],
    ["lengths", [q, k, v, null, integers([batch], 2, 5)], {}, 1],
    ["an attention bias", [q, k, v, bias, null, floats(15, 1, heads, queries, keys)], {}, 1],
    ["an attention bias and a mask", [q, k, v, null, integers([batch, keys], 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), floats(16, batch, 1, queries, keys)], {}, 1],
    ["a past", [same, same, sameValue, null, null, null, ...past], {}, 3],
    ["a past, forwards", [same, same, sameValue, bias, null, null, ...past], { unidirectional: 1 }, 3],
    ["keys of before", [q, ...apart], {}, 1],
    ["forwards", [same, same, sameValue], { unidirectional: 1 }, 3],
  ])("agrees with %s", async (_, inputs, attributes, outputs) => {
    await agree({ op: "MultiHeadAttention", inputs, attributes: { num_heads: heads, ...attributes }, outputs });
  }); // prettier-ignore

  /** Inputs [batch, sequence, hidden] as [batch, sequence, heads, parts, size], which onnxruntime has for graphics cards only. */
  const packed = (...parts: readonly TensorData[]): TensorData => {
    const length = parts[0]?.shape[1] ?? 0;
    const of = (i: number): number => {
      const [part, row] = [Math.floor(i / size) % parts.length, Math.floor(i / (size * parts.length * heads))];
      const head = Math.floor(i / (size * parts.length)) % heads;
      return Number(parts[part]?.elements[row * hidden + head * size + (i % size)]);
    };
    const shape = [batch, length, heads, parts.length, size];
    return tensorFrom(
      "f32",
      shape,
      Array.from({ length: elementCount(shape) }, (_, i) => of(i)),
    );
  };

  it.each<[string, readonly (TensorData | null)[], readonly (TensorData | null)[]]>([
    ["keys and values in one", [q, packed(k, v)], [q, k, v]],
    ["all in one", [packed(same, same, sameValue)], [same, same, sameValue]],
    ["all in one with a bias", [packed(same, same, sameValue), null, null, bias], [same, same, sameValue, bias]],
  ])("takes %s", async (_, inputs, apart) => {
    const of = (given: readonly (TensorData | null)[]): OracleCase => ({ op: "MultiHeadAttention", inputs: given, attributes: { num_heads: heads }, outputs: 1 }); // prettier-ignore
    expect(await results(of(inputs))).toEqual(await results(of(apart)));
  });

  /** Rows `from` to `to` of a buffer [batch, heads, length, size]. */
  const rowsOf = ({ shape, elements }: TensorData, from: number, to: number): TensorData => {
    const [outer = 0, inner = 0, length = 0, width = 0] = shape;
    const all = Array.from(elements as Float32Array);
    const kept = all.filter((_, i) => Math.floor(i / width) % length >= from && Math.floor(i / width) % length < to);
    return tensorFrom("f32", [outer, inner, to - from, width], kept);
  };

  it.each<[string, number, readonly (TensorData | null)[], NodeSpec["attributes"]]>([
    ["a token", 1, [], {}],
    ["a mask", 1, [null, integers([batch, 5], 1, 1, 0, 1, 1, 1, 0, 1, 1, 1)], {}],
    ["a bias on the scores", 1, [null, null, floats(13, 1, heads, 1, 5)], {}],
    ["a bias on the inputs", 1, [bias], {}],
    ["a prompt", 3, [], {}],
    ["a prompt, forwards", 3, [], { unidirectional: 1 }],
  ])("takes the buffer that its past is for the past in it, with %s", async (_, count, more, attributes) => {
    // onnxruntime-web has no buffers here
    const tokens = [20, 21, 22].map((seed) => floats(seed, batch, count, hidden));
    const room = [floats(23, batch, heads, 9, size), floats(24, batch, heads, 9, size)];
    const given = [...more, ...new Array<null>(3 - more.length).fill(null)];
    const of = (...inputs: readonly TensorData[]): OracleCase => ({
      op: "MultiHeadAttention",
      inputs: [...tokens, ...given, ...inputs],
      attributes: { num_heads: heads, ...attributes },
      outputs: 4,
    });
    const [output, key, value, scores] = await results(of(...room, integers([], 4)));
    const [expected, shortKey, shortValue, shortScores] = await results(
      of(...room.map((buffer) => rowsOf(buffer, 0, 4))),
    );
    expect(relativeError(output?.elements as Float32Array, expected?.elements as Float32Array)).toBeLessThan(1e-6);
    expect(scores?.shape).toEqual(shortScores?.shape);
    expect(relativeError(scores?.elements as Float32Array, shortScores?.elements as Float32Array)).toBeLessThan(1e-6);
    for (const [i, present] of [key, value].entries()) {
      expect(rowsOf(present as TensorData, 0, 4 + count)).toEqual([shortKey, shortValue][i]);
      expect(rowsOf(present as TensorData, 4 + count, 9)).toEqual(rowsOf(room[i] as TensorData, 4 + count, 9));
    }
  });

  it("reads the rows of the beams that it is told", async () => {
    const rows = [20, 21, 22].map((seed) => floats(seed, 4, 1, hidden));
    const room = [floats(23, 4, heads, 6, size), floats(24, 4, heads, 6, size)];
    const beams = integers([2, 2, 6], 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0);
    const inputs = [...rows, null, null, null, ...room, integers([1], 3), beams];
    const [output] = await results({ op: "MultiHeadAttention", inputs, attributes: { num_heads: heads }, outputs: 1 });
    // as if each beam had the rows that it reads
    const picked = room.map(({ elements }) => {
      const block = 6 * size;
      const from = (row: number, head: number, j: number): number => {
        const beam = j < 3 ? (row < 2 ? 0 : 2) + Number(beams.elements[row * 6 + j]) : row;
        return (beam * heads + head) * block + j * size;
      };
      const copy = Array.from({ length: 4 * heads * 6 }, (_, i) => {
        const [row, head, j] = [Math.floor(i / (heads * 6)), Math.floor(i / 6) % heads, i % 6];
        return Array.from((elements as Float32Array).subarray(from(row, head, j), from(row, head, j) + size));
      });
      return tensorFrom("f32", [4, heads, 6, size], copy.flat());
    });
    const own = [...rows, null, null, null, ...picked, integers([1], 3)];
    const [expected] = await results({
      op: "MultiHeadAttention",
      inputs: own,
      attributes: { num_heads: heads },
      outputs: 1,
    });
    expect(output).toEqual(expected);
  });

  it.each<[string, readonly (TensorData | null)[], RegExp]>([
    ["a length without a value's past", [past[0] ?? null, null, integers([1], 4)], /given together/],
    ["a length of several numbers", [...past, integers([2], 4, 4)], /must be one number, not \[2\]/],
    [
      "beams that are not those of the batch",
      [...past, integers([1], 4), integers([3, 1, 9], ...new Array<number>(27).fill(0))],
      /cache_indirection of shape \[3,1,9\] for 2 beams/,
    ],
  ])("refuses %s", async (_, rest, message) => {
    const rows = [20, 21, 22].map((seed) => floats(seed, batch, 1, hidden));
    const spec = {
      op: "MultiHeadAttention",
      opset: 1,
      domain: "com.microsoft",
      inputs: [...rows, null, null, null, ...rest],
      attributes: { num_heads: heads },
    };
    expect(await refusal(spec)).toMatch(message);
  });
});

describe("DecoderMaskedMultiHeadAttention", () => {
  const [batch, heads, size] = [2, 2, 8];
  const [q, k, v] = [1, 2, 3].map((seed) => floats(seed, batch, 1, heads * size)) as [
    TensorData,
    TensorData,
    TensorData,
  ];
  const room = [floats(4, batch, heads, 7, size), floats(5, batch, heads, 7, size)];
  const shared = { past_present_share_buffer: 1 };

  it.each<[string, readonly (TensorData | null)[], NodeSpec["attributes"], number]>([
    ["a buffer", [q, k, v, null, null, ...room, integers([1], 3)], shared, 3],
    ["a mask", [q, k, v, integers([batch, 4], 0, 1, 1, 1, 1, 0, 1, 1), null, ...room, integers([1], 3)], shared, 3],
    ["a bias", [q, k, v, null, null, ...room, integers([1], 3), null, null, floats(6, 3 * heads * size)], shared, 3],
    ["keys and values of an encoder", [q, floats(7, batch, heads, 5, size), floats(8, batch, heads, 5, size)], {}, 1],
    [
      "keys of an encoder and a mask",
      [
        q,
        floats(7, batch, heads, 5, size),
        floats(8, batch, heads, 5, size),
        integers([batch, 5], 0, 1, 1, 1, 1, 0, 1, 1, 1, 0),
      ],
      { mask_filter_value: float(-5) },
      1,
    ],
  ])("agrees with %s", async (_, inputs, attributes, outputs) => {
    await agree({
      op: "DecoderMaskedMultiHeadAttention",
      inputs,
      attributes: { num_heads: heads, ...attributes },
      outputs,
    });
  });

  it("refuses more than one token, and a buffer without a length", async () => {
    const spec = {
      op: "DecoderMaskedMultiHeadAttention",
      opset: 1,
      domain: "com.microsoft",
      attributes: { num_heads: heads, ...shared },
    };
    expect(
      await refusal({ ...spec, inputs: [floats(1, batch, 2, 16), k, v, null, null, ...room, integers([1], 3)] }),
    ).toMatch(/\[2,2,16\] is not one token/);
    expect(await refusal({ ...spec, inputs: [q, k, v, null, null, ...room] })).toMatch(/past_sequence_length/);
  });
});

describe("QAttention", () => {
  const [batch, queries, input, heads] = [2, 3, 8, 2];
  const x = wholes("u8", 1, [0, 256], batch, queries, input);
  const one = (value: number, dtype: DType = "f32"): TensorData => tensorFrom(dtype, [], [value]);
  const signed = [wholes("i8", 2, [-128, 128], input, 24), floats(3, 24), one(0.02), one(0.01)];
  const columns = [
    wholes("u8", 2, [0, 256], input, 24),
    floats(3, 24),
    one(0.02),
    tensorFrom(
      "f32",
      [24],
      Array.from({ length: 24 }, (_, i) => 0.005 + i / 5000),
    ),
  ];
  const zeros = tensorFrom("u8", [24], new Array<number>(24).fill(120));

  it.each<[string, readonly (TensorData | null)[], NodeSpec["attributes"], number]>([
    ["no zero points", [x, ...signed], {}, 1],
    ["a zero point", [x, ...signed, null, one(128, "u8")], {}, 1],
    ["scales of columns", [x, ...columns, null, one(128, "u8"), zeros], { unidirectional: 1 }, 1],
    ["a mask", [x, ...signed, integers([batch, queries], 1, 1, 0, 0, 1, 1), one(128, "u8"), one(0, "i8")], {}, 1],
    [
      "a past",
      [x, ...signed, null, one(128, "u8"), one(0, "i8"), floats(5, 2, batch, heads, 4, 4)],
      { unidirectional: 1 },
      2,
    ],
  ])("agrees with %s", async (_, inputs, attributes, outputs) => {
    await agree({ op: "QAttention", inputs, attributes: { num_heads: heads, ...attributes }, outputs });
  });

  it("refuses weights that do not hold three parts", async () => {
    const inputs = [x, wholes("i8", 2, [-128, 128], input, 25), floats(3, 25), one(0.02), one(0.01)];
    expect(
      await refusal({ op: "QAttention", opset: 1, domain: "com.microsoft", inputs, attributes: { num_heads: heads } }),
    ).toMatch(/25 columns of weights/);
  });
});

describe("Attention", () => {
  const [batch, queries, input, heads, size] = [2, 4, 6, 2, 8];
  const hidden = heads * size;
  const x = floats(1, batch, queries, input);
  const weights = floats(2, input, 3 * hidden);
  const bias = floats(3, 3 * hidden);
  const past = floats(4, 2, batch, heads, 3, size);
  const square = Array.from({ length: batch * 9 * 9 }, (_, i) => (i % 4 === 0 ? 0 : 1));

  it.each<[string, readonly (TensorData | null)[], NodeSpec["attributes"], number]>([
    ["weights and a bias", [x, weights, bias], {}, 1],
    ["one direction", [x, weights, bias], { unidirectional: 1 }, 1],
    ["a mask", [x, weights, bias, integers([batch, queries], 1, 1, 0, 1, 1, 1, 1, 0)], {}, 1],
    ["a mask of each query", [x, weights, bias, integers([batch, queries, queries], ...square.slice(0, 32))], {}, 1],
    ["lengths", [x, weights, bias, integers([batch], 2, 4)], {}, 1],
    ["ends and starts", [x, weights, bias, integers([2 * batch], 4, 3, 1, 0)], {}, 1],
    ["a past", [x, weights, bias, null, past], {}, 2],
    ["a past and a mask", [x, weights, bias, integers([batch, 7], 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1), past], { unidirectional: 1 }, 2],
    ["values of another width", [x, floats(5, input, 2 * hidden + 8), floats(6, 2 * hidden + 8)], { qkv_hidden_sizes: [hidden, hidden, 8] }, 1],
    ["an attention bias", [x, weights, bias, null, null, floats(7, 1, heads, queries, queries)], {}, 1],
    ["a scale", [x, weights, bias], { scale: float(0.1) }, 1],
  ])("agrees with %s", async (_, inputs, attributes, outputs) => {
    await agree({ op: "Attention", inputs, attributes: { num_heads: heads, ...attributes }, outputs });
  }); // prettier-ignore

  it("takes the rows and columns of a square mask that are there", async () => {
    const of = (mask: TensorData): OracleCase => ({ op: "Attention", inputs: [x, weights, bias, mask, past], attributes: { num_heads: heads }, outputs: 2 }); // prettier-ignore
    const [rows, columns] = [[3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]]; // prettier-ignore
    const cut = [0, 1].flatMap((b) =>
      rows.flatMap((row) => columns.map((column) => square[b * 81 + row * 9 + column] ?? 0)),
    );
    expect(await results(of(integers([batch, 1, 9, 9], ...square)))).toEqual(
      await results(of(integers([batch, 4, 7], ...cut))),
    );
  });

  it("takes weights without a bias", async () => {
    const zeros = tensorFrom("f32", [3 * hidden], new Array<number>(3 * hidden).fill(0));
    const of = (...inputs: readonly TensorData[]): OracleCase => ({ op: "Attention", inputs, attributes: { num_heads: heads }, outputs: 1 }); // prettier-ignore
    expect(await results(of(x, weights))).toEqual(await results(of(x, weights, zeros)));
  });
});

describe("RotaryEmbedding", () => {
  const [cos, sin] = [floats(1, 20, 4), floats(2, 20, 4)];
  const x = floats(3, 2, 3, 24);

  it.each<[string, readonly TensorData[], NodeSpec["attributes"]]>([
    ["positions of each token", [x, positions([2, 3], 4, 5, 6, 0, 1, 19), cos, sin], {}],
    ["the first position", [x, positions([1], 7), cos, sin], {}],
    ["heads apart", [floats(4, 2, 5, 3, 8), positions([2, 3], 4, 5, 6, 0, 1, 19), cos, sin], {}],
    ["interleaved planes", [x, positions([1], 7), cos, sin], { interleaved: 1 }],
    ["a part of each head", [x, positions([1], 2), cos, sin], { num_heads: 2, rotary_embedding_dim: 8 }],
  ])("agrees with %s", async (_, inputs, attributes) => {
    await agree({ op: "RotaryEmbedding", inputs, attributes, outputs: 1 });
  });
});
