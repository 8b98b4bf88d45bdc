/**
 * What differs between Node and browsers: reading files. Node's modules come from `process.getBuiltinModule`, so that bundlers for the browser
 * find no import to follow.
 */
import { fail, WscError } from "../ir/diagnostic.ts";

type Builtins = {
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:os": typeof import("node:os");
  readonly "node:path": typeof import("node:path");
  readonly "node:url": typeof import("node:url");
  readonly "node:v8": typeof import("node:v8");
  readonly "node:worker_threads": typeof import("node:worker_threads");
  readonly "node:zlib": typeof import("node:zlib");
};

/** A module of Node's, or undefined elsewhere. */
export function nodeModule<K extends keyof Builtins>(name: K): Builtins[K] | undefined {
  const host = (globalThis as { readonly process?: { readonly getBuiltinModule?: (name: string) => unknown } }).process;
  return host?.getBuiltinModule?.(name) as Builtins[K] | undefined;
}

export const isNode = (): boolean => nodeModule("node:fs/promises") !== undefined;

/** Reads a whole file: a path or file URL in Node, anything that fetch takes in a browser. */
export async function readBytes(location: string | URL): Promise<Uint8Array> {
  const local = localFile(location);
  if (local !== null) return local.fs.readFile(local.path).catch(cannotRead(location));
  const body = (await fetchFile(location)).arrayBuffer();
  return new Uint8Array(await body.catch(cannotRead(location)));
}

/** Node's file functions, with a location as they take it; null for what has to be fetched. */
export function localFile(
  location: string | URL,
): { readonly fs: Builtins["node:fs/promises"]; readonly path: string | URL } | null {
  const fs = nodeModule("node:fs/promises");
  const url = asUrl(location);
  return fs === undefined || (url !== null && url.protocol !== "file:") ? null : { fs, path: url ?? location };
}

/** Fetches a file; its body may still be on its way. */
export async function fetchFile(location: string | URL): Promise<Response> {
  const response = await fetch(location).catch(cannotRead(location));
  if (response.ok) return response;
  await response.body?.cancel();
  throw fail("WSC1001", `cannot fetch ${String(location)}: ${response.status} ${response.statusText}`);
}

/** Makes a diagnostic of what a failed read throws; one that is a diagnostic already stays as it is. */
export function cannotRead(location: string | URL): (error: unknown) => never {
  return (error) => {
    if (error instanceof WscError) throw error;
    const { code, message } = error as Partial<NodeJS.ErrnoException>;
    throw fail("WSC1001", `cannot read ${String(location)}: ${code ?? message ?? "unknown error"}`);
  };
}

/** True for a folder that can be listed (Node only; a browser cannot tell). */
export async function isDirectory(location: string | URL): Promise<boolean> {
  const fs = nodeModule("node:fs/promises");
  if (fs === undefined) return false;
  const url = asUrl(location);
  try {
    return (await fs.stat(url ?? location)).isDirectory();
  } catch {
    return false;
  }
}

/** The location of a file inside a folder. */
export function within(folder: string | URL, file: string): string | URL {
  const path = nodeModule("node:path");
  const url = asUrl(folder);
  if (url !== null) return new URL(file, url.href.endsWith("/") ? url : `${url.href}/`);
  if (path !== undefined) return path.join(String(folder), file);
  const text = String(folder);
  return text.endsWith("/") ? text + file : `${text}/${file}`;
}

/** The location of a relative path beside a file; null for a path that is not relative. */
export function sibling(file: string | URL, relative: string): string | URL | null {
  if (asUrl(relative) !== null || /^([/\\]|[a-z]:)/i.test(relative)) return null;
  const url = asUrl(file);
  return url === null ? String(file).replace(/[^/\\]*$/, "") + relative : new URL(relative, url);
}

/** A URL if `location` is one ("http://…", "file:…"); null for a plain path (also "C:\…"). */
function asUrl(location: string | URL): URL | null {
  if (location instanceof URL) return location;
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? new URL(location) : null;
}
