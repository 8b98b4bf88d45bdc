/** Arrays of zeros in the shape of the parameters. */
export const zerosLike = (parameters) =>
  Object.fromEntries(Object.entries(parameters).map(([name, array]) => [name, new Float32Array(array.length)]));

/** Adam over named arrays, in place: call what this returns with the gradients and a learning rate. */
export function adam(parameters) {
  const [mean, square] = [zerosLike(parameters), zerosLike(parameters)];
  let step = 0;
  return (gradients, learningRate) => {
    step++;
    const correction = Math.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step);
    for (const [name, values] of Object.entries(parameters)) {
      const [m, s, g] = [mean[name], square[name], gradients[name]];
      for (let i = 0; i < values.length; i++) {
        m[i] += 0.1 * (g[i] - m[i]);
        s[i] += 0.001 * (g[i] * g[i] - s[i]);
        values[i] -= (learningRate * correction * m[i]) / (Math.sqrt(s[i]) + 1e-8);
      }
    }
  };
}
