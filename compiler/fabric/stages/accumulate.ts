/** Values that come together: each core works through its loops into a sum, sums of cores become one, and an expression makes the result of it. */
import { arg, binary, type Expr, lit } from "../../../ir/expr.ts";
import type { Combiner, Operation } from "../../../ir/fabric/program.ts";
import type { Range } from "../../../ir/machine/mapping.ts";
import type { Access, Variable } from "../nest.ts";
import type { CoreTile, Piece, StageWriter } from "../phases.ts";

export interface Accumulation {
  readonly combiner: Combiner;
  readonly operation: Operation;
  readonly args: readonly Access[];
  /** of the sum (`$0`) and further operands (`$1`…); null: the sum as it is */
  readonly finish: { readonly expr: Expr; readonly others: readonly Access[]; readonly pieces?: Pieces } | null;
  /** parts of the nest, for windows that reach over an edge; `starts`: what places hold before, where a part may be empty */
  readonly pieces?: Pieces;
  readonly starts?: number;
}

/** The parts of a nest over some variables. */
export type Pieces = (variables: readonly Variable[]) => (core: CoreTile, ranges: readonly Range[]) => readonly Piece[];

/** One of so many parts of a value; a product, since cores divide slowly. */
export const shareOf = (value: Expr, parts: number): Expr => binary("mul", value, lit("f32", Math.fround(1 / parts)));

export function accumulate(writer: StageWriter, given: Accumulation): void {
  const { combiner, operation, args, finish, starts } = given;
  const { made, stage, cutSums } = writer;
  // what becomes of a sum by parts stands beside it
  const isOwn = cutSums.length === 0 && finish?.pieces === undefined;
  const sum = isOwn ? made : writer.buffer("sum", made.axes);
  if (starts !== undefined) writer.fill(sum, starts);
  writer.work({
    operation,
    out: sum,
    args,
    begins: starts === undefined,
    along: stage.vector,
    ...(given.pieces === undefined ? {} : { pieces: given.pieces(writer.variables) }),
  });
  writer.sum(sum, combiner, cutSums, writer.isShared);
  if (finish === null && sum === made) return;
  const variables = writer.keptBy(made.axes);
  writer.work({
    operation: { kind: "map", expr: finish?.expr ?? arg(0) },
    out: made,
    args: [sum, ...(finish?.others ?? [])],
    variables,
    ...(finish?.pieces === undefined ? {} : { pieces: finish.pieces(variables) }),
  });
}
