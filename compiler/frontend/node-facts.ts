/** What a node says by itself, whatever its values are: which inputs and outputs it has, its attributes, and how a message about it begins. */
import { type DiagnosticCode, fail, type WscError } from "../../ir/diagnostic.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { attributeOf, saturate, tensorAttribute } from "./attributes.ts";
import { nodeOrigin, nodeSubject, type OnnxAttribute, type OnnxNode } from "./onnx.ts";

const trimmedLength = (names: readonly string[]): number => names.findLastIndex((name) => name !== "") + 1;

const isNamed = (name: string | undefined): boolean => name !== undefined && name !== "";

export class NodeFacts {
  readonly node: OnnxNode;
  readonly opset: number;
  readonly inputCount: number;
  readonly outputCount: number;
  /** what the ops that stand for it name as their origin */
  protected readonly origin: readonly string[];

  constructor(node: OnnxNode, opset: number) {
    this.node = node;
    this.opset = opset;
    this.inputCount = trimmedLength(node.inputs);
    this.outputCount = trimmedLength(node.outputs);
    this.origin = [nodeOrigin(node)];
  }

  hasInput(index: number): boolean {
    return isNamed(this.node.inputs[index]);
  }

  wantsOutput(index: number): boolean {
    return isNamed(this.node.outputs[index]);
  }

  int(name: string): number | undefined;
  int(name: string, fallback: number): number;
  int(name: string, fallback?: number): number | undefined {
    const value = attributeOf(this.node, name, "int")?.value;
    if (value === undefined) return fallback;
    if (BigInt(saturate(value)) === value) return Number(value);
    throw this.attributeError(`attribute "${name}" is ${value}, out of range`);
  }

  ints(name: string): number[] | undefined {
    return attributeOf(this.node, name, "ints")?.value.map(saturate);
  }

  float(name: string): number | undefined;
  float(name: string, fallback: number): number;
  float(name: string, fallback?: number): number | undefined {
    return attributeOf(this.node, name, "float")?.value ?? fallback;
  }

  floats(name: string): number[] | undefined {
    return attributeOf(this.node, name, "floats")?.value.slice();
  }

  string(name: string): string | undefined;
  string(name: string, fallback: string): string;
  string(name: string, fallback?: string): string | undefined {
    return attributeOf(this.node, name, "string")?.value ?? fallback;
  }

  strings(name: string): readonly string[] | undefined {
    return attributeOf(this.node, name, "strings")?.value;
  }

  tensor(name: string): TensorData | undefined {
    return tensorAttribute(this.node, name);
  }

  attribute(name: string): OnnxAttribute | undefined {
    return this.node.attributes.get(name);
  }

  axis(axis: number, rank: number, inclusive = false): number {
    const most = inclusive ? rank : rank - 1;
    if (axis >= -rank && axis <= most) return axis < 0 ? axis + rank : axis;
    throw this.attributeError(`axis ${axis} is out of range for rank ${rank}`);
  }

  shapeError(message: string, hint?: string): WscError {
    return this.error("WSC3004", message, hint);
  }

  typeError(message: string, hint?: string): WscError {
    return this.error("WSC3005", message, hint);
  }

  attributeError(message: string, hint?: string): WscError {
    return this.error("WSC3006", message, hint);
  }

  unsupported(message: string, hint?: string): WscError {
    return this.error("WSC3001", message, hint);
  }

  error(code: DiagnosticCode, message: string, hint?: string): WscError {
    return fail(code, message, { subject: nodeSubject(this.node), hint });
  }
}
