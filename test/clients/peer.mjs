// The same for `import`.
import peer from "./peer.cjs";

export const { InferenceSession, Tensor, env } = peer;
export default peer;
