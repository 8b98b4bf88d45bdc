/** What a file that is no model may be instead: the mistakes that happen in practice, told by the first bytes. */
import { fail } from "../../ir/diagnostic.ts";

interface Lookalike {
  readonly starts: string;
  readonly what: string;
  readonly hint?: string;
}

const lookalikes: readonly Lookalike[] = [
  {
    starts: "version https://git-lfs",
    what: "a Git LFS pointer, not the model itself",
    hint: "fetch the file with `git lfs pull`",
  },
  {
    starts: "PK\x03\x04",
    what: "a zip archive (a PyTorch checkpoint, perhaps), not an ONNX model",
    hint: "export it with torch.onnx.export",
  },
  { starts: "\x89HDF", what: "an HDF5 file (a Keras model, perhaps), not an ONNX model" },
  { starts: "\x1f\x8b", what: "a gzip archive, not an ONNX model", hint: "unpack it first" },
  { starts: "<!DOCTYPE", what: "an HTML page, not an ONNX model", hint: "the download may have failed" },
  { starts: "<html", what: "an HTML page, not an ONNX model", hint: "the download may have failed" },
  { starts: "ORTM", what: "a model in onnxruntime's own format, not an ONNX model" },
];

const isPrintable = (byte: number): boolean => (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13;

/** Bytes from the start of a file that tell. */
export const lookalikeBytes = 64;

/** Throws WSC1002 for files that are evidently something else. */
export function refuseLookalikes(bytes: Uint8Array): void {
  if (bytes.length === 0) throw fail("WSC1002", "the file is empty");
  const head = bytes.subarray(0, lookalikeBytes);
  const text = String.fromCharCode(...head);
  const known = lookalikes.find(({ starts }) => text.slice(starts === "ORTM" ? 4 : 0).startsWith(starts));
  if (known !== undefined) throw fail("WSC1002", `the file is ${known.what}`, { hint: known.hint });
  if (head.every(isPrintable)) {
    throw fail("WSC1002", "the file is text, not an ONNX model (a binary protobuf file)");
  }
}
