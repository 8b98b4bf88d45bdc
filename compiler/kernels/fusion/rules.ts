/** The rules of fusion, the first that applies is asked. One file each. */
import { attention } from "./attention.ts";
import { epilogue } from "./epilogue.ts";
import { matvec } from "./matvec.ts";
import { pooling } from "./pooling.ts";
import { prologue } from "./prologue.ts";
import { reduction } from "./reduction.ts";
import type { FusionRule } from "./rule.ts";

export const fusionRules: readonly FusionRule[] = [epilogue, pooling, reduction, attention, matvec, prologue];
