/** What every type rule shares: access to operand types and the checks whose failures name the op, the operand and the shapes. */
import { type DiagnosticCode, fail, type WscError } from "../diagnostic.ts";
import { type DType, dtypeInfo } from "../dtype.ts";
import { isComputable } from "../expr.ts";
import { type TensorType, type ValueType } from "../graph.ts";
import { broadcastShapes, elementCount } from "../tensor.ts";
import { sameShape, showShape, showType } from "../types.ts";

/** The place of an op in the user's model, for messages, with the types of its operands. */
export interface Site {
  readonly subject: string;
  readonly inputs: readonly ValueType[];
}

/** Elements of one tensor that no machine in reach can hold; sums of sizes below it are exact in a double. */
const maxElements = 2 ** 48;

const errorOf =
  (code: DiagnosticCode) =>
  (site: Site, message: string): WscError =>
    fail(code, message, { subject: site.subject });

export const shapeError: (site: Site, message: string) => WscError = errorOf("WSC3004");
export const dtypeError: (site: Site, message: string) => WscError = errorOf("WSC3005");
export const attributeError: (site: Site, message: string) => WscError = errorOf("WSC3006");

/** Operand counts are the lowering's affair, so a wrong one is a defect and no diagnostic. */
export function expectOperands(site: Site, least: number, most: number = least): void {
  const count = site.inputs.length;
  if (count >= least && count <= most) return;
  const wanted = least === most ? String(least) : most === Infinity ? `${least} or more` : `${least} to ${most}`;
  throw new Error(`internal: ${site.subject} has ${count} operands, needs ${wanted}`);
}

/** Operand `index`, which must be a tensor of known shape. */
export function tensorAt(site: Site, index: number): TensorType {
  const type = site.inputs[index];
  if (type === undefined) throw new Error(`internal: ${site.subject} has no operand ${index}`);
  if (type.kind === "tensor") return type;
  if (type.kind !== "dynamic") throw dtypeError(site, `input ${index} is ${showType(type)}, a tensor is needed`);
  throw fail("WSC2005", `the shape of input ${index} is not known: ${showType(type)}`, { subject: site.subject });
}

export const allTensors = (site: Site): readonly TensorType[] => site.inputs.map((_, index) => tensorAt(site, index));

/** What a kind computes with; `comparable` adds bool to the numbers. */
export type Domain = "number" | "float" | "integer" | "bool" | "comparable";

const domainNames: Readonly<Record<Domain, string>> = {
  number: "numbers",
  float: "f32 or f64",
  integer: "integers",
  bool: "bool",
  comparable: "numbers or bool",
};

/** Small floats, sub-byte integers, strings and complex numbers are in no domain: lowering casts them first. */
export function inDomain(dtype: DType, domain: Domain): boolean {
  if (!isComputable(dtype)) return false;
  const cls = dtypeInfo(dtype).class;
  switch (domain) {
    case "number":
      return cls !== "bool";
    case "float":
      return cls === "float";
    case "integer":
      return cls === "signed" || cls === "unsigned";
    case "bool":
      return cls === "bool";
    case "comparable":
      return true;
  }
}

export function expectDomain(site: Site, dtype: DType, domain: Domain, what = "the input"): void {
  if (!inDomain(dtype, domain)) throw dtypeError(site, `${what} is ${dtype}, needs ${domainNames[domain]}`);
}

export function expectSameDType(site: Site, expected: TensorType, index: number): void {
  const actual = tensorAt(site, index);
  if (actual.dtype === expected.dtype) return;
  throw dtypeError(site, `input ${index} is ${showType(actual)}, its element type must be ${expected.dtype}`);
}

/** Operand `index` must be exactly `dtype[shape]`; `role` names it in the message. */
export function expectTensor(site: Site, index: number, role: string, dtype: DType, shape: readonly number[]): void {
  const actual = tensorAt(site, index);
  const message = `${role} is ${showType(actual)}, must be ${dtype}${showShape(shape)}`;
  if (actual.dtype !== dtype) throw dtypeError(site, message);
  if (!sameShape(actual.shape, shape)) throw shapeError(site, message);
}

export function expectIndex(site: Site, index: number): TensorType {
  const type = tensorAt(site, index);
  if (type.dtype === "i64" || type.dtype === "i32") return type;
  throw dtypeError(site, `indices are ${showType(type)}, must be i32 or i64`);
}

export function expectAxis(site: Site, axis: number, type: TensorType): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < type.shape.length) return;
  throw attributeError(site, `axis ${axis} is out of range for ${showType(type)}`);
}

export function expectAxes(site: Site, axes: readonly number[], type: TensorType): void {
  for (const [i, axis] of axes.entries()) {
    expectAxis(site, axis, type);
    if (i > 0 && (axes[i - 1] ?? 0) >= axis) throw attributeError(site, `axes ${showShape(axes)} are not ascending`);
  }
}

/** A list attribute with one integer per axis, none below `least`. */
export function expectPerAxis(site: Site, name: string, list: readonly number[], count: number, least: number): void {
  if (list.length !== count) {
    throw attributeError(site, `${name} ${showShape(list)} must have ${count} entries, one per axis`);
  }
  for (const entry of list) {
    if (!Number.isSafeInteger(entry) || entry < least) {
      throw attributeError(
        site,
        `${name} ${showShape(list)} must be integers${least > -Infinity ? ` >= ${least}` : ""}`,
      );
    }
  }
}

/** The numpy broadcast of the operands' shapes. */
export function expectBroadcast(site: Site, shapes: readonly (readonly number[])[]): readonly number[] {
  const shape = broadcastShapes(shapes);
  if (shape !== null) return shape;
  throw shapeError(site, `shapes ${shapes.map(showShape).join(", ")} do not broadcast`);
}

/** Operand `index` must broadcast to `shape` without enlarging it. */
export function expectBroadcastTo(site: Site, index: number, role: string, shape: readonly number[]): void {
  const type = tensorAt(site, index);
  const joint = broadcastShapes([type.shape, shape]);
  if (joint !== null && sameShape(joint, shape)) return;
  throw shapeError(site, `${role} ${showType(type)} does not broadcast to ${showShape(shape)}`);
}

/** Throws WSC1009 for a result that could not be addressed; also catches dims that are no integers. */
export function checkSize(site: Site, type: ValueType): void {
  if (type.kind !== "tensor") return;
  if (!type.shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw shapeError(site, `the result would be ${showType(type)}`);
  }
  // counted without zero-size dims, so that [0, 2^60] is refused as well: strides are products of dims
  if (elementCount(type.shape.filter((dim) => dim !== 0)) <= maxElements) return;
  throw fail("WSC1009", `the result would be ${showType(type)}, more than 2^48 elements`, { subject: site.subject });
}
