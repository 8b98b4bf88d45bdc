/** JSON that tells all numbers apart: for keys of data that may hold -0, NaN, infinities or bigints. */
export const exactJson = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => exactValue(part));

/** A value that JSON keeps: it loses bigint, NaN, infinities and the sign of zero. */
export function exactValue(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "number:-0";
  if (typeof value === "number" && !Number.isFinite(value)) return `number:${value}`;
  return value;
}
