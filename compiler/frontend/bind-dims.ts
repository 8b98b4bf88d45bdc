/** Values of symbolic dims: those that the user says, and those that follow from the shapes of the inputs given. */
import { fail, showName } from "../../ir/diagnostic.ts";
import type { ValueType } from "../../ir/graph.ts";
import { isForScalar, showShape, showType } from "../../ir/types.ts";
import type { OnnxType, OnnxValueInfo } from "./onnx.ts";
import { boundDims, type DimBindings, valueTypeOf } from "./types.ts";

/** What the caller knows of inputs, by name. */
export interface GivenTypes {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly types: ReadonlyMap<string, ValueType>;
  /** dims that the caller says, by name */
  readonly dims: DimBindings;
}

const inputSubject = (name: string): string => `input "${showName(name)}"`;

/**
 * Binds the symbols in the declared shapes of inputs. A symbol that stands for two sizes says nothing and stays open. WSC7002 when a given
 * shape contradicts a declared number, or a size that the user said.
 */
export function bindDims(inputs: readonly OnnxValueInfo[], given: GivenTypes): DimBindings {
  const { dims: said } = given;
  for (const [symbol, size] of said) {
    if (!Number.isSafeInteger(size) || size < 0)
      throw fail("WSC2005", `dim "${showName(symbol)}" is ${size}, must be a size`);
  }
  const known = new Set(inputs.map(({ name }) => name));
  for (const name of [...given.shapes.keys(), ...given.types.keys()]) {
    if (!known.has(name)) throw fail("WSC7003", `the model has no input "${showName(name)}"`);
  }
  const sizes = new Map<string, Set<number>>();
  for (const { name, type } of inputs) {
    const shape = given.shapes.get(name) ?? staticShape(given.types.get(name));
    if (shape === undefined || type === null) continue;
    for (const [symbol, size] of sizesOf(name, type, shape, said))
      sizes.set(symbol, (sizes.get(symbol) ?? new Set()).add(size));
  }
  const agreed = [...sizes].flatMap(([symbol, [size, ...others]]): [string, number][] =>
    size === undefined || others.length > 0 ? [] : [[symbol, size]],
  );
  return new Map([...agreed, ...said]);
}

const staticShape = (type: ValueType | undefined): readonly number[] | undefined =>
  type?.kind === "tensor" ? type.shape : undefined;

/** What the symbols of one input stand for, as it is given. */
function sizesOf(
  name: string,
  type: OnnxType,
  shape: readonly number[],
  said: DimBindings,
): readonly (readonly [string, number])[] {
  if (type.kind !== "tensor")
    throw fail("WSC7002", `it is a ${type.kind}, not a tensor`, { subject: inputSubject(name) });
  const { dims } = type;
  if (dims === null || isForScalar(dims.length)) return [];
  const contradiction = (where: string): Error => {
    const declared = `the model says [${dims.map((dim) => dim ?? "?").join(",")}]`;
    return fail("WSC7002", `its shape is ${showShape(shape)}, ${declared}${where}`, { subject: inputSubject(name) });
  };
  if (dims.length !== shape.length) throw contradiction("");
  const bound = boundDims(dims, said, name) ?? [];
  return shape.flatMap((size, axis): [string, number][] => {
    const [dim, expected = size] = [dims[axis], bound[axis]];
    if (typeof expected === "string") return [[expected, size]];
    if (expected !== size)
      throw contradiction(typeof dim === "string" ? `, where ${showName(dim)} is ${expected}` : "");
    return [];
  });
}

/** The type of an input: as given, or as declared with the symbols bound; WSC7002 when a given element type is another. */
export function inputType({ name, type }: OnnxValueInfo, given: GivenTypes, bindings: DimBindings): ValueType {
  const subject = inputSubject(name);
  const known = given.types.get(name);
  if (type === null) {
    if (known !== undefined) return known;
    throw fail("WSC2004", "the model does not declare its type", { subject });
  }
  // elements of a sequence have sizes of their own, whatever a dim's name stands for elsewhere
  const declared = valueTypeOf(type, type.kind === "tensor" ? bindings : given.dims, name);
  const shape = given.shapes.get(name);
  const actual =
    known ?? (shape === undefined || type.kind !== "tensor" ? declared : { kind: "tensor", dtype: type.dtype, shape });
  // of a sequence at hand only its elements so far are known: what the model declares says more
  if (declared.kind !== "tensor" && declared.kind !== "dynamic" && actual.kind === declared.kind) return declared;
  if (isSameKind(declared, actual)) return actual;
  throw fail("WSC7002", `it is given as ${showType(actual)}, the model says ${showType(declared)}`, { subject });
}

function isSameKind(a: ValueType, b: ValueType): boolean {
  const isTensor = (type: ValueType): type is Extract<ValueType, { readonly dtype: unknown }> =>
    type.kind === "tensor" || type.kind === "dynamic";
  if (isTensor(a) && isTensor(b)) return a.dtype === b.dtype;
  return a.kind === b.kind;
}
