/** Serves folders over loopback, as a web server would serve a deployed program. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".bin": "application/octet-stream",
  ".onnx": "application/octet-stream",
};

export interface StaticServer {
  /** such as http://127.0.0.1:41233/ */
  readonly origin: string;
  /** paths that were asked for, in order */
  readonly requests: readonly string[];
  readonly close: () => Promise<void>;
}

/** What a page must say to be isolated from other origins, which browsers ask of those that share memory between threads. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
} as const;

/** Serves `/<prefix>/…` from a folder each, `/` as the given page, and `/isolated` as the same page, isolated. */
export async function serve(folders: ReadonlyMap<string, string>, page: string): Promise<StaticServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    void contentOf(pathname, folders, page).then((content) => {
      if (content === null) response.writeHead(404).end();
      else {
        const headers = pathname === isolatedPath ? isolation : {};
        response.writeHead(200, { "content-type": typeOf(pathname), ...headers }).end(content);
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}/`, requests, close: () => closed(server) };
}

const isolatedPath = "/isolated";

const typeOf = (pathname: string): string => contentTypes[path.extname(pathname) || ".html"] ?? "text/plain";

async function contentOf(
  pathname: string,
  folders: ReadonlyMap<string, string>,
  page: string,
): Promise<Buffer | string | null> {
  if (pathname === "/" || pathname === isolatedPath) return page;
  const [, prefix = "", ...rest] = pathname.split("/");
  const folder = folders.get(prefix);
  if (folder === undefined || rest.includes("..")) return null;
  return readFile(path.join(folder, ...rest)).catch(() => null);
}

function closed(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => {
      done();
    });
    server.closeAllConnections();
  });
}
