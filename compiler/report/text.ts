/** Text for reports: escaped, and numbers as people write them. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Makes control and bidi characters visible, which could disguise a name. */
export const visible = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Makes text safe in the content and in quoted attributes of HTML and SVG; line breaks stay. */
export const escapeHtml = (text: string): string =>
  text
    .split("\n")
    .map(visible)
    .join("\n")
    .replace(/[&<>"']/g, (character) => entities[character] ?? "");

/** A name cut in the middle to at most `length` characters, unescaped. */
export function shorten(name: string, length: number): string {
  if (name.length <= length) return name;
  const head = Math.ceil((length - 1) / 2);
  return `${name.slice(0, head)}…${name.slice(name.length - (length - 1 - head))}`;
}

/** 16767 -> `16,767`. */
export const count = (value: number): string => Math.round(value).toLocaleString("en-US");

/** Three significant digits at least, all digits of the integer part. */
export function number(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const digits = Math.max(0, Math.min(3, 2 - magnitude));
  return value.toLocaleString("en-US", { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

const scaled = (value: number, units: readonly (readonly [number, string])[]): string => {
  const [size, unit] = units.find(([least]) => Math.abs(value) >= least) ?? units.at(-1) ?? [1, ""];
  return `${number(value / size)} ${unit}`;
};

/** Seconds with the unit that suits. */
export const duration = (seconds: number): string =>
  scaled(seconds, [
    [1, "s"],
    [1e-3, "ms"],
    [1e-6, "µs"],
    [1e-9, "ns"],
  ]);

/** Bytes with binary units. */
export const bytes = (value: number): string =>
  scaled(value, [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
    [1, "B"],
  ]);

/** 0.0123 -> `1.2%`. */
export const percent = (ratio: number): string => `${(100 * ratio).toFixed(ratio !== 0 && ratio < 0.1 ? 2 : 1)}%`;

/** Operations with decimal units. */
export const operations = (value: number): string =>
  scaled(value, [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
    [1, ""],
  ]);
