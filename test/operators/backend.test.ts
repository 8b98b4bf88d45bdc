/**
 * The ONNX project's own node tests, where they are at hand: WSC_ONNX_BACKEND is the folder that they were unpacked to. Without it this
 * suite is skipped, and says so.
 */
import { describe, expect, it } from "@jest/globals";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { difference, runBackendCase } from "./backend-cases.ts";
import { tensor } from "./node-case.ts";

const root = process.env["WSC_ONNX_BACKEND"] ?? "";
const nodes = path.join(root, "node");
const isThere = root !== "" && existsSync(nodes);

/** Operators whose cases must all pass: the families of this folder's tests. */
const families =
  /^test_(abs|acos|acosh|add|and|argmax|argmin|asin|asinh|atan|atanh|attention|averagepool|basic_conv|batchnorm|bitshift|bitwise|cast|castlike|causal_conv|ceil|celu|clip|conv|convinteger|convtranspose|cos|cosh|deform_conv|div|dropout|einsum|elu|equal|erf|exp|floor|gelu|gemm|globalaveragepool|globalmaxpool|greater|group_normalization|hardmax|hardsigmoid|hardswish|identity|instancenorm|isinf|isnan|l1normalization|l2normalization|layer_normalization|leakyrelu|less|linear_attention|log|logsoftmax|lppool|lrn|matmul|max|maxpool|maxunpool|mean|min|mish|mod|mul|mvn|neg|not|or|pow|prelu|reciprocal|reduce|relu|rms_normalization|rotary_embedding|round|selu|shrink|sigmoid|sign|sin|sinh|softmax|softplus|softsign|sqrt|sub|sum|swiglu|swish|tan|tanh|thresholdedrelu|where|xor)(_|$)/;

/** Cases whose inputs are sequences or optionals, which the helper does not read. */
const withoutTensors: ReadonlySet<string> = new Set(["test_identity_opt", "test_identity_sequence"]);

describe("the backend tests' comparison", () => {
  it("finds differences of type, shape and value", () => {
    const x = tensor([2], [1, NaN]);
    expect(difference(x, tensor([2], [1.0005, NaN]))).toBeNull();
    expect(difference(x, tensor([2], [1.01, NaN]))).toContain("at 0");
    expect(difference(x, tensor([2], [1, 0]))).toContain("at 1");
    expect(difference(x, tensor([1, 2], [1, NaN]))).toContain("f32[1,2]");
    expect(difference(tensor([1], [1], "i64"), tensor([1], [2], "i64"))).toContain("at 0");
  });
});

if (isThere) {
  const cases = readdirSync(nodes).filter((name) => families.test(name) && !withoutTensors.has(name));
  describe("ONNX backend node tests", () => {
    it.each(cases)("%s", async (name) => {
      expect(await runBackendCase(path.join(nodes, name))).toBeNull();
    });
  });
} else {
  console.warn("the ONNX backend tests are not run: WSC_ONNX_BACKEND names no folder that has them");
  it.skip("ONNX backend node tests", () => undefined);
}
