/** Threads take units of a stage at the same time: no two units may write the same byte, be it of the result or of common scratch. */

/** Bytes compared at most for one stage: larger ones are left to other tests. */
const comparedBytes = 2 ** 22;

/**
 * Runs each unit by itself from the same memory and throws when two change the same byte; leaves the memory as it was.
 * `own` are work areas of a call.
 */
export function expectUnitsApart(
  memory: Uint8Array,
  units: number,
  run: (begin: number, end: number) => void,
  subject: string,
  own: readonly { readonly address: number; readonly byteLength: number }[] = [],
): void {
  if (units < 2 || units * memory.length > comparedBytes) return;
  const before = memory.slice();
  const writer = new Int32Array(memory.length).fill(-1);
  for (let unit = 0; unit < units; unit++) {
    run(unit, unit + 1);
    for (const { address, byteLength } of own) memory.set(before.subarray(address, address + byteLength), address);
    for (let at = 0; at < memory.length; at++) {
      if (memory[at] === before[at]) continue;
      const other = writer[at] ?? -1;
      if (other >= 0) throw new Error(`units ${other} and ${unit} of ${subject} both write byte ${at}`);
      writer[at] = unit;
    }
    memory.set(before);
  }
}
