/** Values of `--emit`: where the pipeline stops. */
export const emitStages = ["graph", "kernels", "placement", "fabric", "program", "wat", "ilp"] as const;
export type EmitStage = (typeof emitStages)[number];
