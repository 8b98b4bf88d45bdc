/**
 * Malformed and unusual models through a session: what must be refused is refused by a diagnostic that names the fault, what must be
 * accepted runs and gives what was recorded. Nothing fails with an error of JavaScript's or WebAssembly's own.
 */
import { afterAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { WscError } from "../../ir/diagnostic.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { fromTensorData, toTensorData } from "../../runtime/tensor.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { sharedPath } from "../helpers/shared.ts";
import { difference, readTensors } from "./cases.ts";

interface Case {
  readonly id: string;
  readonly must: "refuse" | "accept" | "either";
  /** one of these patterns stands in a good refusal */
  readonly mentions: readonly string[];
}

const archive = sharedPath("conformance/bad.tar.xz");
const scratch = scratchFolder("malformed");
afterAll(scratch.remove);

const inBad = (...names: readonly string[]): string => path.join(scratch.path, "bad", ...names);

function unpack(): readonly Case[] {
  if (archive === null) return [];
  execFileSync("tar", ["xf", archive, "-C", scratch.path]);
  return JSON.parse(readFileSync(inBad("index.json"), "utf8")) as Case[];
}

/** What came of a model: a refusal, or the differences from its recorded outputs. */
type Outcome =
  { readonly kind: "refused"; readonly error: unknown } | { readonly kind: "ran"; readonly faults: readonly string[] };

async function outcomeOf(id: string): Promise<Outcome> {
  try {
    const session = await InferenceSession.create(inBad(id, "model.onnx"));
    const data = inBad(id, "test_data_set_0");
    return { kind: "ran", faults: existsSync(data) ? await compareRun(session, data) : [] };
  } catch (error) {
    return { kind: "refused", error };
  }
}

async function compareRun(session: InferenceSession, data: string): Promise<string[]> {
  const feeds = await readTensors(data, "input", session.inputNames);
  const expected = await readTensors(data, "output", session.outputNames);
  const results = await session.run(Object.fromEntries([...feeds].map(([n, t]) => [n, fromTensorData(t)])));
  return [...expected].flatMap(([name, want]) => {
    const got: unknown = Object.getOwnPropertyDescriptor(results, name)?.value;
    const fault = got instanceof Tensor ? difference(toTensorData(got), want, name) : "is no tensor";
    return fault === null ? [] : [`${name} ${fault}`];
  });
}

function expectDiagnostic(error: unknown, mentions: readonly string[]): void {
  expect(error).toBeInstanceOf(WscError);
  const { diagnostics, message } = error as WscError;
  expect(diagnostics.map(({ code }) => code)).not.toContain("WSC9001");
  // what is said of the fault, not where the file lies
  const said = message.replaceAll(scratch.path, "");
  if (mentions.length > 0) expect(mentions.filter((pattern) => new RegExp(pattern, "i").test(said))).not.toEqual([]);
}

/** The index has them refused; a shape that is declared of an output is a claim, and native onnxruntime runs such models as well. */
const claims: ReadonlySet<string> = new Set(["shape-output-conflict"]);

const cases = unpack().map((entry): Case => (claims.has(entry.id) ? { ...entry, must: "accept" } : entry));
const those = (must: Case["must"]): readonly Case[] => cases.filter((entry) => entry.must === must);

if (archive === null) it.skip("malformed models", () => undefined);
else describe("malformed models", suite);

function suite(): void {
  it("are all there", () => {
    expect(cases).toHaveLength(78);
  });

  it.each(those("refuse"))("refuses $id", async ({ id, mentions }) => {
    const outcome = await outcomeOf(id);
    expect(outcome.kind).toBe("refused");
    if (outcome.kind === "refused") expectDiagnostic(outcome.error, mentions);
  });

  it.each(those("accept"))("runs $id", async ({ id }) => {
    expect(await outcomeOf(id)).toEqual({ kind: "ran", faults: [] });
  });

  it.each(those("either"))("runs $id rightly or says why not", async ({ id, mentions }) => {
    const outcome = await outcomeOf(id);
    if (outcome.kind === "refused") expectDiagnostic(outcome.error, mentions);
    else expect(outcome.faults).toEqual([]);
  });
}
