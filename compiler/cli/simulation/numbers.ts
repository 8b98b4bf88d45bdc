/** The numbers of a simulation: what goes in, and how far what comes out is from what it should be. */
import { nth } from "../../../ir/access.ts";
import { fail, showName } from "../../../ir/diagnostic.ts";
import type { BorderLink, ProgramPart } from "../../../ir/fabric/cut.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { SessionValue } from "../../../runtime/ports.ts";
import { artifactFiles } from "../../../runtime/artifact.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { InferenceSession } from "../../../runtime/session.ts";
import { simulateStreams } from "../../../runtime/simulator/stream/run.ts";
import type { ValueOptions } from "../../../runtime/simulator/stream/values.ts";
import { elementsOf } from "../../../runtime/simulator/word/edges.ts";
import { Tensor } from "../../../runtime/tensor.ts";
import { seededRandom } from "../../random.ts";
import { collectFeeds, type FeedArguments } from "../run.ts";
import type { Subject } from "./subject.ts";

/** Numbers for a run, and what it should make of them by output and sample; null: nobody knows. */
export interface Numbers {
  readonly values: ValueOptions;
  readonly expected: ((name: string, sample: number) => Float32Array) | null;
}

/** The inputs that were given, and the host's outputs. */
export async function numbersOfModel(subject: Subject, folder: string, given: FeedArguments): Promise<Numbers> {
  const session = await InferenceSession.create(folder);
  const { feeds } = await collectFeeds(session, given);
  const outputs = await session.run(feeds);
  await session.release();
  const input = (name: string): Float32Array => floatsOf(feeds[name], name);
  return {
    values: { constants: (value) => constantOf(subject, value), inputs: input, pasts: input },
    expected: (name) => floatsOf(outputs[name], name),
  };
}

/** The words over a part's border as a run of the whole program, stream by stream, has them. */
export function numbersOfPart(subject: Subject, part: ProgramPart, { values }: Numbers, samples: number): Numbers {
  const { border, borderInput, borderOutput } = part;
  const taps = border.map(({ x, y, color, side }) => ({ x, y, color, to: side }));
  const { tapped, outputs } = simulateStreams(subject.program, subject.target, { samples, values, taps });
  const wordsOf = (kind: BorderLink["kind"], sample: number): Float32Array =>
    joined(border.flatMap((link, tap) => (link.kind === kind ? [tapped(tap, sample)] : [])));
  return {
    values: {
      ...values,
      inputs: (name, sample) => (name === borderInput ? wordsOf("input", sample) : values.inputs(name, sample)),
    },
    expected: (name, sample) => {
      if (name === borderOutput) return wordsOf("output", sample);
      const whole = outputs.get(name)?.[sample];
      if (whole === undefined) throw new Error(`internal: no output ${name} of sample ${sample}`);
      return outputOfPart(part, name, whole);
    },
  };
}

/** Made-up numbers, for times alone: none of them depends on a number. */
export function madeUpNumbers({ graph, constants }: Subject, part: ProgramPart | null): Numbers {
  const random = seededRandom(1);
  const made = new Map<string, Float32Array>();
  const numbers = (key: string, count: () => number): Float32Array => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = Float32Array.from({ length: count() }, () => random() - 0.5);
    made.set(key, fresh);
    return fresh;
  };
  const sizeOf = (value: ValueId | undefined): number => {
    const type = value === undefined ? undefined : graph.values[value]?.type;
    if (type?.kind !== "tensor") throw new Error("internal: numbers for what is no tensor");
    return elementCount(type.shape);
  };
  const ofInput = (name: string): Float32Array =>
    numbers(`input ${name}`, () => sizeOf(graph.inputs.find((input) => input.name === name)?.value));
  return {
    values: {
      constants: (value) => constants?.get(value) ?? numbers(`constant ${value}`, () => sizeOf(value)),
      inputs: (name) =>
        part !== null && name === part.borderInput
          ? numbers("border", () =>
              part.border.reduce((sum, { kind, words }) => (kind === "input" ? sum + words : sum), 0),
            )
          : ofInput(name),
      pasts: ofInput,
    },
    expected: null,
  };
}

/** Greatest difference of a run's outputs to what was expected, as a share of the largest number of an output. */
export function errorOf(
  outputs: ReadonlyMap<string, readonly Float32Array[]>,
  expected: (name: string, sample: number) => Float32Array,
): number {
  let worst = 0;
  for (const [name, samples] of outputs) {
    for (const [sample, got] of samples.entries()) {
      const wanted = expected(name, sample);
      const largest = wanted.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
      for (const [index, element] of wanted.entries()) {
        const difference = Math.abs(element - (got[index] ?? NaN));
        const share = difference === 0 ? 0 : difference / (largest === 0 ? 1 : largest);
        if (!(share <= worst)) worst = share;
      }
    }
  }
  return worst;
}

/** The elements of an output that leave within a part; zeros for the others, as in the part's own output. */
function outputOfPart(part: ProgramPart, name: string, whole: Float32Array): Float32Array {
  const own = new Float32Array(whole.length);
  for (const { kind, name: edge, elements } of part.program.edges) {
    if (kind !== "output" || edge !== name) continue;
    for (const element of elementsOf(elements)) own[element] = nth(whole, element);
  }
  return own;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function constantOf({ constants }: Subject, value: ValueId): Float32Array {
  if (constants === null)
    throw fail("WSC7004", "the model has more constants than a folder keeps for simulations", {
      subject: artifactFiles.fabric,
      hint: "simulate its times (--level stream), or those of a part (--rect, --layer)",
    });
  const elements = constants.get(value);
  if (elements === undefined) throw new Error(`internal: constant %${value} is not in ${artifactFiles.fabric}`);
  return elements;
}

function floatsOf(value: SessionValue | undefined, name: string): Float32Array {
  if (value instanceof Tensor) {
    const { data } = value;
    if (data instanceof Float32Array) return data;
    // numbers of rows in a table travel as words
    if (data instanceof BigInt64Array || data instanceof Int32Array) return Float32Array.from(data, Number);
  }
  throw fail("WSC7002", `input "${showName(name)}" is no tensor of float32 or of whole numbers`);
}
