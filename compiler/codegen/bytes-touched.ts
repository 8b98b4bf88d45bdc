/** How much memory a stage of kernels goes over. */
import { nth } from "../../ir/access.ts";
import { storageBytes } from "../../ir/dtype.ts";
import type { ValueType } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import type { KernelArg, KernelCode } from "./kernel.ts";

/** An argument that is a value of the graph. */
type ValueArg = Extract<KernelArg, { readonly kind: "input" | "output" }>;

/** Bytes that a stage's arguments point to, each argument once; of what it picks from by number no more than it makes. */
export function bytesTouched({ args, indices }: KernelCode, typeOfArg: (arg: ValueArg) => ValueType): number {
  const sizes = args.map((arg) =>
    arg.kind === "input" || arg.kind === "output" ? bytesOf(typeOfArg(arg)) : arg.byteLength,
  );
  const made = args.reduce((sum, { kind }, index) => (kind === "output" ? sum + nth(sizes, index) : sum), 0);
  const isPicked = (index: number): boolean => indices !== undefined && index !== indices.arg;
  return sizes.reduce((sum, size, index) => sum + (isPicked(index) ? Math.min(size, made) : size), 0);
}

const bytesOf = (type: ValueType): number =>
  type.kind === "tensor" ? elementCount(type.shape) * storageBytes(type.dtype) : 0;
