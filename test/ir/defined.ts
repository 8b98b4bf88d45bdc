/** A value that a test relies on; throws where it is missing, so that a test cannot pass for want of it. */
export function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the test found nothing where it wanted something");
  return value;
}
