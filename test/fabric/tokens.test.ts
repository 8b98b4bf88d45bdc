/** A transformer's block from whole numbers of tokens on: rows of a table that stays on the wafer, attention, and a feed-forward part. */
import { describe, expect, it } from "@jest/globals";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { parseFabric } from "../../ir/fabric/parse.ts";
import { printFabric } from "../../ir/fabric/print.ts";
import type { FabricProgram, Step } from "../../ir/fabric/program.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import { f32, i64, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { placed, randomInputs, run, smallTarget, tensor, worstError } from "./placed.ts";

const [tokens, width, inner, words] = [8, 16, 32, 50];

const block: ModelSpec = {
  opset: 20,
  inputs: { ids: i64(1, tokens) },
  outputs: { y: f32(1, tokens, width) },
  initializers: {
    table: tensor(words, width),
    positions: tensor(1, tokens, width),
    g1: tensor(width),
    c1: tensor(width),
    wq: tensor(width, width),
    wk: tensor(width, width),
    wv: tensor(width, width),
    wo: tensor(width, width),
    g2: tensor(width),
    c2: tensor(width),
    w1: tensor(width, inner),
    b1: tensor(inner),
    w2: tensor(inner, width),
    b2: tensor(width),
  },
  nodes: [
    node("Gather", ["table", "ids"], ["e"]),
    node("Add", ["e", "positions"], ["x"]),
    node("LayerNormalization", ["x", "g1", "c1"], ["n1"]),
    node("MatMul", ["n1", "wq"], ["q"]),
    node("MatMul", ["n1", "wk"], ["k"]),
    node("MatMul", ["n1", "wv"], ["v"]),
    node("Transpose", ["k"], ["kt"], { perm: [0, 2, 1] }),
    node("MatMul", ["q", "kt"], ["s"]),
    node("Softmax", ["s"], ["p"]),
    node("MatMul", ["p", "v"], ["a"]),
    node("MatMul", ["a", "wo"], ["o"]),
    node("Add", ["x", "o"], ["x1"]),
    node("LayerNormalization", ["x1", "g2", "c2"], ["n2"]),
    node("MatMul", ["n2", "w1"], ["h"]),
    node("Add", ["h", "b1"], ["hb"]),
    node("Gelu", ["hb"], ["ge"]),
    node("MatMul", ["ge", "w2"], ["m"]),
    node("Add", ["m", "b2"], ["mb"]),
    node("Add", ["x1", "mb"], ["y"]),
  ],
};

/** The program with each lookup of its cores changed. */
const withLookups = (program: FabricProgram, change: (step: Step & { kind: "compute" }) => Step): FabricProgram => ({
  ...program,
  roles: program.roles.map((role) => ({
    ...role,
    tasks: role.tasks.map((task) => ({
      ...task,
      steps: task.steps.map((step) =>
        step.kind === "compute" && step.operation.kind === "lookup" ? change(step) : step,
      ),
    })),
  })),
});

describe("a transformer's block from tokens on", () => {
  it.each(["ops", "fused"] as const)("gives the reference's numbers, layered as %s", async (layering) => {
    const model = await placed(block, smallTarget(30, 24), layering);
    const program = lowerFabric(model);
    expect(verifyFabric(program)).toEqual([]);
    expect(parseFabric(printFabric(program))).toEqual(program);
    const inputs = randomInputs(model.graph, 3);
    const calm = run(program, model, inputs);
    expect(worstError(model, inputs, calm)).toBeLessThan(1e-5);
    expect(run(program, model, inputs, 5).outputs).toEqual(calm.outputs);
  });
});

describe("a lookup", () => {
  const lookup: ModelSpec = {
    opset: 13,
    inputs: { ids: i64(6) },
    outputs: { y: f32(6, 8) },
    initializers: { table: tensor(40, 8) },
    nodes: [node("Gather", ["table", "ids"], ["y"])],
  };

  it("in rows that the table or the core does not have is refused", async () => {
    const program = lowerFabric(await placed(lookup, smallTarget(6, 6)));
    expect(verifyFabric(program)).toEqual([]);
    const beyond = withLookups(program, (step) =>
      step.operation.kind === "lookup"
        ? { ...step, operation: { ...step.operation, size: step.operation.rows - 1 } }
        : step,
    );
    expect(verifyFabric(beyond)[0]?.message).toMatch(/rows 0 to \d+ of a table of \d+/);
    const more = withLookups(program, (step) =>
      step.operation.kind === "lookup"
        ? { ...step, operation: { ...step.operation, rows: step.operation.rows + 1, size: step.operation.size + 1 } }
        : step,
    );
    expect(verifyFabric(more)[0]?.message).toMatch(/words \d+ to \d+ of region \w+, which has \d+/);
  });
});
