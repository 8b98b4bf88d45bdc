/** Walks over the steps of a program. */
import type { Block, Step } from "../ir/program.ts";

/** All steps of a block and of the blocks inside it, in the order of the program. */
export function* stepsIn(block: Block): Generator<Step, void, void> {
  for (const step of block.steps) {
    yield step;
    for (const inner of blocksOf(step)) yield* stepsIn(inner);
  }
}

function blocksOf(step: Step): readonly Block[] {
  switch (step.kind) {
    case "if":
      return [step.then, step.else];
    case "loop":
    case "scan":
      return [step.body];
    case "kernel":
    case "host":
    case "copy":
    case "deferred":
      return [];
  }
}
