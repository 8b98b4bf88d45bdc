/**
 * The manifest of a compiled folder: the files that wsc wrote there, with sizes and digests. By it the runtime finds what was altered, and
 * the compiler knows what it may replace.
 */
import { fail } from "./diagnostic.ts";
import {
  JsonMismatch,
  layoutJson,
  type Reader,
  readArray,
  readInteger,
  readObject,
  readString,
} from "./json-reader.ts";

export const manifestFile = "manifest.json";

const manifestFormat = "wsc program";
const manifestVersion = 1;

export interface ManifestEntry {
  /** the file's name; a compiled folder has no folders in it */
  readonly file: string;
  readonly bytes: number;
  readonly digest: string;
}

/** The files of a folder, all but the manifest itself, in the order of their names. */
export type Manifest = readonly ManifestEntry[];

export function printManifest(manifest: Manifest): string {
  const files = manifest.toSorted((a, b) => (a.file < b.file ? -1 : 1));
  return layoutJson({ format: manifestFormat, version: manifestVersion, files });
}

/** The manifest of a text; throws WSC7004, with the file's name, when it is none or one of another version. */
export function parseManifest(text: string): Manifest {
  try {
    const { files } = readDocument(JSON.parse(text), "");
    if (new Set(files.map(({ file }) => file)).size < files.length)
      throw new JsonMismatch("files", "name one file twice");
    return files;
  } catch (error) {
    if (!(error instanceof JsonMismatch || error instanceof SyntaxError)) throw error;
    throw fail("WSC7004", error.message, { subject: manifestFile, hint: "compile the model again" });
  }
}

const readFileName: Reader<string> = (value, path) => {
  const name = readString(value, path);
  if (!isPlainName(name)) throw new JsonMismatch(path, "is not a plain file name");
  return name;
};

/** True for a name that leads nowhere else and is no hidden file. */
const isPlainName = (name: string): boolean => /^[\w][\w.-]*$/.test(name) && name !== manifestFile;

const readDigest: Reader<string> = (value, path) => {
  const digest = readString(value, path);
  if (!/^w128:[0-9a-f]{32}$/.test(digest)) throw new JsonMismatch(path, "is not a digest");
  return digest;
};

const readExactly =
  <T extends string | number>(expected: T): Reader<T> =>
  (value, path) => {
    if (value === expected) return expected;
    const found = value === undefined ? "missing" : JSON.stringify(value);
    throw new JsonMismatch(path, `is ${found}, and this wsc reads ${JSON.stringify(expected)}`);
  };

const readDocument = readObject({
  format: readExactly(manifestFormat),
  version: readExactly(manifestVersion),
  files: readArray(
    readObject<ManifestEntry>({
      file: readFileName,
      bytes: readInteger(0, Number.MAX_SAFE_INTEGER),
      digest: readDigest,
    }),
  ),
});
