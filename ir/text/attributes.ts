/**
 * How each kind's attributes read in text: one row per kind, its fields in the order in which they are printed. The table's type asks for
 * exactly the attributes that ir/graph.ts gives a kind, so a new kind or attribute without its text form does not compile.
 */
import { type Expr } from "../expr.ts";
import {
  type ConvLayout,
  type ForestOp,
  type Graph,
  type Json,
  type Op,
  type OpKind,
  type OpOf,
  type PoolOp,
  type RecurrentOp,
  type ReduceOp,
  type ScatterReduction,
} from "../graph.ts";
import { showShape } from "../types.ts";
import { parseExpr, printExpr } from "./expr.ts";
import { parseJsonObject, printJson } from "./json.ts";
import { type TextReader } from "./lexer.ts";
import { printNumber } from "./scalar.ts";

/** Writes and reads one attribute. */
export interface Codec<T> {
  /** `list`: within `{…}` as `name = value`; `body`: alone within braces; `clause`: after them, its name first, where it has a value */
  readonly place: "list" | "body" | "clause";
  /** a clause that is left out stands for null; without this, for no field at all */
  readonly nullWhenAbsent?: true;
  print(value: T): string;
  parse(reader: TextReader): T;
}

const listed = <T>(print: (value: T) => string, parse: (reader: TextReader) => T): Codec<T> => ({ place: "list", print, parse }); // prettier-ignore

const listOf = <T>(item: Codec<T>): Codec<readonly T[]> =>
  listed(
    (values) => `[${values.map((value) => item.print(value)).join(", ")}]`,
    (reader) => reader.list("[", "]", () => item.parse(reader)),
  );

const words = <T extends string>(...choices: readonly T[]): Codec<T> => listed<T>(String, (reader) => reader.oneOf(choices)); // prettier-ignore

const orNull = <T>(codec: Codec<T>): Codec<T | null> =>
  listed(
    (value) => (value === null ? "null" : codec.print(value)),
    (reader) => (reader.accept("null") ? null : codec.parse(reader)),
  );

const bool = listed<boolean>(String, (reader) => reader.boolean());
const integer = listed<number>(String, (reader) => reader.integer());
const integers = listed<readonly number[]>(showShape, (reader) => reader.list("[", "]", () => reader.integer()));
const number = listed(printNumber, (reader) => reader.number());
const string = listed<string>(JSON.stringify, (reader) => reader.string());
const expr = listed(printExpr, parseExpr);
const jsonObject = listed<{ readonly [key: string]: Json }>(printJson, parseJsonObject);
const body: Codec<Expr> = { place: "body", print: printExpr, parse: parseExpr };
const clause: Codec<Expr | null> = { ...orNull(expr), place: "clause", nullWhenAbsent: true };
const bools = listOf(bool);
const strings = listOf(string);
const exprs = listOf(expr);

const layout = words<ConvLayout>("nchw", "nhwc");
const scatterReduction = words<ScatterReduction>("none", "add", "mul", "min", "max");
const extremum = words("max", "min");
const window = { strides: integers, dilations: integers, padsBegin: integers, padsEnd: integers };

const emptyShapes: Codec<readonly (readonly number[])[]> = { ...listOf(integers), place: "clause" };

/** Fields that every op has, or that stand in the text by other means. */
type CommonField = "kind" | "inputs" | "outputs" | "origin";
type AttributesOf<O> = {
  readonly [F in keyof O as F extends CommonField ? never : O[F] extends Graph ? never : F]: O[F];
};
type Codecs<A> = { readonly [F in keyof A]-?: Codec<A[F]> };

const table: { readonly [K in OpKind]: Codecs<AttributesOf<OpOf<K>>> } = {
  map: { expr: body },
  matmul: { transposeA: bool, transposeB: bool, epilogue: clause },
  quantizedMatmul: { blockSize: integer, epilogue: clause },
  conv: { layout, ...window, groups: integer, epilogue: clause },
  convTranspose: { ...window, outputPadding: integers, groups: integer, epilogue: clause },
  pool: {
    fn: words<PoolOp["fn"]>("max", "average", "lp"),
    layout,
    kernel: integers,
    ...window,
    outputSpatial: integers,
    countPadding: bool,
    p: number,
  },
  reduce: { fn: words<ReduceOp["fn"]>("sum", "mean", "prod", "max", "min"), axes: integers, keepDims: bool },
  argReduce: { fn: extremum, axis: integer, keepDims: bool, selectLast: bool },
  softmax: { axis: integer, log: bool },
  normalize: { axes: integers, epsilon: number, centered: bool },
  reshape: { shape: integers },
  transpose: { perm: integers },
  slice: { starts: integers, sizes: integers, steps: integers },
  pad: { mode: words("constant", "reflect", "edge", "wrap"), before: integers, after: integers },
  concat: { axis: integer },
  gather: { axis: integer },
  gatherElements: { axis: integer },
  gatherND: { batchDims: integer },
  scatterElements: { axis: integer, reduction: scatterReduction },
  scatterND: { reduction: scatterReduction },
  cumulative: { fn: words("sum", "prod"), axis: integer, exclusive: bool, reverse: bool },
  topK: { axis: integer, k: integer, largest: bool },
  recurrent: {
    cell: words<RecurrentOp["cell"]>("lstm", "gru", "rnn"),
    reverse: bool,
    hasLengths: bool,
    activations: exprs,
    clip: orNull(number),
    linearBeforeReset: bool,
    inputForget: bool,
  },
  forest: { fn: words<ForestOp["fn"]>("sum", "min", "max"), targets: integer },
  host: { fn: string, attributes: jsonObject, reason: string },
  if: {},
  loop: { carried: integer, emptyShapes },
  scan: {
    carried: integer,
    scanned: integer,
    inputAxes: integers,
    inputReverse: bools,
    outputAxes: integers,
    outputReverse: bools,
    emptyShapes,
  },
  deferred: { inputNames: strings, outputNames: strings, reason: string, valueInputs: { ...strings, place: "clause" } },
};

interface Field {
  readonly name: string;
  readonly codec: Codec<unknown>;
}

/** The fields of a kind that stand in one place, in order. */
const fieldsAt = (kind: OpKind, place: Codec<unknown>["place"]): readonly Field[] =>
  Object.entries<Codec<unknown>>(table[kind])
    .filter(([, codec]) => codec.place === place)
    .map(([name, codec]) => ({ name, codec }));

const rows = new Map(
  (Object.keys(table) as OpKind[]).map((kind) => [
    kind,
    { list: fieldsAt(kind, "list"), body: fieldsAt(kind, "body"), clauses: fieldsAt(kind, "clause") },
  ]),
);

function rowOf(kind: OpKind): { readonly [part in "list" | "body" | "clauses"]: readonly Field[] } {
  const row = rows.get(kind);
  if (row === undefined) throw new Error(`internal: no op is called ${kind}`);
  return row;
}

/** All kinds of ops. */
export const opKinds: readonly OpKind[] = [...rows.keys()];

/** Regions of a kind, in the order of their text; the names are the op's fields. */
export const regionFields = (kind: OpKind): readonly string[] =>
  kind === "if" ? ["then", "else"] : kind === "loop" || kind === "scan" ? ["body"] : [];

/** ` {axis = 1, log = false}`, ` { max($0, 0:f32) }`, ` epilogue tanh($0)`: what stands between an op's operands and its types. */
export function printAttributes(op: Op): string {
  const { list, body, clauses } = rowOf(op.kind);
  const values = new Map<string, unknown>(Object.entries(op));
  const print = ({ name, codec }: Field): string => codec.print(values.get(name));
  const items = list.map((field) => `${field.name} = ${print(field)}`);
  const given = clauses.filter(({ name }) => (values.get(name) ?? null) !== null);
  return [
    items.length === 0 ? "" : ` {${items.join(", ")}}`,
    ...body.map((field) => ` { ${print(field)} }`),
    ...given.map((field) => ` ${field.name} ${print(field)}`),
  ].join("");
}

/** The attributes of a kind, by field. */
export function parseAttributes(reader: TextReader, kind: OpKind): ReadonlyMap<string, unknown> {
  const { list, body, clauses } = rowOf(kind);
  const values = new Map<string, unknown>();
  for (const [index, { name, codec }] of list.entries()) {
    reader.expect(index === 0 ? "{" : ",");
    reader.expect(name);
    reader.expect("=");
    values.set(name, codec.parse(reader));
  }
  if (list.length > 0) reader.expect("}");
  for (const { name, codec } of body) {
    reader.expect("{");
    values.set(name, codec.parse(reader));
    reader.expect("}");
  }
  for (const { name, codec } of clauses) {
    if (reader.accept(name)) values.set(name, codec.parse(reader));
    else if (codec.nullWhenAbsent === true) values.set(name, null);
  }
  return values;
}
