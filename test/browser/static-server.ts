/** Serves folders over loopback, as a web server would serve a deployed program. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
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

/** Serves `/<prefix>/…` from a folder each, and `/` as the given page. */
export async function serve(folders: ReadonlyMap<string, string>, page: string): Promise<StaticServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    void contentOf(pathname, folders, page).then((content) => {
      if (content === null) response.writeHead(404).end();
      else response.writeHead(200, { "content-type": typeOf(pathname) }).end(content);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}/`, requests, close: () => closed(server) };
}

const typeOf = (pathname: string): string => contentTypes[path.extname(pathname) || ".html"] ?? "text/plain";

async function contentOf(
  pathname: string,
  folders: ReadonlyMap<string, string>,
  page: string,
): Promise<Buffer | string | null> {
  if (pathname === "/") return page;
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
