/**
 * Type rules of control flow. Results are known as far as the regions agree: equal static types stay static, anything else becomes
 * dynamic. Operands of a region must be acceptable for its inputs.
 */
import {
  type Graph,
  type IfOp,
  isHostType,
  type LoopOp,
  type ScanOp,
  type TensorType,
  tensorType,
  type ValueType,
} from "../graph.ts";
import { acceptsType, joinTypes, showType } from "../types.ts";
import { attributeError, dtypeError, expectOperands, expectTensor, shapeError, type Site, tensorAt } from "./site.ts";

const portTypes = (region: Graph, ports: Graph["inputs"]): readonly ValueType[] =>
  ports.map(({ value }) => {
    const type = region.values[value]?.type;
    if (type === undefined) throw new Error(`internal: region ${region.name} has no value %${value}`);
    return type;
  });

function expectRegionPorts(site: Site, region: Graph, inputs: number, outputs: number): void {
  if (region.inputs.length === inputs && region.outputs.length === outputs) return;
  const seen = `${region.inputs.length} inputs and ${region.outputs.length} outputs`;
  throw new Error(`internal: ${site.subject}: region ${region.name} has ${seen}, needs ${inputs} and ${outputs}`);
}

/** Checks that the operands from `firstOperand` on fit the region inputs from `firstInput` on. */
function checkPassed(site: Site, region: Graph, firstInput: number, passed: readonly ValueType[]): void {
  const declared = portTypes(region, region.inputs);
  for (const [i, actual] of passed.entries()) {
    const expected = declared[firstInput + i];
    if (expected === undefined || acceptsType(expected, actual)) continue;
    const name = JSON.stringify(region.inputs[firstInput + i]?.name ?? "");
    throw shapeError(site, `${showType(actual)} is passed to ${name} of its body, which is ${showType(expected)}`);
  }
}

function join(site: Site, what: string, a: ValueType, b: ValueType): ValueType {
  const type = joinTypes(a, b);
  if (type === null) throw dtypeError(site, `${what} is ${showType(a)} in one place and ${showType(b)} in another`);
  return type;
}

export function inferIf(site: Site, op: Pick<IfOp, "then" | "else">): readonly ValueType[] {
  expectTensor(site, 0, "the condition", "bool", []);
  const captured = site.inputs.slice(1);
  for (const region of [op.then, op.else]) {
    expectRegionPorts(site, region, captured.length, op.then.outputs.length);
    checkPassed(site, region, 0, captured);
  }
  const other = portTypes(op.else, op.else.outputs);
  return portTypes(op.then, op.then.outputs).map((type, i) => join(site, `result ${i}`, type, other[i] ?? type));
}

/** What loops pass to the body before all else: iteration and condition. */
const loopHeader = [tensorType("i64", []), tensorType("bool", [])] as const;

/** Whether a value of this type can be what a body says of going on: one bool, in a tensor of any rank. */
function isCondition(type: ValueType): boolean {
  if (type.kind === "tensor") return type.dtype === "bool" && type.shape.every((dim) => dim === 1);
  if (type.kind !== "dynamic" || type.dtype !== "bool") return false;
  return (type.dims ?? []).every((dim) => typeof dim === "string" || dim === 1);
}

/** Stacked results without an iteration: one shape for each, of sizes. */
function checkEmptyShapes(site: Site, { emptyShapes }: Pick<LoopOp, "emptyShapes">, stacked: number): void {
  if (emptyShapes === undefined) return;
  const areSizes = emptyShapes.flat().every((size) => Number.isSafeInteger(size) && size >= 0);
  if (emptyShapes.length === stacked && areSizes) return;
  throw attributeError(site, `emptyShapes must say a shape for each of ${stacked} stacked results`);
}

export function inferLoop(site: Site, op: Pick<LoopOp, "carried" | "body" | "emptyShapes">): readonly ValueType[] {
  expectOperands(site, 2 + op.carried, Infinity);
  expectTensor(site, 0, "the trip count", "i64", []);
  expectTensor(site, 1, "the condition", "bool", []);
  expectRegionPorts(site, op.body, site.inputs.length, Math.max(op.body.outputs.length, 1 + op.carried));
  checkPassed(site, op.body, 0, [...loopHeader, ...site.inputs.slice(2)]);
  const [condition, ...results] = portTypes(op.body, op.body.outputs);
  if (condition === undefined || !isCondition(condition)) {
    const seen = condition === undefined ? "missing" : showType(condition);
    throw dtypeError(site, `its body's condition is ${seen}, must be one bool`);
  }
  checkEmptyShapes(site, op, results.length - op.carried);
  const carried = carriedTypes(site, site.inputs.slice(2, 2 + op.carried), results);
  return [...carried, ...results.slice(op.carried).map((type) => stackedType(site, type, "iterations", 0))];
}

/** A carried value is its initial value after no iteration and the body's result after some. */
const carriedTypes = (site: Site, initial: readonly ValueType[], results: readonly ValueType[]): readonly ValueType[] =>
  initial.map((type, i) => join(site, `carried value ${i}`, type, results[i] ?? type));

/** The type of one result per iteration, stacked along a new axis. */
function stackedType(site: Site, type: ValueType, count: number | string, axis: number): ValueType {
  if (isHostType(type)) throw dtypeError(site, `${showType(type)} cannot be stacked`);
  const dims = type.kind === "tensor" ? type.shape : type.dims;
  if (dims === null) return { kind: "dynamic", dtype: type.dtype, dims: null };
  if (!Number.isInteger(axis) || axis < 0 || axis > dims.length) {
    throw attributeError(site, `output axis ${axis} is out of range for slices of ${showType(type)}`);
  }
  if (type.kind === "tensor" && typeof count === "number") {
    return tensorType(type.dtype, type.shape.toSpliced(axis, 0, count));
  }
  return { kind: "dynamic", dtype: type.dtype, dims: [...dims.slice(0, axis), count, ...dims.slice(axis)] };
}

export function inferScan(site: Site, op: Omit<ScanOp, "inputs" | "outputs" | "origin">): readonly ValueType[] {
  expectOperands(site, op.carried + op.scanned, Infinity);
  if (op.scanned < 1) throw new Error(`internal: ${site.subject} scans nothing`);
  expectRegionPorts(site, op.body, site.inputs.length, Math.max(op.body.outputs.length, op.carried));
  checkScanLists(site, op);
  checkEmptyShapes(site, op, op.body.outputs.length - op.carried);
  const scanned = op.inputAxes.map((axis, i) => scannedType(site, tensorAt(site, op.carried + i), axis));
  const length = scanned[0]?.length ?? 0;
  const odd = scanned.find((s) => s.length !== length);
  if (odd !== undefined) throw shapeError(site, `scanned inputs have ${length} and ${odd.length} elements`);
  const initial = site.inputs.slice(0, op.carried);
  const captured = site.inputs.slice(op.carried + op.scanned);
  checkPassed(site, op.body, 0, [...initial, ...scanned.map((s) => s.slice), ...captured]);
  const results = portTypes(op.body, op.body.outputs);
  const stacked = results.slice(op.carried).map((type, i) => stackedType(site, type, length, op.outputAxes[i] ?? 0));
  return [...carriedTypes(site, initial, results), ...stacked];
}

function checkScanLists(site: Site, op: Omit<ScanOp, "inputs" | "outputs" | "origin">): void {
  const outputs = op.body.outputs.length - op.carried;
  const fits =
    op.inputAxes.length === op.scanned &&
    op.inputReverse.length === op.scanned &&
    op.outputAxes.length === outputs &&
    op.outputReverse.length === outputs;
  if (!fits)
    throw attributeError(site, `axes and directions must be given for ${op.scanned} inputs and ${outputs} outputs`);
}

function scannedType(
  site: Site,
  type: TensorType,
  axis: number,
): { readonly length: number; readonly slice: TensorType } {
  const length = type.shape[axis];
  if (length === undefined) throw attributeError(site, `input axis ${axis} is out of range for ${showType(type)}`);
  return { length, slice: tensorType(type.dtype, type.shape.toSpliced(axis, 1)) };
}
