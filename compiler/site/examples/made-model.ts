/** Models written by code, from shapes and random weights: nodes one behind the other, each named after its output. */
import { nth } from "../../../ir/access.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode } from "../../frontend/onnx.ts";
import { seededRandom } from "../../random.ts";

export interface ConvShape {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

type Attributes = Readonly<Record<string, number | readonly number[]>>;

const opset = 13;

/** Collects nodes and weights; values are called by name. */
export class ModelWriter {
  readonly #nodes: OnnxNode[] = [];
  readonly #weights = new Map<string, TensorData>();
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  node(opType: string, output: string, inputs: readonly string[], attributes: Attributes = {}): string {
    this.#nodes.push({
      name: `/${output}/${opType}`,
      index: this.#nodes.length,
      domain: "",
      opType,
      overload: "",
      inputs,
      outputs: [output],
      attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attribute(value)])),
    });
    return output;
  }

  /** Uniform weights of variance 2 / `fanIn`, which keeps the size of what passes ReLUs. */
  weight(name: string, shape: readonly number[], fanIn: number): string {
    const elements = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const widest = Math.sqrt(6 / fanIn);
    for (let at = 0; at < elements.length; at++) elements[at] = widest * (2 * this.#next() - 1);
    this.#weights.set(name, { dtype: "f32", shape, elements });
    return name;
  }

  conv(output: string, input: string, { from, to, kernel, stride, pad }: ConvShape): string {
    const fanIn = from * kernel * kernel;
    const weights = [
      this.weight(`${output}.weight`, [to, from, kernel, kernel], fanIn),
      this.weight(`${output}.bias`, [to], 6 * 100),
    ];
    return this.node("Conv", output, [input, ...weights], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  dense(output: string, input: string, from: number, to: number): string {
    const weights = [this.weight(`${output}.weight`, [to, from], from), this.weight(`${output}.bias`, [to], 6 * 100)];
    return this.node("Gemm", output, [input, ...weights], { transB: 1 });
  }

  finish(name: string, inputShape: readonly number[], output: string, outputShape: readonly number[]): OnnxModel {
    const port = (value: string, dims: readonly number[]) =>
      ({ name: value, type: { kind: "tensor", dtype: "f32", dims } }) as const;
    return {
      source: name,
      irVersion: 8,
      opsets: new Map([["", opset]]),
      graph: {
        name,
        nodes: this.#nodes,
        inputs: [port("image", inputShape)],
        outputs: [port(output, outputShape)],
        initializers: this.#weights,
      },
      functions: [],
    };
  }
}

function attribute(value: number | readonly number[]): OnnxAttribute {
  return typeof value === "number"
    ? { kind: "int", value: BigInt(value) }
    : { kind: "ints", value: value.map((item) => BigInt(item)) };
}

/** A LeNet-5 for images of 28 x 28 pixels, with ReLU and max pooling. */
export function lenet(): OnnxModel {
  const model = new ModelWriter(5);
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  const conv1 = model.conv("conv1", "image", { from: 1, to: 6, kernel: 5, stride: 1, pad: 2 });
  const pool1 = model.node("MaxPool", "pool1", [model.node("Relu", "relu1", [conv1])], pool);
  const conv2 = model.conv("conv2", pool1, { from: 6, to: 16, kernel: 5, stride: 1, pad: 0 });
  const pool2 = model.node("MaxPool", "pool2", [model.node("Relu", "relu2", [conv2])], pool);
  let value = model.node("Flatten", "flat", [pool2], { axis: 1 });
  const widths = [400, 120, 84];
  for (const [index, name] of (["fc1", "fc2"] as const).entries()) {
    const dense = model.dense(name, value, nth(widths, index), nth(widths, index + 1));
    value = model.node("Relu", `${name}_relu`, [dense]);
  }
  const logits = model.dense("fc3", value, 84, 10);
  return model.finish("lenet", [1, 1, 28, 28], model.node("Softmax", "digits", [logits], { axis: 1 }), [1, 10]);
}

/** ResNet-18 for images of 224 x 224 pixels (He et al. 2015, table 1), its batch normalizations folded into the convolutions. */
export function resnet18(): OnnxModel {
  const model = new ModelWriter(18);
  const conv1 = model.conv("conv1", "image", { from: 3, to: 64, kernel: 7, stride: 2, pad: 3 });
  const relu1 = model.node("Relu", "relu1", [conv1]);
  const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  let value = model.node("MaxPool", "pool1", [relu1], pool);
  let from = 64;
  for (const [stage, to] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      value = basicBlock(model, `layer${stage + 1}.${block}`, value, { from, to, stride });
      from = to;
    }
  }
  const mean = model.node("GlobalAveragePool", "mean", [value]);
  const logits = model.dense("fc", model.node("Flatten", "flat", [mean], { axis: 1 }), 512, 1000);
  return model.finish("resnet18", [1, 3, 224, 224], logits, [1, 1000]);
}

/** Two convolutions, and the input, or a convolution of it where shapes change, added. */
function basicBlock(
  model: ModelWriter,
  name: string,
  input: string,
  { from, to, stride }: Pick<ConvShape, "from" | "to" | "stride">,
): string {
  const first = model.conv(`${name}.conv1`, input, { from, to, kernel: 3, stride, pad: 1 });
  const relu = model.node("Relu", `${name}.relu1`, [first]);
  const second = model.conv(`${name}.conv2`, relu, { from: to, to, kernel: 3, stride: 1, pad: 1 });
  const isSame = from === to && stride === 1;
  const beside = isSame ? input : model.conv(`${name}.downsample`, input, { from, to, kernel: 1, stride, pad: 0 });
  return model.node("Relu", `${name}.relu2`, [model.node("Add", `${name}.add`, [second, beside])]);
}
