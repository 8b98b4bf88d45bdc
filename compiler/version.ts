/** Which wsc this is: the version of its package, and which build of it. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isFileError } from "./files/file-errors.ts";

/** package.json seen from the sources and from what is built of them. */
const places = ["../package.json", "../../package.json"] as const;

export function wscVersion(): string {
  const file = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url));
  if (file === undefined) throw new Error("internal: package.json is missing");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}

let known: Promise<string> | null = null;

/** The digest of the built files (scripts/build.mjs writes it): what is kept of a build is for this one only. Sources that run as they are have none. */
export function buildOfWsc(): Promise<string> {
  known ??= readFile(new URL("../build-digest.txt", import.meta.url), "utf8").catch((error: unknown) => {
    if (isFileError(error)) return "sources";
    throw error;
  });
  return known;
}

/** Version and build as one name, `0.1.0+8be56f139f88`: machines that work together are of one. */
export const wscName = async (): Promise<string> => `${wscVersion()}+${(await buildOfWsc()).slice(0, 12)}`;
