/** Digests of sweeps: SHA-256, since stores and queues are shared with machines that are not trusted to say what a file is. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { readJson } from "../../../ir/json-reader.ts";

/** 64 hex digits. */
export type Digest = string;

export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

export const digestOf = (bytes: string | Uint8Array): Digest => createHash("sha256").update(bytes).digest("hex");

/** The digest of a file, read piece by piece. */
export async function digestOfFile(file: string): Promise<Digest> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** JSON with sorted keys: equal values have equal text. */
export const canonicalJson = (value: unknown): string => JSON.stringify(readJson(value, ""));
