/** Progress on a terminal: a bar over the stages of the pipeline, or a line of its own; silent in a pipe. */
import { createRequire } from "node:module";
import type { Placement, PlacementObjective } from "../../ir/placement.ts";
import { type Stage, stages } from "../compile.ts";
import type { SearchOptions } from "../placement/place.ts";

export interface StageProgress {
  readonly stage: (stage: Stage) => void;
  /** how much of the current stage is done */
  readonly part: (done: number, of: number) => void;
  /** what a search tells while it goes on; empty where nobody looks, so that no placement is drawn up for nothing */
  readonly watch: Pick<SearchOptions, "onProgress" | "onFound">;
  readonly stop: () => void;
}

const nothing = (): void => undefined;

const unitOf: Readonly<Record<PlacementObjective, string>> = {
  throughput: "cycles",
  latency: "cycles",
  cores: "cores",
  wire: "hops",
};

const figure = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 });

/** The best placement so far: its objective, what is proven of it, and the gap between them. */
export function foundText({ certificate }: Pick<Placement, "certificate">): string {
  const { kind, value, bound, gap } = certificate.goal;
  return `${figure(value)} ${unitOf[kind]}, bound ${figure(bound)}, gap ${(100 * gap).toFixed(2)} %`;
}

export function stageProgress(quiet: boolean): StageProgress {
  if (quiet || !process.stderr.isTTY) return { stage: nothing, part: nothing, watch: {}, stop: nothing };
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
  let found = "";
  return {
    stage: (stage) => {
      current = stage;
      found = "";
      bar.update(stages.indexOf(stage), { stage });
    },
    part: (done, of) => {
      bar.update(stages.indexOf(current), { stage: `${current} ${done}/${of}` });
    },
    watch: {
      onProgress: (_step, detail) => {
        bar.update(stages.indexOf(current), {
          stage: [current, found, detail].filter((text) => text !== "").join("; "),
        });
      },
      onFound: (placement) => {
        found = foundText(placement);
        bar.update(stages.indexOf(current), { stage: `${current}; ${found}` });
        // the bar leaves out what comes too fast, but not what was found
        bar.render();
      },
    },
    stop: () => {
      bar.stop();
    },
  };
}

export interface LineProgress {
  readonly show: (text: string) => void;
  readonly stop: () => void;
}

/** Milliseconds between two texts of a line. */
const linePause = 200;

/** One line that is written over. */
export function lineProgress(quiet: boolean): LineProgress {
  if (quiet || !process.stderr.isTTY) return { show: nothing, stop: nothing };
  let last = 0;
  return {
    show: (text) => {
      if (Date.now() - last < linePause) return;
      last = Date.now();
      process.stderr.write(`\r${text}\u001b[K`);
    },
    stop: () => {
      if (last > 0) process.stderr.write("\r\u001b[K");
      last = 0;
    },
  };
}
