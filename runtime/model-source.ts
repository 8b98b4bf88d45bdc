/** What a session is made from: a location, or bytes in the forms that onnxruntime's API takes. */
import { fail } from "../ir/diagnostic.ts";

const kindOf = (value: unknown): string => Object.prototype.toString.call(value);

/** True for buffers of any realm, shared ones as well. */
export const isBuffer = (value: unknown): value is ArrayBufferLike =>
  /^\[object (?:Shared)?ArrayBuffer\]$/.test(kindOf(value));

/** A location, or all bytes of a model. Throws WSC7007 for what is neither, or for a range outside of the buffer. */
export function modelSource(source: unknown, byteOffset = 0, byteLength?: number): string | URL | Uint8Array {
  if (typeof source === "string" || source instanceof URL) return source;
  if (kindOf(source) === "[object Uint8Array]") return plainBytes(source as Uint8Array);
  if (!isBuffer(source)) throw fail("WSC7007", "a session is made from a path, a URL, a Uint8Array or an ArrayBuffer");
  const begin = within("byteOffset", byteOffset, source.byteLength);
  return new Uint8Array(
    source,
    begin,
    within("byteLength", byteLength ?? source.byteLength - begin, source.byteLength - begin),
  );
}

/** Of this realm and of no class made of Uint8Array: `slice` of a Buffer copies nothing. */
const plainBytes = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function within(name: string, value: unknown, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number;
  throw fail("WSC7007", `${name}: ${String(value)} is no integer from 0 to ${most}`);
}
