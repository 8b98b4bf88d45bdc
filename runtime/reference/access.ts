/** Element `index` of a list that is known to have it; negative counts from the end. */
export function nth<T>(list: readonly T[], index: number): T {
  const element = list.at(index);
  if (element === undefined) throw new Error(`internal: no element ${index} in a list of ${list.length}`);
  return element;
}
