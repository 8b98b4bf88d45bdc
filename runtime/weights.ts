/**
 * The weights' file, read straight to where the program will look for them: large models are mostly weights, so a copy of them elsewhere would
 * take as long again, and double the peak of memory. Its size is compared with the program's before anything is read.
 */
import { fail } from "../ir/diagnostic.ts";
import { pieceBytes } from "./digest/digest.ts";
import { cannotRead, fetchFile, localFile } from "./platform.ts";

type FileHandle = Awaited<ReturnType<(typeof import("node:fs/promises"))["open"]>>;

type PieceListener = (at: number) => void;

/** An open file of as many bytes as were expected. */
export interface WeightsFile {
  /** fills `target`, which has the expected size, and says where each piece of `pieceBytes` begins that is there; throws when the file turns out to have another size */
  readonly readInto: (target: Uint8Array, onPiece?: PieceListener) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens the file of a program's weights; throws WSC1001 if it cannot be read, WSC7004 if its size is not `byteLength`. */
export async function openWeights(location: string | URL, byteLength: number): Promise<WeightsFile> {
  const local = localFile(location);
  if (local === null) return openRemote(location, byteLength);
  return openLocal(await local.fs.open(local.path).catch(cannotRead(location)), location, byteLength);
}

const wrongSize = (found: string, byteLength: number): Error =>
  fail("WSC7004", `weights.bin has ${found} bytes, the program needs ${byteLength}`);

// ---- files -------------------------------------------------------------------------------------------------------------------------

/** Reads of a piece that are under way at once: while one waits for the disk or for fresh pages of memory, another goes on. */
const lanes = 4;

async function openLocal(handle: FileHandle, location: string | URL, byteLength: number): Promise<WeightsFile> {
  try {
    const { size } = await handle.stat();
    if (size !== byteLength) throw wrongSize(String(size), byteLength);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    readInto: (target, onPiece) => readInLanes(handle, target, onPiece).catch(cannotRead(location)),
    close: () => handle.close(),
  };
}

/** Several readers, each of which takes the next piece; they end together, also when one of them fails. */
async function readInLanes(handle: FileHandle, target: Uint8Array, onPiece?: PieceListener): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    try {
      while (next < target.byteLength) {
        const begin = next;
        next += pieceBytes;
        await readRange(handle, target, begin, Math.min(next, target.byteLength));
        onPiece?.(begin);
      }
    } catch (error) {
      next = target.byteLength;
      throw error;
    }
  };
  const running = Array.from({ length: lanes }, lane);
  await Promise.allSettled(running);
  await Promise.all(running);
}

/** Fills bytes from `begin` to `end` of the target with those of the file. */
async function readRange(handle: FileHandle, target: Uint8Array, begin: number, end: number): Promise<void> {
  for (let at = begin; at < end;) {
    const bytesRead = await readSome(handle, target.subarray(at, end), at);
    if (bytesRead === 0) throw wrongSize(`only ${at}`, target.byteLength);
    at += bytesRead;
  }
}

/** Reads into shared memory too; a host that refuses to, as no standard says that it must, fills a buffer of its own. */
async function readSome(handle: FileHandle, part: Uint8Array, position: number): Promise<number> {
  try {
    return (await handle.read(part, 0, part.byteLength, position)).bytesRead;
  } catch (error) {
    if (part.buffer[Symbol.toStringTag] !== "SharedArrayBuffer") throw error;
    const { buffer, bytesRead } = await handle.read(new Uint8Array(part.byteLength), 0, part.byteLength, position);
    part.set(buffer.subarray(0, bytesRead));
    return bytesRead;
  }
}

// ---- servers -----------------------------------------------------------------------------------------------------------------------

async function openRemote(location: string | URL, byteLength: number): Promise<WeightsFile> {
  const response = await fetchFile(location);
  const close = async (): Promise<void> => {
    if (!response.bodyUsed) await response.body?.cancel();
  };
  const announced = announcedBytes(response);
  if (announced !== null && announced !== byteLength) {
    await close();
    throw wrongSize(String(announced), byteLength);
  }
  return {
    readInto: (target, onPiece) => gather(chunksOf(response), target, onPiece).catch(cannotRead(location)),
    close,
  };
}

/** What a server says of the size, where that is the size of what arrives: pages do not see of another origin's files whether they come compressed. */
function announcedBytes({ headers, type }: Response): number | null {
  const length = headers.get("content-length");
  return length === null || type === "cors" || headers.has("content-encoding") ? null : Number(length);
}

/** A body as it arrives, without the iterator that not all browsers' streams have. */
async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array, void, void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

/** Lays chunks one behind the other. */
async function gather(chunks: AsyncIterable<Uint8Array>, target: Uint8Array, onPiece?: PieceListener): Promise<void> {
  let at = 0;
  let told = 0;
  for await (const chunk of chunks) {
    if (chunk.byteLength > target.byteLength - at) throw wrongSize("more", target.byteLength);
    target.set(chunk, at);
    at += chunk.byteLength;
    for (; told + pieceBytes <= at; told += pieceBytes) onPiece?.(told);
  }
  if (at < target.byteLength) throw wrongSize(`only ${at}`, target.byteLength);
  if (told < at) onPiece?.(told);
}
