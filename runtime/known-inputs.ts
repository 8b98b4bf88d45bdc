/** What a program was compiled for, as a text: types of inputs, and values where those decide shapes. */
import type { KnownInput } from "./model-compiler.ts";

export function keyOf(known: ReadonlyMap<string, KnownInput>): string {
  const parts = [...known].map(([name, { type, constant }]) => [
    name,
    type,
    constant && Array.from(constant.elements, String),
  ]);
  return JSON.stringify(parts);
}
