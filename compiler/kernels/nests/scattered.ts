/**
 * Ops whose words may have to go anywhere (transposes, gathers, sorting, recurrent nets): elements are dealt out evenly over one loop `e`, and
 * half of all words cross the middle of the rectangle. What has sequential steps waits at each for a word to cross and come back.
 */
import type { Axis, KernelFamily } from "../../../ir/kernel-graph.ts";
import { inputAt, LoopNames, nothing, type OpNest, product, shapeAt, type Sources, wordsOf } from "../nest.ts";

/** What is done to scattered elements. */
interface ScatteredWork {
  readonly family: KernelFamily;
  /** elements that may lie in different cores */
  readonly elements: number;
  readonly flops: number;
  readonly steps: number;
}

function scatteredNest({ family, elements, flops, steps }: ScatteredWork, sources: Sources): OpNest {
  const names = new LoopNames();
  names.add("e", elements);
  const dealt = (size: number): readonly Axis[] =>
    elements > 1 ? [{ kind: "spread", size, loop: "e" }] : [{ kind: "whole", size }];
  return {
    family,
    loops: names.loops,
    reads: sources.inputs.map(({ type }) => dealt(product(type.shape))),
    makes: sources.outputs.map(({ shape }) => dealt(product(shape))),
    flops,
    stage: {
      domain: names.everything(),
      vector: names.known("e"),
      perPoint: { fast: Math.ceil(flops / 2 / elements), slow: 0 },
      perResult: nothing,
      combine: null,
      shuffles: true,
      gathers: [],
      steps,
      codeUnits: 1,
    },
  };
}

/** 32-bit words of the constants, which are spread over cores too. */
const weightWords = ({ inputs }: Sources): number =>
  inputs.reduce((sum, { type, resident }) => (resident ? sum + wordsOf(type) : sum), 0);

const copied = (steps: number, sources: Sources): OpNest => {
  const elements = Math.max(product(shapeAt(sources.outputs, 0)), weightWords(sources), 1);
  return scatteredNest({ family: "dataMovement", elements, flops: 0, steps }, sources);
};

/** Copies whose words come in the order in which they lie in the result: transposes, slices, pads, concatenations. */
export const movementNest = (sources: Sources): OpNest => copied(0, sources);

/** Copies of elements that other data names: an index goes to the core that holds the element, which sends it to where the result lies. */
export const gatheringNest = (sources: Sources): OpNest => copied(1, sources);

/** Work on the elements of the first operand, step by step. */
export function steppedNest(flopsPerElement: number, steps: number, sources: Sources): OpNest {
  const elements = product(inputAt(sources, 0).type.shape);
  return scatteredNest(
    { family: "generic", elements: Math.max(elements, weightWords(sources)), flops: elements * flopsPerElement, steps },
    sources,
  );
}

/** Both matrices are applied at every time step, one step after the other. */
export function recurrentNest(sources: Sources): OpNest {
  const [time = 1, batch = 1] = inputAt(sources, 0).type.shape;
  const matrices = product(inputAt(sources, 1).type.shape) + product(inputAt(sources, 2).type.shape);
  const steps = Math.max(1, time);
  return scatteredNest(
    {
      family: "generic",
      elements: Math.max(matrices, weightWords(sources)),
      flops: 2 * steps * Math.max(1, batch) * matrices,
      steps,
    },
    sources,
  );
}

/** Every row goes down every tree, one level after the other. */
export function forestNest(sources: Sources): OpNest {
  const [rows = 1] = inputAt(sources, 0).type.shape;
  const [trees, nodes] = [1, 2].map((index) => inputAt(sources, index).type.shape[0] ?? 1) as [number, number];
  const depth = Math.ceil(Math.log2(nodes / Math.max(1, trees) + 1));
  const walks = product([rows, trees]);
  return scatteredNest(
    {
      family: "generic",
      elements: Math.max(walks, weightWords(sources)),
      flops: walks * depth,
      steps: Math.max(1, depth),
    },
    sources,
  );
}
