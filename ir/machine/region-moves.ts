/**
 * What moves between kernels that share one region: for every operand that an edge feeds, the conversion from the layout in which the value was made. A stream is
 * brought into a layout once: later readers with the same layout find it there, and the copy waits for them.
 */
import { nth } from "../access.ts";
import { type KernelGraph, type KernelId, wordBytes } from "../kernel-graph.ts";
import { conversionCost, type ConversionKind } from "./conversion.ts";
import { hasSameLayout, type RegionSize, type Spread } from "./spread.ts";
import type { Target } from "./target.ts";

/** A value that is brought into the layout that its reader wants. */
export interface LayoutMove {
  /** index into `KernelGraph.edges` */
  readonly edge: number;
  /** the operand of the reader */
  readonly operand: string;
  readonly kind: ConversionKind;
  readonly cycles: number;
}

/** A value in the layout of several readers, from the first of them to the last; bytes of the fullest core. */
export interface WaitingCopy {
  readonly first: KernelId;
  readonly last: KernelId;
  readonly bytes: number;
}

export interface RegionMoves {
  /** by edge, and by operand of its reader */
  readonly moves: readonly LayoutMove[];
  readonly copies: readonly WaitingCopy[];
}

/** Says how an operand of a kernel lies. */
export type SpreadOf = (kernel: KernelId, operand: string) => Spread;

interface Copy {
  readonly stream: number;
  readonly read: Spread;
  readonly first: KernelId;
  readonly isMoved: boolean;
  last: KernelId;
}

/** All moves of a region. */
export function regionMoves(
  { edges }: KernelGraph,
  target: Target,
  region: RegionSize,
  spreadOf: SpreadOf,
): RegionMoves {
  const copies: Copy[] = [];
  // readers run in the order of their numbers
  const order = edges.flatMap(({ to, operands }, edge) => operands.map((operand) => ({ edge, operand, to })));
  const found = order
    .toSorted((a, b) => a.to - b.to)
    .map(({ edge, operand, to }): LayoutMove => {
      const { from, result, part, words, stream } = nth(edges, edge);
      const read = spreadOf(to, operand);
      const known = copies.find((copy) => copy.stream === stream && hasSameLayout(copy.read, read));
      if (known !== undefined) {
        known.last = to;
        return { edge, operand, kind: known.isMoved ? "there" : "stays", cycles: 0 };
      }
      const sent = part === null ? null : { positions: part, words };
      const { kind, cycles } = conversionCost(target, region, spreadOf(from, result), read, sent);
      copies.push({ stream, read, first: to, last: to, isMoved: kind !== "stays" });
      return { edge, operand, kind, cycles };
    });
  const place = new Map(order.map(({ edge, operand }, index) => [`${edge} ${operand}`, index]));
  const at = ({ edge, operand }: LayoutMove): number => place.get(`${edge} ${operand}`) ?? order.length;
  return {
    moves: found.toSorted((a, b) => at(a) - at(b)),
    copies: copies.flatMap(({ first, last, isMoved, read }) =>
      isMoved && last > first ? [{ first, last, bytes: Math.ceil(read.words * wordBytes) }] : [],
    ),
  };
}
