/** What `wsc verify` and `wsc bench` compare with, and how nearly: apart from their bodies, which are loaded when they are called. */
export const peerNames = ["onnxruntime-node", "onnxruntime-web"] as const;
export type PeerName = (typeof peerNames)[number];

/** Runtimes sum in different orders: results of f32 models differ by a few parts in 10^5, deep ones by more. */
export const defaultTolerance = 1e-3;
