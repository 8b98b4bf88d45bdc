/** What a caller wants of a run: which outputs, and the tensors whose arrays shall hold them. */
import { dtypeInfo } from "../ir/dtype.ts";
import { type Diagnostic, diagnostic, fail, showName, WscError } from "../ir/diagnostic.ts";
import { isHostType } from "../ir/graph.ts";
import { nameHint } from "../ir/nearest.ts";
import type { HostValue } from "./host/value.ts";
import type { ModelPort } from "./model-compiler.ts";
import { isTensorLike, type SessionValue, toSessionValue } from "./ports.ts";
import { checkedTensor, copyInto, Tensor } from "./tensor.ts";

/** Outputs by name; null where the runtime makes the tensor. */
export type Fetched = ReadonlyMap<string, Tensor | null>;

/** All outputs, in tensors that the runtime makes. */
export const allOf = (outputs: readonly ModelPort[]): Fetched => new Map(outputs.map(({ name }) => [name, null]));

/** Reads the second argument of `run`: names, or an object with outputs as keys; null for one that names no output, which holds options. */
export function readFetches(fetches: unknown, outputs: readonly ModelPort[]): Fetched | null {
  if (fetches === null) return null;
  if (typeof fetches !== "object" || isTensorLike(fetches)) {
    throw fail("WSC7002", "fetches must be names of outputs, or an object that has them as keys");
  }
  if (Array.isArray(fetches)) return new Map(fetches.map((name: unknown) => [outputName(name, outputs), null]));
  const given = new Map<string, unknown>(Object.entries(fetches));
  const named = outputs.filter(({ name }) => given.get(name) === null || isTensorLike(given.get(name)));
  return named.length === 0 ? null : new Map(named.map((port) => [port.name, target(port, given.get(port.name))]));
}

function outputName(name: unknown, outputs: readonly ModelPort[]): string {
  if (typeof name === "string" && outputs.some((port) => port.name === name)) return name;
  const names = outputs.map((port) => port.name);
  const hint = nameHint(String(name), "outputs", names);
  throw fail("WSC7003", `the model has no output "${showName(String(name))}"`, { hint });
}

/** The tensor that an output shall be written to; its shape is compared when the result is there. */
function target({ name, type }: ModelPort, given: unknown): Tensor | null {
  if (!isTensorLike(given)) return null;
  const subject = `output "${showName(name)}"`;
  const tensor = checkedTensor(given);
  if (isHostType(type)) {
    throw fail("WSC7002", `a ${type.kind} cannot be written to a tensor`, { subject });
  }
  const { ortName } = dtypeInfo(type.dtype);
  if (tensor.type !== ortName) throw fail("WSC7002", `a tensor of ${tensor.type} given for ${ortName}`, { subject });
  return tensor;
}

/** The results that were asked for. Tensors that were given are written to once all of them are known to fit. */
export function takeResults(
  values: ReadonlyMap<string, HostValue>,
  fetched: Fetched,
): ReadonlyMap<string, SessionValue> {
  const results = new Map<string, SessionValue>();
  for (const name of fetched.keys()) {
    const value = values.get(name);
    if (value !== undefined) results.set(name, toSessionValue(value));
  }
  const problems: Diagnostic[] = [];
  for (const [name, given] of fetched) {
    const fault = given === null ? null : misfit(results.get(name), given);
    if (fault !== null) problems.push(diagnostic("error", "WSC7002", fault, { subject: `output "${showName(name)}"` }));
  }
  if (problems.length > 0) throw new WscError(problems);
  for (const [name, given] of fetched) {
    const result = results.get(name);
    if (given === null || !(result instanceof Tensor)) continue;
    copyInto(given, result);
    results.set(name, given);
  }
  return results;
}

function misfit(result: SessionValue | undefined, given: Tensor): string | null {
  if (!(result instanceof Tensor)) return "the result is no tensor";
  if (result.type !== given.type) return `a tensor of ${given.type} given for ${result.type}`;
  const [found, wanted] = [result.dims.join(","), given.dims.join(",")];
  if (found !== wanted) return `a tensor of shape [${wanted}] given for [${found}]`;
  return given.data.length === result.data.length ? null : "the array of the given tensor has been taken away";
}
