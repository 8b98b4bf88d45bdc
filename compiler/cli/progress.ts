/** A progress bar over the stages of the pipeline, on a terminal only; silent in a pipe. */
import { createRequire } from "node:module";
import { type Stage, stages } from "../compile.ts";

export interface StageProgress {
  readonly stage: (stage: Stage) => void;
  readonly stop: () => void;
}

export function stageProgress(quiet: boolean): StageProgress {
  if (quiet || !process.stderr.isTTY) return { stage: () => undefined, stop: () => undefined };
  const { SingleBar } = createRequire(import.meta.url)("cli-progress") as typeof import("cli-progress");
  const bar = new SingleBar({
    format: "{bar} {stage}",
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(stages.length, 0, { stage: "" });
  return {
    stage: (stage) => {
      bar.update(stages.indexOf(stage), { stage });
    },
    stop: () => {
      bar.stop();
    },
  };
}
