/** Names of what a plan may be asked for. */

export const planObjectives = ["latency", "throughput", "wafers"] as const;
export type PlanObjective = (typeof planObjectives)[number];

export const planModes = ["auto", "resident", "pipeline", "stream"] as const;
export type PlanMode = Exclude<(typeof planModes)[number], "auto">;
