/**
 * Damaged files, seeded: bytes of a model, texts of the stages, files of a compiled folder. Whoever reads them gives a value or diagnostics; nothing fails
 * with an error of JavaScript's own, and nothing hangs.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { readArtifact } from "../../compiler/read-artifact.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { parseKernelGraph, printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { parseGraph } from "../../ir/parse.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import { printGraph } from "../../ir/print.ts";
import { parseProgram, printProgram } from "../../ir/program-text.ts";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const seed = 18;
const scratch = scratchFolder("fuzz");
afterAll(scratch.remove);
const folder = path.join(scratch.path, "digits");
const texts = new Map<string, readonly [text: string, parse: (text: string) => unknown]>();

beforeAll(async () => {
  const { graph, kernels, placement, compiled } = await writeProgram(digitsModel, folder, { effortSeconds: 0.05 });
  texts
    .set("graph", [printGraph(graph), parseGraph])
    .set("kernels", [printKernelGraph(kernels), parseKernelGraph])
    .set("placement", [printPlacement(placement), parsePlacement])
    .set("placement.json", [printPlacementJson(placement), parsePlacementJson])
    .set("program.json", [printProgram(compiled.program), parseProgram]);
});

/** A change of what stands at a place, given as a share of the length. */
interface Damage {
  readonly at: number;
  readonly kind: "flip" | "cut" | "repeat" | "insert";
  readonly length: number;
  readonly bytes: Uint8Array;
}

const damages: fc.Arbitrary<readonly Damage[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    kind: fc.constantFrom("flip", "cut", "repeat", "insert"),
    length: fc.integer({ min: 1, max: 40 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function damaged(bytes: Uint8Array, list: readonly Damage[]): Uint8Array {
  return list.reduce<Uint8Array>((whole, { at, kind, length, bytes: put }) => {
    const start = Math.floor(at * whole.length);
    const piece = whole.subarray(start, start + length);
    const [before, behind] = [whole.subarray(0, start), whole.subarray(start + length)];
    switch (kind) {
      case "flip":
        return Buffer.concat([before, piece.map((byte, index) => byte ^ (put[index % put.length] ?? 1)), behind]);
      case "cut":
        return Buffer.concat([before, behind]);
      case "repeat":
        return Buffer.concat([before, piece, piece, behind]);
      case "insert":
        return Buffer.concat([before, put, piece, behind]);
    }
  }, bytes);
}

/** Throws what is no diagnostic. */
const refusal = (error: unknown): void => {
  if (!(error instanceof WscError)) throw error;
  expect(error.diagnostics.length).toBeGreaterThan(0);
  for (const { code, message } of error.diagnostics) {
    expect(code).toMatch(/^WSC(?!9)\d{4}$/);
    expect(message).not.toMatch(/^internal|undefined/);
  }
};

describe("damaged", () => {
  it("models are read and lowered, or refused with diagnostics", async () => {
    const model = readFileSync(digitsModel);
    await fc.assert(
      fc.asyncProperty(damages, async (list) => {
        try {
          const read = await readModel({ name: "damaged.onnx", bytes: damaged(model, list) });
          lowerModel(read, { dims: new Map(), checkOnly: true });
        } catch (error) {
          refusal(error);
        }
      }),
      { seed, numRuns: 150 },
    );
  });

  it.each(["graph", "kernels", "placement", "placement.json", "program.json"])(
    "text of %s is parsed or refused",
    (name) => {
      const [text, parse] = texts.get(name) ?? ["", () => undefined];
      expect(text.length).toBeGreaterThan(100);
      const bytes = new TextEncoder().encode(text);
      fc.assert(
        fc.property(damages, (list) => {
          try {
            parse(new TextDecoder().decode(damaged(bytes, list)));
          } catch (error) {
            refusal(error);
          }
        }),
        { seed, numRuns: 150 },
      );
    },
  );

  it("folders are refused by name, with digests and without", async () => {
    const files = readdirSync(folder).filter((file) => /\.(json|txt|bin|wasm)$/.test(file) && file !== "build.json");
    const copy = path.join(scratch.path, "copy");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), damages, async (file, list) => {
        rmSync(copy, { recursive: true, force: true });
        cpSync(folder, copy, { recursive: true });
        const before = readFileSync(path.join(folder, file));
        const after = damaged(before, list);
        writeFileSync(path.join(copy, file), after);
        const verified = await readArtifact(copy).then(() => "read", refusal);
        if (!before.equals(after) && file !== "manifest.json") expect(verified).toBeUndefined();
        await readArtifact(copy, { verify: false }).catch(refusal);
      }),
      { seed, numRuns: 40 },
    );
  });
});
