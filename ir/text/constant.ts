/**
 * Constants in text. Small ones show their elements, `constant [1, 2] : i64[2]`; large ones a digest, `constant blob "h128:…" : f32[64,64]`,
 * with the data kept beside the text. What is in a file and was not read shows where it is, `constant blob "w.bin@4096+1024" : f32[256]`. NaNs whose bits a decimal cannot tell make a constant a blob as well, so that printing loses nothing.
 */
import { type DType } from "../dtype.ts";
import { type Graph, regionsOf, type TensorType, tensorType, type Value } from "../graph.ts";
import { decodeSmallFloat, encodeSmallFloat, isSmallFloat } from "../small-float.ts";
import {
  allocateElements,
  bytesOf,
  elementCount,
  type Elements,
  setElement,
  slotsPerElement,
  type TensorData,
} from "../tensor.ts";
import { sameType, showType } from "../types.ts";
import { constantName } from "./digest.ts";
import { type TextReader, type Token } from "./lexer.ts";
import { parseScalar, printScalar } from "./scalar.ts";
import { parseTensorType } from "./type.ts";

/** Elements up to which a constant is shown in full. */
const mostInline = 32;

/** Tensors by the name that text has for them: a digest, or where they are. */
export type Resources = ReadonlyMap<string, TensorData>;

export function printConstant(constant: TensorData): string {
  if (!isInline(constant)) return printBlob(constantName(constant));
  return `constant [${Array.from(elementTexts(constant)).join(", ")}]`;
}

export const printBlob = (name: string): string => `constant blob ${JSON.stringify(name)}`;

function* elementTexts({ dtype, elements }: TensorData): Generator<string> {
  for (const element of elements) {
    yield printScalar(dtype, isSmallFloat(dtype) ? decodeSmallFloat(dtype, Number(element)) : element);
  }
}

const isInline = (constant: TensorData): boolean =>
  constant.source === undefined && elementCount(constant.shape) <= mostInline && !hasOddNaN(constant);

/** True when some NaN has other bits than the one that text would be read back as. */
function hasOddNaN({ dtype, elements }: TensorData): boolean {
  if (isSmallFloat(dtype)) {
    const plain = encodeSmallFloat(dtype, NaN);
    const patterns = Array.from(elements, Number);
    return patterns.some((pattern) => pattern !== plain && Number.isNaN(decodeSmallFloat(dtype, pattern)));
  }
  if (!(elements instanceof Float32Array || elements instanceof Float64Array)) return false;
  const plain = bytesOf(elements.map((x) => (Number.isNaN(x) ? NaN : x)));
  return bytesOf(elements).some((byte, i) => byte !== plain[i]);
}

/** The constants that the graph's text only names, those of its regions included: what `parseGraph` needs beside the text. */
export function constantBlobs(graph: Graph): Resources {
  const blobs = new Map<string, TensorData>();
  collectBlobs(graph, blobs);
  return blobs;
}

function collectBlobs(graph: Graph, blobs: Map<string, TensorData>): void {
  for (const { constant } of graph.values) {
    if (constant !== undefined && !isInline(constant)) blobs.set(constantName(constant), constant);
  }
  for (const op of graph.ops) for (const region of regionsOf(op)) collectBlobs(region.graph, blobs);
}

/** What stands behind the word `constant`, its type included; `name` is the value's. */
export function parseConstant(reader: TextReader, name: string, resources: Resources): Value {
  if (!reader.accept("blob")) return parseInline(reader, name);
  const { start } = reader.peek();
  const digest = reader.string("a digest");
  reader.expect(":");
  const type = parseTensorType(reader);
  const constant = resources.get(digest);
  if (constant === undefined) return { type, name, resource: digest };
  const seen = tensorType(constant.dtype, constant.shape);
  if (!sameType(seen, type)) throw reader.errorAt(start, `the blob is ${showType(seen)}, not ${showType(type)}`);
  return { type, name, constant };
}

function parseInline(reader: TextReader, name: string): Value {
  const { start } = reader.peek();
  const tokens = reader.list("[", "]", () => reader.next());
  reader.expect(":");
  const type = parseTensorType(reader);
  const count = elementCount(type.shape) * slotsPerElement(type.dtype);
  if (tokens.length !== count) {
    throw reader.errorAt(start, `expected ${count} elements for ${showType(type)}, found ${tokens.length}`);
  }
  return {
    type,
    name,
    constant: { dtype: type.dtype, shape: type.shape, elements: parseElements(reader, type, tokens) },
  };
}

function parseElements(reader: TextReader, { dtype, shape }: TensorType, tokens: readonly Token[]): Elements {
  const elements = allocateElements(dtype, elementCount(shape));
  for (const [i, token] of tokens.entries()) setElement(elements, i, parseElement(reader, token, dtype));
  return elements;
}

function parseElement(reader: TextReader, token: Token, dtype: DType): number | bigint | string {
  const value = parseScalar(reader, token, dtype);
  if (!isSmallFloat(dtype)) return value;
  return encodeSmallFloat(dtype, Number(value), { saturate: false, round: "nearest" });
}
