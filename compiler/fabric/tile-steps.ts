/** What a core computes of its tile: the steps of a stage over regions of its memory. */
import { fail } from "../../ir/diagnostic.ts";
import { arg, type Expr, lit } from "../../ir/expr.ts";
import type { Combiner, Operand as Place, Operation, Step } from "../../ir/fabric/program.ts";
import type { Graph, Op } from "../../ir/graph.ts";
import type { Kernel, Operand, Stage } from "../../ir/kernel-graph.ts";
import { loopStrides, type Part, stridesOf } from "../../ir/machine/layout.ts";
import type { Tile } from "../../ir/machine/mapping.ts";

/** What a stage does: works through its loops into an accumulator, and makes of it what leaves. */
export interface TileWork {
  readonly combiner: Combiner;
  readonly operation: Operation;
  /** operands of the operation, by number of the op's input */
  readonly reads: readonly number[];
  /** of the accumulator (`$0`) and further inputs of the op; null: it leaves as it is */
  readonly epilogue: Expr | null;
  /** inputs of the op that `$1`, `$2`… of the epilogue stand for */
  readonly epilogueReads: readonly number[];
}

const refuse = (kernel: Kernel, message: string): never => {
  throw fail("WSC5007", message, { subject: `layer "${kernel.name}"` });
};

/** The work of an op; refused by name (WSC5007) where the fabric has no program for it. */
export function workOfOp(kernel: Kernel, op: Op, graph: Graph): TileWork {
  const others = (fixed: number): number[] => op.inputs.map((_, index) => index).slice(fixed);
  switch (op.kind) {
    case "matmul":
    case "conv":
      return {
        combiner: "add",
        operation: { kind: "multiplyAdd" },
        reads: [0, 1],
        epilogue: op.epilogue,
        epilogueReads: others(2),
      };
    case "pool": {
      const isPadded = [...op.padsBegin, ...op.padsEnd].some((pad) => pad !== 0);
      if (op.fn === "lp") return refuse(kernel, "pooling by a norm has no fabric program");
      if (isPadded) return refuse(kernel, "pooling over padding has no fabric program");
      const taps = op.kernel.reduce((product, size) => product * size, 1);
      return op.fn === "max" ? folding("max", null) : folding("add", shareOf(taps));
    }
    case "reduce": {
      const shape = graph.values[op.inputs[0] ?? -1]?.type;
      const dims = shape?.kind === "tensor" ? shape.shape : [];
      const count = op.axes.reduce((product, axis) => product * (dims[axis] ?? 1), 1);
      switch (op.fn) {
        case "sum":
          return folding("add", null);
        case "mean":
          return folding("add", shareOf(count));
        case "max":
          return folding("max", null);
        case "min":
          return folding("min", null);
        case "prod":
          return refuse(kernel, "a product over an axis has no fabric program");
      }
    }
    case "map":
      return {
        combiner: "add",
        operation: { kind: "map", expr: op.expr },
        reads: op.inputs.map((_, index) => index),
        epilogue: null,
        epilogueReads: [],
      };
    default:
      return refuse(kernel, `${op.kind} has no fabric program`);
  }
}

/** One of so many parts; a product, since cores divide slowly. */
const shareOf = (parts: number): Expr => ({
  op: "binary",
  fn: "mul",
  x: arg(0),
  y: lit("f32", Math.fround(1 / parts)),
});

const folding = (combiner: Combiner, epilogue: Expr | null): TileWork => ({
  combiner,
  operation: { kind: "combine", with: combiner },
  reads: [0],
  epilogue,
  epilogueReads: [],
});

/** An operand of the kernel in a core: its region, and the part that lies there. */
export interface Held {
  readonly operand: Operand;
  readonly region: string;
  readonly part: Part;
}

/** Loops of a stage in the order of its nest: the one that vector instructions run along comes last. */
function nestOf(kernel: Kernel, stage: Stage, tile: Tile): { readonly loops: string[]; readonly sizes: number[] } {
  const used = new Set(stage.domain.flatMap((terms) => terms.map(({ loop }) => loop)));
  const extent = (loop: string): number => {
    const range = tile.get(loop);
    return range === undefined ? 1 : range.end - range.begin;
  };
  const along = stage.vector.reduce<string | null>(
    (best, loop) => (best === null || extent(loop) > extent(best) ? loop : best),
    null,
  );
  const loops = kernel.loops.map(({ name }) => name).filter((name) => used.has(name) && name !== along);
  if (along !== null) loops.push(along);
  if (loops.length === 0) return { loops, sizes: [1] };
  return { loops, sizes: loops.map(extent) };
}

const placeIn = ({ operand, region, part }: Held, loops: readonly string[]): Place => ({
  region,
  offset: 0,
  strides: loops.length === 0 ? [0] : loopStrides(operand, part.extents, loops),
});

/** Works through the loops; the first value at each place begins its sum. */
export function accumulate(
  kernel: Kernel,
  stage: Stage,
  tile: Tile,
  work: TileWork,
  out: Held,
  reads: readonly Held[],
): Step[] {
  const { loops, sizes } = nestOf(kernel, stage, tile);
  const vector = sizes.length - 1;
  const args = reads.map((held) => placeIn(held, loops));
  const begins = work.operation.kind !== "map";
  return [{ kind: "compute", operation: work.operation, begins, sizes, vector, out: placeIn(out, loops), args }];
}

/** Makes the result of the accumulator, element by element. */
export function finish(expr: Expr, accumulator: Held, result: Held, others: readonly Held[]): Step {
  const { extents } = result.part;
  const sizes = extents.length === 0 ? [1] : extents;
  const dims = stridesOf(sizes);
  const along = (held: Held): Place => ({
    region: held.region,
    offset: 0,
    strides: broadcastStrides(held, result, sizes.length),
  });
  // vector instructions run along the longest dim
  const vector = sizes.reduce((best, size, dim) => (size >= (sizes[best] as number) ? dim : best), 0);
  return {
    kind: "compute",
    operation: { kind: "map", expr },
    begins: false,
    sizes,
    vector,
    out: { region: result.region, offset: 0, strides: dims },
    args: [{ region: accumulator.region, offset: 0, strides: dims }, ...others.map(along)],
  };
}

/** Strides of an operand over the dims of the result: by numpy's rules its last dim stands under the result's last. */
function broadcastStrides({ operand, part }: Held, result: Held, rank: number): number[] {
  const strides = stridesOf(part.extents);
  const skipped = rank - part.extents.length;
  return Array.from({ length: rank }, (_, dim) => {
    const own = dim - skipped;
    const axis = operand.axes[own];
    if (own < 0 || axis === undefined) return 0;
    const made = result.operand.axes[dim];
    return axis.size === made?.size ? (strides[own] as number) : 0;
  });
}
