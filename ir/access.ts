/** Access to what is known to be there; anything else is a defect of wsc and not of its input. */

/** Element `index` of a list. */
export function nth<T>(list: ArrayLike<T>, index: number): T {
  const element = list[index];
  if (element === undefined) throw new Error(`internal: no element ${index} in a list of ${list.length}`);
  return element;
}

/** A value that is neither null nor undefined. */
export function defined<T>(value: T | null | undefined): T {
  if (value == null) throw new Error("internal: a value is missing");
  return value;
}
