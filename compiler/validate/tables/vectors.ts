/** Single vector instructions on WSE-2 by the banks of their operands. */
import { bankedVectorCycles, type BankClass, type VectorStart } from "../../../ir/machine/vector.ts";
import { wse2 } from "../../targets/wse2.ts";
import type { Table } from "../table.ts";

const runs: readonly (readonly [elements: number, banks: BankClass, start: VectorStart, cycles: number])[] = [
  [5124, "shared", "ready", 10_254],
  [5124, "apart", "ready", 5_130],
  [5124, "apart", "loaded", 5_158],
  [5124, "paired", "loaded", 2_597],
  [1028, "shared", "ready", 2_062],
  [1028, "shared", "loaded", 2_089],
  [1028, "apart", "ready", 1_034],
];

/** The runs whose start was read off. */
const read = 5124;

export const vectors: Table = {
  name: "vectors",
  title: "One 32-bit vector instruction on WSE-2, by the banks of its operands",
  unit: "cycles",
  source: "pr0f3ss/SpMM_Cerebras, fmacs_test (vendor's simulator)",
  law: "Accesses to the busiest bank, one a cycle, and a start: 6 cycles with descriptors ready, 34 with their loads.",
  entries: () =>
    runs.map(([elements, banks, start, cycles]) => ({
      row: `${elements} elements, banks ${banks}, descriptors ${start}`,
      target: wse2.name,
      published: cycles,
      modelled: bankedVectorCycles(elements, banks, start),
      basis: elements === read ? "fitted" : "interpolated",
    })),
};
