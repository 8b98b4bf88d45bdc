/** Scores that a product has made and a softmax has weighed stay in their cores: the product with the values reads them there. */
import { type FusionRule, readerStage } from "./rule.ts";

export const attention: FusionRule = {
  name: "attention",
  applies: (pair) => {
    const { stages } = pair.producer.kernel;
    return (
      readerStage(pair)?.kind === "matmul" &&
      stages.some(({ kind }) => kind === "softmax") &&
      stages.some(({ kind }) => kind === "matmul")
    );
  },
};
