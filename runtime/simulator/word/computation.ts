/** The arithmetic of tiles, in f32: each result is rounded, sums grow in the order of the loops. */
import type { Expr } from "../../../ir/expr.ts";
import type { Combiner, Lookup, Operand, Operation, Region, Step } from "../../../ir/fabric/program.ts";
import { compileExpr } from "../../reference/expr-machine.ts";

export function combine(how: Combiner, a: number, b: number): number {
  switch (how) {
    case "add":
      return Math.fround(a + b);
    case "max":
      return a >= b || Number.isNaN(a) ? a : b;
    case "min":
      return a <= b || Number.isNaN(a) ? a : b;
  }
}

/** An operand with its region's place. */
interface Placed {
  readonly base: number;
  readonly strides: readonly number[];
  readonly perSlot: number;
  readonly slots: number;
}

const placed = (operand: Operand, regions: ReadonlyMap<string, Region>): Placed => {
  const region = regions.get(operand.region);
  if (region === undefined) throw new Error(`internal: no region ${operand.region}`);
  return {
    base: region.address / 4 + operand.offset,
    strides: operand.strides,
    perSlot: region.words,
    slots: region.slots,
  };
};

/** Runs over the memory of a core that begins at word `core`, for a sample. */
export type Tile = (memory: Float32Array, core: number, sample: number) => void;

/** Prepares a nest of loops over the regions of a core. */
export function prepareTile(
  { operation, begins, sizes, out, args }: Step & { kind: "compute" },
  regions: ReadonlyMap<string, Region>,
): Tile {
  const operands = [out, ...args].map((operand) => placed(operand, regions));
  const body = bodyOf(operation, args.length);
  const begin = begins ? beginningOf(operation) : body;
  // the first value at a place comes while all loops that the place does not depend on stand at their start
  const together = sizes.flatMap((size, loop) => (begins && size > 1 && out.strides[loop] === 0 ? [loop] : []));
  return (memory, core, sample) => {
    const at = operands.map(({ base, perSlot, slots }) => core + base + (sample % slots) * perSlot);
    nest(sizes, operands, at, (places, index) => {
      const isFirst = together.every((loop) => index[loop] === 0);
      (isFirst ? begin : body)(memory, places);
    });
  };
}

/** Visits all iterations, the last loop fastest. */
function nest(
  sizes: readonly number[],
  operands: readonly Placed[],
  at: number[],
  visit: (places: readonly number[], index: readonly number[]) => void,
): void {
  const index = sizes.map(() => 0);
  if (sizes.includes(0)) return;
  for (;;) {
    visit(at, index);
    let loop = sizes.length - 1;
    for (; loop >= 0; loop--) {
      const size = sizes[loop] as number;
      const done = (index[loop] as number) + 1 === size;
      index[loop] = done ? 0 : (index[loop] as number) + 1;
      for (let i = 0; i < operands.length; i++) {
        const stride = (operands[i] as Placed).strides[loop] as number;
        at[i] = (at[i] as number) + (done ? -stride * (size - 1) : stride);
      }
      if (!done) break;
    }
    if (loop < 0) return;
  }
}

/** What the first value at a place does. */
function beginningOf(operation: Operation): Body {
  switch (operation.kind) {
    case "multiplyAdd":
      return (memory, [out, a, b]) => {
        memory[out as number] = (memory[a as number] as number) * (memory[b as number] as number);
      };
    case "combine":
      return (memory, [out, a]) => {
        memory[out as number] = memory[a as number] as number;
      };
    case "map":
    case "lookup":
      throw new Error(`internal: a ${operation.kind} begins nothing`);
  }
}

type Body = (memory: Float32Array, places: readonly number[]) => void;

function bodyOf(operation: Operation, count: number): Body {
  switch (operation.kind) {
    case "multiplyAdd":
      return (memory, [out, a, b]) => {
        const product = (memory[a as number] as number) * (memory[b as number] as number);
        memory[out as number] = (memory[out as number] as number) + product;
      };
    case "combine":
      return (memory, [out, a]) => {
        memory[out as number] = combine(operation.with, memory[out as number] as number, memory[a as number] as number);
      };
    case "map":
      return mapBody(operation.expr, count);
    case "lookup":
      return lookupBody(operation);
  }
}

function lookupBody({ size, first, rows, stride }: Lookup): Body {
  return (memory, [out, table, index]) => {
    const number = memory[index as number] as number;
    const row = (number < 0 ? number + size : number) - first;
    memory[out as number] = row >= 0 && row < rows ? (memory[(table as number) + row * stride] as number) : 0;
  };
}

function mapBody(expr: Expr, count: number): Body {
  const machine = compileExpr(
    expr,
    Array.from({ length: count }, () => "f32" as const),
    1,
  );
  return (memory, places) => {
    for (let arg = 0; arg < count; arg++) {
      const register = machine.operands[arg];
      if (register?.lane === "number") register.values[0] = memory[places[arg + 1] as number] as number;
    }
    machine.run(1);
    memory[places[0] as number] = Number(machine.result.values[0]);
  };
}
