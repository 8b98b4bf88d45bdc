/** Small random models as fast-check draws them: images through chains, residuals, branches and dense blocks; tokens through products, norms and attention. */
import fc from "fast-check";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { f32, type ModelSpec, node, type NodeSpec } from "../helpers/onnx-builder.ts";

/** A part of a model on an image (channels, side) or on rows of features; each takes one value and gives one. */
type Part =
  | { readonly kind: "conv"; readonly channels: number; readonly taps: 1 | 3; readonly stride: 1 | 2 }
  | { readonly kind: "residual"; readonly taps: 1 | 3 }
  | { readonly kind: "branches"; readonly channels: readonly number[] }
  | { readonly kind: "dense"; readonly growth: number; readonly layers: number }
  | { readonly kind: "pool"; readonly op: "MaxPool" | "AveragePool" }
  | { readonly kind: "product"; readonly features: number }
  | { readonly kind: "mixed"; readonly features: number }
  | { readonly kind: "attention"; readonly heads: 1 | 2 }
  | { readonly kind: "normalized" }
  | { readonly kind: "pointwise"; readonly op: "Relu" | "Tanh" | "Sigmoid" };

const channels = fc.integer({ min: 1, max: 9 });
const taps = fc.constantFrom<1 | 3>(1, 3);
const pointwise = fc.record({
  kind: fc.constant("pointwise" as const),
  op: fc.constantFrom("Relu" as const, "Tanh" as const, "Sigmoid" as const),
});

const imageParts: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant("conv" as const), channels, taps, stride: fc.constantFrom<1 | 2>(1, 2) }),
  fc.record({ kind: fc.constant("residual" as const), taps }),
  fc.record({ kind: fc.constant("branches" as const), channels: fc.array(channels, { minLength: 2, maxLength: 4 }) }),
  fc.record({ kind: fc.constant("dense" as const), growth: channels, layers: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    kind: fc.constant("pool" as const),
    op: fc.constantFrom("MaxPool" as const, "AveragePool" as const),
  }),
  pointwise,
);

const tokenParts: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant("product" as const), features: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("mixed" as const), features: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("attention" as const), heads: fc.constantFrom<1 | 2>(1, 2) }),
  fc.record({ kind: fc.constant("normalized" as const) }),
  pointwise,
);

/** The model as it grows: the value that stands last, and its shape. */
class Sketch {
  readonly nodes: NodeSpec[] = [];
  readonly initializers: Record<string, TensorData> = {};
  value = "x";
  shape: readonly number[];

  constructor(shape: readonly number[]) {
    this.shape = shape;
  }

  weight(...dims: number[]): string {
    const name = `w${Object.keys(this.initializers).length}`;
    const count = dims.reduce((product, dim) => product * dim, 1);
    this.initializers[name] = tensorFrom(
      "f32",
      dims,
      Array.from({ length: count }, (_, i) => ((i % 7) - 3) / 8),
    );
    return name;
  }

  add(op: string, inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}): string {
    const name = `v${this.nodes.length}`;
    this.nodes.push(node(op, inputs, [name], attributes, { name: `${op}${this.nodes.length}` }));
    return name;
  }

  conv(from: string, inputs: number, outputs: number, size: 1 | 3, stride: 1 | 2 = 1): string {
    const pad = size >> 1;
    return this.add("Conv", [from, this.weight(outputs, inputs, size, size)], {
      kernel_shape: [size, size],
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
    });
  }

  product(from: string, inputs: number, outputs: number): string {
    return this.add("MatMul", [from, this.weight(inputs, outputs)]);
  }
}

function addPart(sketch: Sketch, part: Part): void {
  const { value } = sketch;
  const [, c = 1, side = 1] = sketch.shape;
  const [rows = 1, d = 1] = sketch.shape;
  switch (part.kind) {
    case "conv": {
      sketch.value = sketch.conv(value, c, part.channels, part.taps, part.stride);
      const left = Math.ceil(side / part.stride);
      sketch.shape = [1, part.channels, left, left];
      return;
    }
    case "residual":
      sketch.value = sketch.add("Add", [sketch.add("Relu", [sketch.conv(value, c, c, part.taps)]), value]);
      return;
    case "branches": {
      const branches = part.channels.map((count, index) => sketch.conv(value, c, count, index % 2 === 0 ? 1 : 3));
      sketch.value = sketch.add("Concat", branches, { axis: 1 });
      sketch.shape = [1, part.channels.reduce((sum, count) => sum + count, 0), side, side];
      return;
    }
    case "dense": {
      let width = c;
      for (let layer = 0; layer < part.layers; layer++) {
        const grown = sketch.conv(sketch.value, width, part.growth, 3);
        sketch.value = sketch.add("Concat", [sketch.value, grown], { axis: 1 });
        width += part.growth;
      }
      sketch.shape = [1, width, side, side];
      return;
    }
    case "pool": {
      if (side < 2) return;
      sketch.value = sketch.add(part.op, [value], { kernel_shape: [2, 2], strides: [2, 2] });
      sketch.shape = [1, c, side >> 1, side >> 1];
      return;
    }
    case "product":
      sketch.value = sketch.product(value, d, part.features);
      sketch.shape = [rows, part.features];
      return;
    case "mixed": {
      const grown = sketch.add("Sigmoid", [sketch.product(value, d, part.features)]);
      sketch.value = sketch.add("Add", [sketch.product(grown, part.features, d), value]);
      return;
    }
    case "attention": {
      const heads = Array.from({ length: part.heads }, () => {
        const [q, k, v] = [sketch.product(value, d, 8), sketch.product(value, d, 8), sketch.product(value, d, 8)];
        const scores = sketch.add("MatMul", [q, sketch.add("Transpose", [k], { perm: [1, 0] })]);
        return sketch.add("MatMul", [sketch.add("Softmax", [scores], { axis: -1 }), v]);
      });
      const joined = heads.length === 1 ? (heads[0] ?? value) : sketch.add("Concat", heads, { axis: 1 });
      sketch.value = sketch.add("Add", [sketch.product(joined, 8 * part.heads, d), value]);
      return;
    }
    case "normalized":
      sketch.value = sketch.add("LayerNormalization", [value, sketch.weight(d), sketch.weight(d)], { axis: -1 });
      return;
    case "pointwise":
      sketch.value = sketch.add(part.op, [value]);
      return;
  }
}

function modelOf(shape: readonly number[], parts: readonly Part[]): ModelSpec {
  const sketch = new Sketch(shape);
  for (const part of parts) addPart(sketch, part);
  return {
    opset: 17,
    inputs: { x: f32(...shape) },
    outputs: { y: f32(...sketch.shape) },
    nodes: [...sketch.nodes, node("Identity", [sketch.value], ["y"])],
    initializers: sketch.initializers,
  };
}

const some = (parts: fc.Arbitrary<Part>): fc.Arbitrary<Part[]> => fc.array(parts, { minLength: 1, maxLength: 6 });

/** Models on images of a few channels. */
export const imageModels: fc.Arbitrary<ModelSpec> = fc
  .tuple(channels, fc.integer({ min: 2, max: 12 }), some(imageParts))
  .map(([count, side, parts]) => modelOf([1, count, side, side], parts));

/** Models on rows of features. */
export const tokenModels: fc.Arbitrary<ModelSpec> = fc
  .tuple(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 2, max: 40 }), some(tokenParts))
  .map(([rows, features, parts]) => modelOf([rows, features], parts));
