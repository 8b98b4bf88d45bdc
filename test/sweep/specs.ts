/** Specifications that tests are about. */
import { readSpec } from "../../compiler/sweep/spec/read-spec.ts";
import type { Spec } from "../../compiler/sweep/spec/spec.ts";

/** A sweep of plans: 24 combinations, 18 of them admitted. */
export const planJson = {
  do: "plan",
  axes: { weights: ["fp16", "int8"], context: "1024..4096*2", users: [1, 8], batch: [1, 8] },
  fixed: { model: "llama3.1-8b", target: "wse3" },
  where: ["batch <= users"],
  record: ["wafers", "decodeInAll", "timeToFirstToken", "binds"],
  objectives: { decodeInAll: "max", timeToFirstToken: "min" },
} as const;

export const planSpec: Spec = readSpec(planJson, "plan.json");
