/** A progress bar over the stages of the pipeline, on a terminal only; silent in a pipe. */
import { createRequire } from "node:module";
import { type Stage, stages } from "../compile.ts";

export interface StageProgress {
  readonly stage: (stage: Stage) => void;
  /** how much of the current stage is done */
  readonly part: (done: number, of: number) => void;
  readonly stop: () => void;
}

const nothing = (): void => undefined;

export function stageProgress(quiet: boolean): StageProgress {
  if (quiet || !process.stderr.isTTY) return { stage: nothing, part: nothing, stop: nothing };
  const { SingleBar } = createRequire(import.meta.url)("cli-progress") as typeof import("cli-progress");
  const bar = new SingleBar({
    format: "{bar} {stage}",
    stream: process.stderr,
    clearOnComplete: true,
    // a bar that hides the cursor takes the first Ctrl-C to show it again, and the work would go on
    hideCursor: false,
    gracefulExit: false,
  });
  bar.start(stages.length, 0, { stage: "" });
  let current: Stage = "read";
  return {
    stage: (stage) => {
      current = stage;
      bar.update(stages.indexOf(stage), { stage });
    },
    part: (done, of) => {
      bar.update(stages.indexOf(current), { stage: `${current} ${done}/${of}` });
    },
    stop: () => {
      bar.stop();
    },
  };
}
