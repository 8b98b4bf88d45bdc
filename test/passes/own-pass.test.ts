/** A user's own pass that breaks the graph is the user's news, and no defect of wsc. */
import { describe, expect, it } from "@jest/globals";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import type { Pass } from "../../compiler/passes/pass.ts";
import { lowerSource } from "../../compiler/compile.ts";
import { digitsModel } from "../helpers/programs.ts";

const dropAll: Pass = { name: "drop-all", summary: "removes every op", run: (graph) => ({ ...graph, ops: [] }) };

describe("own passes", () => {
  it("that leave an invalid graph are named", async () => {
    const { graph } = await lowerSource(digitsModel);
    expect(() => runPasses(graph, { own: [{ after: "dead-code", pass: dropAll }] })).toThrow(
      /^error WSC4001: pass drop-all: it left an invalid graph: error WSC2006/,
    );
  });
});
