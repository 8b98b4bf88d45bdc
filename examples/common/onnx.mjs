// ONNX models as plain data, for encodeModel of wsc.

/** A node; attributes are numbers (integers), arrays of them, or { float }. Named after its first output. */
export const node = (opType, inputs, outputs, attributes = {}) => ({
  name: outputs[0],
  index: 0,
  domain: "",
  opType,
  overload: "",
  inputs,
  outputs,
  attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attribute(value)])),
});

function attribute(value) {
  if (Array.isArray(value)) return { kind: "ints", value: value.map(BigInt) };
  return typeof value === "number" ? { kind: "int", value: BigInt(value) } : { kind: "float", value: value.float };
}

/** An input or output of the model. */
export const port = (name, dtype, dims) => ({ name, type: { kind: "tensor", dtype, dims } });

/** Weights and constants. */
export const floats = (elements, shape) => ({ dtype: "f32", shape, elements });
export const integers = (...values) => ({
  dtype: "i64",
  shape: [values.length],
  elements: BigInt64Array.from(values, BigInt),
});

export const model = (name, opset, { nodes, inputs, outputs, initializers }) => ({
  source: name,
  irVersion: 8,
  opsets: new Map([["", opset]]),
  graph: { name, nodes, inputs, outputs, initializers: new Map(Object.entries(initializers)) },
  functions: [],
});
