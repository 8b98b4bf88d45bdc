/**
 * gather-quantized: rows of a constant table that is dequantized as a whole are picked first and dequantized then; a table of half bytes is packed.
 *
 *     gather(map (cast $0 - cast $1) * $2 over constants, i)    ==>    map (cast $0 - cast $1) * $2 over gathers
 *
 * Runs before constants are folded, like weight-only. Small tables are left to that.
 */
import { dtypeInfo } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit } from "../../ir/expr.ts";
import type { OpOf, ValueId } from "../../ir/graph.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { madeTensor, withShape } from "../../ir/tensor-source.ts";
import { type BlockedWeights, blockedWeights } from "./blocked-weights.ts";
import { dequantizedConstant } from "./dequantized-constant.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const gatherQuantized: Pass = {
  name: "gather-quantized",
  summary: "pick rows of quantized tables before they are dequantized",
  run: (graph) =>
    rewriteGraph(graph, (rewrite) => (rewrite.op.kind === "gather" ? rewritten(rewrite, rewrite.op) : null)),
};

/** Elements of the largest table that is folded to floats. */
const smallTable = 16 * 1024;

function rewritten(rewrite: Rewrite, op: OpOf<"gather">): readonly ValueId[] | null {
  const { builder, inputs } = rewrite;
  const [table, indices] = inputs as readonly [ValueId, ValueId];
  const { dtype, shape } = builder.tensorTypeOf(table);
  if (op.axis !== 0 || shape.length !== 2 || elementCount(shape) <= smallTable) return null;
  if (builder.constantOf(indices) !== undefined) return null;
  const found = dequantizedConstant(rewrite, table);
  const [n = [], k = []] = found?.axes ?? [];
  const blocked = found === null ? null : blockedWeights({ k, n }, found);
  const length = shape[1] ?? 0;
  if (blocked === null || length % blocked.blockSize !== 0) return null;
  const picked = [...builder.tensorTypeOf(indices).shape];
  const rows: Rows = { rewrite, indices, shape: picked, blocks: [length / blocked.blockSize, blocked.blockSize] };
  const { values, least } = integersOf(rows, blocked.integers);
  const scales = parametersOf(rows, blocked.scales);
  const zeros = parametersOf(rows, shiftedZeros(blocked, least));
  const float = cast("f32", arg(0));
  const product = binary("mul", binary("sub", float, arg(1)), arg(2));
  const expr: Expr = dtype === "f32" ? product : cast(dtype, product);
  const result = rewrite.emitOne({ kind: "map", inputs: [values, zeros, scales], expr }, ...(found?.ops ?? []));
  return [rewrite.emitOne({ kind: "reshape", inputs: [result], shape: rewrite.resultShape() })];
}

/** What is picked, and how a row is cut: [blocks, elements of each]. */
interface Rows {
  readonly rewrite: Rewrite;
  readonly indices: ValueId;
  readonly shape: readonly number[];
  readonly blocks: readonly [number, number];
}

const gathered = ({ rewrite, indices }: Rows, table: TensorData): ValueId =>
  rewrite.emitOne({ kind: "gather", inputs: [rewrite.builder.constant(table), indices], axis: 0 });

const reshaped = ({ rewrite }: Rows, value: ValueId, shape: readonly number[]): ValueId =>
  rewrite.emitOne({ kind: "reshape", inputs: [value], shape });

/** The rows' integers less `least` as [..., blocks, elements], in a byte each. */
function integersOf(rows: Rows, integers: TensorData): { readonly values: ValueId; readonly least: number } {
  const whole = [...rows.shape, ...rows.blocks];
  const [count = 0, length = 0] = integers.shape;
  const { bits, class: cls } = dtypeInfo(integers.dtype);
  if (bits > 4 || length % 2 !== 0) return { values: reshaped(rows, gathered(rows, integers), whole), least: 0 };
  const least = cls === "signed" ? -8 : 0;
  const load = (): Uint8Array => packedHalves(integers.elements as ArrayLike<number>, least);
  const packing = { recipe: `halves from ${least}`, from: [integers], load };
  const bytes = gathered(rows, madeTensor("u8", [count, length / 2], packing));
  const { rewrite } = rows;
  const shifts = rewrite.builder.constant(tensorFrom("u8", [2], [0, 4]));
  const halves = binary("bitand", binary("shr", arg(0), arg(1)), lit("u8", 15));
  const inputs = [reshaped(rows, bytes, [...rows.shape, length / 2, 1]), shifts];
  return { values: reshaped(rows, rewrite.emitOne({ kind: "map", inputs, expr: halves }), whole), least };
}

/** Two integers less `least` in a byte, the first one in the low half. */
function packedHalves(integers: ArrayLike<number>, least: number): Uint8Array {
  const at = (i: number): number => (integers[i] as number) - least;
  return Uint8Array.from({ length: integers.length / 2 }, (_, i) => at(2 * i) | (at(2 * i + 1) << 4));
}

function shiftedZeros({ zeros }: BlockedWeights, least: number): TensorData {
  const load = (): Float32Array => Float32Array.from(zeros.elements as Float32Array, (zero) => zero - least);
  return madeTensor("f32", zeros.shape, { recipe: `less ${least}`, from: [zeros], load });
}

/** The rows' scales or zero points, broadcast to [..., blocks, elements]. */
function parametersOf(rows: Rows, parameters: TensorData): ValueId {
  const [count = 1, blocks = 1] = parameters.shape;
  if (count === 1) return rows.rewrite.builder.constant(withShape(parameters, [blocks, 1]));
  return reshaped(rows, gathered(rows, parameters), [...rows.shape, blocks, 1]);
}
