/**
 * Bytes of code in a core. What a core runs is made of loop forms: matrix-vector product, norm, softmax, expression over elements, ... Addresses, sizes,
 * strides and the operations of an expression are parameters of a form (registers and vector descriptors), so that its code is there once for all
 * sizes; each further use of it takes a call with its parameters.
 */
import type { Kernel } from "../kernel-graph.ts";
import { callBytesOf, type Target } from "./target.ts";

/** What decides which code a stage needs. */
type Coded = Pick<Kernel, "dtype" | "stages">;

/** Bytes that the loops of some kernels take in a core that runs them all; kernels that differ in what they hold alone are given once. */
export function codeBytesOf(target: Target, kernels: readonly Coded[]): number {
  const forms = new Map<string, number>();
  let uses = 0;
  for (const { dtype, stages } of kernels)
    for (const { kind, codeUnits } of stages) {
      // forms of one kind differ in how many loops they have
      forms.set(`${dtype} ${kind} ${codeUnits}`, codeUnits);
      uses++;
    }
  const units = [...forms.values()].reduce((sum, each) => sum + each, 0);
  return units * target.core.codeBytes + (uses - forms.size) * callBytesOf(target);
}
