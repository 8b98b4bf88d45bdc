/** Random inputs of a model. */
import { fail, showName } from "../ir/diagnostic.ts";
import { dtypeInfo, dtypeOfOrtName, isBig, isFloat } from "../ir/dtype.ts";
import { encodeSmallFloat, isSmallFloat } from "../ir/small-float.ts";
import { allocateElements, elementCount, setElement, type TensorData } from "../ir/tensor.ts";
import type { PortMetadata } from "../runtime/ports.ts";
import { fromTensorData, type Tensor } from "../runtime/tensor.ts";
import { seededRandom } from "./random.ts";

/** Bound on the elements of one random input. */
const mostElements = 2 ** 28;

/**
 * A tensor of random values: floats normal with variance 1, integers and bools 0 or 1 (valid as indices and masks). The same seed and
 * position give the same values everywhere.
 */
export function randomTensor(port: PortMetadata, seed: number, position: number): Tensor {
  const dtype = dtypeOfOrtName(port.type);
  if (!port.isTensor || dtype === undefined)
    throw fail("WSC7002", `input "${showName(port.name)}" cannot be filled with random values`);
  const unknown = port.shape.find((dim) => typeof dim !== "number");
  if (unknown !== undefined) {
    throw fail("WSC2005", `input "${showName(port.name)}" has the unbound dim '${unknown}'`, {
      hint: `bind it: --dim ${unknown}=N`,
    });
  }
  const shape = port.shape as readonly number[];
  const count = elementCount(shape);
  if (count > mostElements) throw fail("WSC1009", `input "${showName(port.name)}" has ${count} elements`);
  const next = seededRandom(seed * 0x9e3779b1 + position);
  const elements = allocateElements(dtype, count);
  const info = dtypeInfo(dtype);
  for (let i = 0; i < count; i++) {
    const value = isFloat(dtype) ? normal(next) : next() < 0.5 ? 0 : 1;
    if (isSmallFloat(dtype)) setElement(elements, i, encodeSmallFloat(dtype, value));
    else if (info.class === "string") (elements as string[])[i] = value === 0 ? "a" : "b";
    else setElement(elements, i, isBig(dtype) ? BigInt(value) : value);
  }
  return fromTensorData({ dtype, shape, elements } satisfies TensorData);
}

/** Box-Muller. */
const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
