/** Lists of indices. */

/** 0, 1, … count - 1; an iterator takes ten times as long. */
export function indicesBelow(count: number): Uint32Array {
  const indices = new Uint32Array(count);
  for (let i = 0; i < count; i++) indices[i] = i;
  return indices;
}

/** values[indices[i]] for each i */
export function valuesAt(values: Uint32Array, indices: Uint32Array): Uint32Array {
  const result = new Uint32Array(indices.length);
  for (let i = 0; i < indices.length; i++) result[i] = values[indices[i] as number] as number;
  return result;
}
