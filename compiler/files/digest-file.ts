/** Digests of files on this machine. */
import { open } from "node:fs/promises";
import { pieceBytes, StreamDigest } from "../../runtime/digest/digest.ts";

/** The digest of a file, read piece by piece. */
export async function digestOfFile(file: string): Promise<string> {
  const digest = new StreamDigest();
  const buffer = new Uint8Array(pieceBytes);
  const handle = await open(file);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return digest.finish();
      digest.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
