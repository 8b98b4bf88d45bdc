/** `wsc worker --queue URL`. */
import { type Verb, verb } from "./verb.ts";

/** What coordinator and workers have in common. */
export const queueOptions = {
  queue: {
    type: "string",
    requiresArg: true,
    describe: "Redis or Valkey: redis://HOST:PORT, rediss://USER:PASSWORD@HOST:PORT/DB; ?queue=NAME for one of several",
  },
  store: {
    type: "string",
    requiresArg: true,
    describe: "Store of models and results: a shared folder, or s3://BUCKET/PREFIX?endpoint=URL",
  },
} as const;

export const workerVerb: Verb = verb({
  name: "worker",
  describe: "Do jobs of sweeps that are put into a queue",
  positionals: {},
  options: {
    ...queueOptions,
    jobs: {
      alias: "j",
      type: "number",
      requiresArg: true,
      describe: "Threads of this machine (default: as many as it runs)",
    },
    idle: { type: "number", requiresArg: true, describe: "End after so many seconds without a job (default: never)" },
    quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
  },
  examples: [["worker --queue redis://host --store /shared/store", "on any machine that has both"]],
  run: async (given) => (await import("../sweep.ts")).worker(given),
});
