/** Products of one row follow each other in the same cores: the row is small, so that cores add up its parts instead of sending it on. */
import { operandElements } from "../../../ir/kernel-graph.ts";
import { type FusionRule, readerStage } from "./rule.ts";

const products: ReadonlySet<string> = new Set(["matmul", "quantizedMatmul", "conv"]);

export const matvec: FusionRule = {
  name: "matvec",
  applies: (pair) => {
    const { producer, edges } = pair;
    if (!products.has(readerStage(pair)?.kind ?? "")) return false;
    // one row: a single dim is longer than one
    return edges.every(({ value }) => {
      const operand = producer.kernel.operands.find(({ name }) => name === producer.made.get(value));
      return operand !== undefined && operand.axes.some(({ size }) => size === operandElements(operand));
    });
  },
};
