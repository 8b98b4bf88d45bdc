/** The version of this wsc: that of its package. */
import { existsSync, readFileSync } from "node:fs";

/** package.json seen from the sources and from what is built of them. */
const places = ["../package.json", "../../package.json"] as const;

export function wscVersion(): string {
  const file = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url));
  if (file === undefined) throw new Error("internal: package.json is missing");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
