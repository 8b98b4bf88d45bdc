/**
 * Typed host bindings of one compiled model: `index.js`, which loads the folder that it lies in, and `index.d.ts` with the model's own
 * input and output names, element types and shapes. Written with ts-morph, which takes half a second to load: hence the lazy require.
 */
import { createRequire } from "node:module";
import type * as TsMorph from "ts-morph";
import type {
  InterfaceDeclarationStructure,
  OptionalKind,
  PropertySignatureStructure,
  StatementStructures,
} from "ts-morph";
import { type DType, dtypeInfo, isBig, type Storage } from "../../ir/dtype.ts";
import type { ValueType } from "../../ir/graph.ts";

/** What bindings say of a model, whether it is compiled for one shape or for all. */
export interface BoundModel {
  readonly inputs: readonly BoundPort[];
  readonly outputs: readonly BoundPort[];
}

interface BoundPort {
  readonly name: string;
  readonly type: ValueType;
}

/** Texts of the two files. */
export interface Bindings {
  readonly js: string;
  readonly dts: string;
}

const arrayTypes: Readonly<Record<Storage, string>> = {
  f32: "Float32Array",
  f64: "Float64Array",
  i8: "Int8Array",
  i16: "Int16Array",
  i32: "Int32Array",
  i64: "BigInt64Array",
  u8: "Uint8Array",
  u16: "Uint16Array",
  u32: "Uint32Array",
  u64: "BigUint64Array",
  string: "readonly string[]",
};

/** Text that may stand inside a doc comment. */
const commentText = (text: string): string => text.replaceAll("*/", "*\\/").replaceAll(/[\r\n]+/g, " ");

/** `readonly [1, 3, 224, 224]`, with `number` for a dim that the program does not fix. */
function shapeType(dims: readonly (number | string)[] | null): string {
  if (dims === null) return "readonly number[]";
  return `readonly [${dims.map((dim) => (typeof dim === "number" ? String(dim) : "number")).join(", ")}]`;
}

function tensorTypeText(dtype: DType, dims: readonly (number | string)[] | null): string {
  const info = dtypeInfo(dtype);
  return `TensorOf<${JSON.stringify(info.ortName)}, ${arrayTypes[info.storage]}, ${shapeType(dims)}>`;
}

/** One element of a map. */
function elementText(dtype: DType): string {
  if (dtype === "string") return "string";
  return isBig(dtype) ? "bigint" : "number";
}

function typeText(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return tensorTypeText(type.dtype, type.shape);
    case "dynamic":
      return tensorTypeText(type.dtype, type.dims);
    case "sequence":
      return `readonly (${typeText(type.element)})[]`;
    case "optional":
      return `${typeText(type.element)} | null`;
    case "map":
      return `Readonly<Record<string, ${elementText(type.value)}>>`;
  }
}

/** `float32 [batch, 3]`: what a person wants to know about a port. */
function typeSummary(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return `${dtypeInfo(type.dtype).ortName} [${type.shape.join(", ")}]`;
    case "dynamic":
      return `${dtypeInfo(type.dtype).ortName} ${type.dims === null ? "of any shape" : `[${type.dims.join(", ")}]`}`;
    case "sequence":
      return `sequence of ${typeSummary(type.element)}`;
    case "optional":
      return `optional ${typeSummary(type.element)}`;
    case "map":
      return `${dtypeInfo(type.value).ortName} by ${dtypeInfo(type.key).ortName}`;
  }
}

const portProperty = (port: BoundPort): OptionalKind<PropertySignatureStructure> => ({
  name: JSON.stringify(port.name),
  type: typeText(port.type),
  isReadonly: true,
  docs: [commentText(typeSummary(port.type))],
});

const nameTuple = (ports: readonly BoundPort[]): string =>
  `readonly [${ports.map((port) => JSON.stringify(port.name)).join(", ")}]`;

const tensorInterface: OptionalKind<InterfaceDeclarationStructure> = {
  name: "TensorOf",
  isExported: true,
  typeParameters: ["Type extends string", "Data", "Shape extends readonly number[]"],
  docs: [
    "Elements in row-major order with their type and shape. A `Tensor` of wsc/runtime is one, and so is a plain object.",
  ],
  properties: [
    { name: "type", type: "Type", isReadonly: true },
    { name: "data", type: "Data", isReadonly: true },
    { name: "dims", type: "Shape", isReadonly: true },
  ],
};

const modelInterface: OptionalKind<InterfaceDeclarationStructure> = {
  name: "Model",
  isExported: true,
  docs: ["The loaded model."],
  properties: [
    { name: "session", type: "InferenceSession", isReadonly: true, docs: ["The untyped session behind it."] },
  ],
  methods: [
    { name: "run", parameters: [{ name: "inputs", type: "Inputs" }], returnType: "Promise<Outputs>" },
    { name: "release", returnType: "Promise<void>", docs: ["Frees its memory and threads."] },
  ],
};

function declarations(tsMorph: typeof TsMorph, program: BoundModel): StatementStructures[] {
  const { StructureKind, VariableDeclarationKind } = tsMorph;
  const constant = (name: string, type: string): StatementStructures => ({
    kind: StructureKind.VariableStatement,
    isExported: true,
    hasDeclareKeyword: true,
    declarationKind: VariableDeclarationKind.Const,
    declarations: [{ name, type }],
  });
  const anInterface = (structure: OptionalKind<InterfaceDeclarationStructure>): StatementStructures => ({
    ...structure,
    kind: StructureKind.Interface,
  });
  const ports = (name: string, doc: string, list: readonly BoundPort[]): StatementStructures =>
    anInterface({ name, isExported: true, docs: [doc], properties: list.map(portProperty) });
  return [
    {
      kind: StructureKind.ImportDeclaration,
      isTypeOnly: true,
      moduleSpecifier: "wsc/runtime",
      namedImports: ["InferenceSession", "SessionOptions"],
    },
    anInterface(tensorInterface),
    ports("Inputs", "What the model takes, by input name.", program.inputs),
    ports("Outputs", "What the model gives, by output name.", program.outputs),
    anInterface(modelInterface),
    constant("inputNames", nameTuple(program.inputs)),
    constant("outputNames", nameTuple(program.outputs)),
    {
      kind: StructureKind.Function,
      name: "load",
      isExported: true,
      hasDeclareKeyword: true,
      docs: ["Loads the model from the folder that this file lies in."],
      parameters: [{ name: "options", type: "SessionOptions", hasQuestionToken: true }],
      returnType: "Promise<Model>",
    },
  ];
}

/** Ports whose element type JavaScript needs to make a Tensor: name, type; others pass as they are. */
const portTable = (ports: readonly BoundPort[]): string => JSON.stringify(ports.map((port) => port.name));

/** The folder that a script lies in, in words that no bundler takes for an asset of its own. */
const ownFolder = `import.meta.url.slice(0, import.meta.url.lastIndexOf("/") + 1)`;

/** The script that loads a program from a folder, which an expression gives the URL of. */
export const loaderText = (
  program: BoundModel,
  folder: string = ownFolder,
): string => `import { InferenceSession, Tensor } from "wsc/runtime";

export const inputNames = ${portTable(program.inputs)};
export const outputNames = ${portTable(program.outputs)};

const toTensor = (name, value) => {
  if (value instanceof Tensor || value === null || Array.isArray(value)) return value;
  if (typeof value !== "object") throw new TypeError(\`input \${JSON.stringify(name)} is \${typeof value}, not a tensor\`);
  try {
    return new Tensor(value.type, value.data, value.dims);
  } catch (error) {
    throw new TypeError(\`input \${JSON.stringify(name)}: \${error.message}\`, { cause: error });
  }
};

/** Loads the model from the folder that this file lies in. */
export async function load(options) {
  const session = await InferenceSession.create(${folder}, options);
  return {
    session,
    async run(inputs) {
      return session.run(Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, toTensor(name, value)])));
    },
    release() {
      return session.release();
    },
  };
}
`;

/** Writes the bindings of a program. */
export function emitBindings(program: BoundModel): Bindings {
  const tsMorph = createRequire(import.meta.url)("ts-morph") as typeof TsMorph;
  const project = new tsMorph.Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { indentationText: tsMorph.IndentationText.TwoSpaces },
  });
  const file = project.createSourceFile("index.d.ts", { statements: declarations(tsMorph, program) });
  return { js: loaderText(program), dts: file.getFullText() };
}
