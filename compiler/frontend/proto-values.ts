/** Numbers as onnx-proto gives them: 64-bit integers are objects of two halves (or numbers), absent fields are defaults of the prototype. */
import { fail } from "../../ir/diagnostic.ts";

/** A 64-bit integer as protobufjs holds it. */
export interface Long {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

/**
 * A 64-bit field. onnx-proto's declarations name a type `Long` that they do not bring along, so what comes from them is checked here.
 */
export type WideInteger = unknown;

const isLong = (value: unknown): value is Long =>
  typeof value === "object" && value !== null && "low" in value && "high" in value;

/** The exact value of a signed 64-bit integer; 0 for a field that is absent. */
export function bigintOf(value: WideInteger): bigint {
  if (value === null || value === undefined) return 0n;
  if (typeof value === "number") return BigInt(value);
  if (isLong(value)) return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
  throw new Error(`internal: ${typeof value} is no 64-bit integer`);
}

/** The exact value of an unsigned 64-bit integer. */
export const unsignedOf = (value: WideInteger): bigint => BigInt.asUintN(64, bigintOf(value));

/** A 64-bit integer that must be exact as a JavaScript number; `what` names it in the message. */
export function safeNumberOf(value: WideInteger, code: "WSC1003" | "WSC1005" | "WSC1007", what: string): number {
  const exact = bigintOf(value);
  const number = Number(exact);
  if (Number.isSafeInteger(number)) return number;
  throw fail(code, `${what} is ${exact}, out of range`);
}

/** A 64-bit integer in the form that protobufjs writes. */
export const longOf = (value: bigint): Long => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned: false,
});

/** True when a message has a field of its own (not the prototype's default). */
export const has = (message: object, field: string): boolean => Object.hasOwn(message, field);

const utf8 = new TextDecoder();

/** Text of a bytes field. */
export const textOfBytes = (bytes: Uint8Array | null | undefined): string =>
  bytes === null || bytes === undefined ? "" : utf8.decode(bytes);
