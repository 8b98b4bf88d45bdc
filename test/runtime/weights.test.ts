/** Weights from files and servers: every byte in its place and none beside it, or a diagnostic. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { existsSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { openWeights } from "../../runtime/weights.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("weights");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

/** More than all reads that are under way at once, with a ragged end; no two chunks are alike. */
const size = 21 * 2 ** 20 + 13;
const content = new Uint8Array(size);
for (let i = 0; i < size; i++) content[i] = Math.imul(i, 2_654_435_761) >>> 24;
const file = inScratch("weights.bin");
beforeAll(() => {
  writeFileSync(file, content);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const margin = 64;
const memories = {
  memory: () => new WebAssembly.Memory({ initial: 400, maximum: 400 }),
  "shared memory": () => new WebAssembly.Memory({ initial: 400, maximum: 400, shared: true }),
} as const;

async function load(location: string | URL, memory: WebAssembly.Memory, byteLength = size): Promise<void> {
  const weights = await openWeights(location, byteLength);
  try {
    await weights.readInto(new Uint8Array(memory.buffer, margin, byteLength));
  } finally {
    await weights.close();
  }
}

/** The file lies behind the margin, and nothing else was touched. */
function expectContent(memory: WebAssembly.Memory): void {
  const bytes = Buffer.from(memory.buffer);
  expect(bytes.subarray(margin, margin + size).equals(content)).toBe(true);
  expect(isZero(bytes.subarray(0, margin))).toBe(true);
  expect(isZero(bytes.subarray(margin + size))).toBe(true);
}

const isZero = (bytes: Buffer): boolean => bytes.equals(new Uint8Array(bytes.length));

// ---- files -------------------------------------------------------------------------------------------------------------------------

interface ReadCall {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}
type Read = (call: ReadCall) => Promise<unknown>;

/** Changes how files are read; gives the number of reads so far. */
async function changeReads(change: (call: ReadCall, read: Read) => Promise<unknown>): Promise<() => number> {
  const handle = await open(file);
  const prototype = Object.getPrototypeOf(handle) as { read: (...args: never[]) => Promise<unknown> };
  await handle.close();
  const { read } = prototype;
  const changed = function (this: FileHandle, ...[buffer, offset, length, position]: never[]): Promise<unknown> {
    const builtIn: Read = (call) =>
      Reflect.apply(read, this, [call.buffer, call.offset, call.length, call.position]) as Promise<unknown>;
    return change({ buffer, offset, length, position } as unknown as ReadCall, builtIn);
  };
  const spy = jest.spyOn(prototype, "read").mockImplementation(changed);
  return () => spy.mock.calls.length;
}

const isShared = ({ buffer }: Uint8Array): boolean => buffer[Symbol.toStringTag] === "SharedArrayBuffer";

/** Whether this process has the file open; false where the system does not say. */
function isOpen(name: string): boolean {
  const folder = "/proc/self/fd";
  const targetOf = (fd: string): string => {
    try {
      return readlinkSync(path.join(folder, fd));
    } catch {
      return "";
    }
  };
  return existsSync(folder) && readdirSync(folder).some((fd) => targetOf(fd) === name);
}

describe.each(Object.entries(memories))("a file, read into %s", (_, memory) => {
  it("is there to the last byte", async () => {
    for (const location of [file, pathToFileURL(file), pathToFileURL(file).href]) {
      const target = memory();
      await load(location, target);
      expectContent(target);
      expect(isOpen(file)).toBe(false);
    }
  });

  it("is whole where reads give less than they were asked for", async () => {
    await changeReads((call, read) => read({ ...call, length: Math.min(call.length, 1_000_003) }));
    const target = memory();
    await load(file, target);
    expectContent(target);
  });

  it("is whole where a host does not read into shared memory", async () => {
    let refused = 0;
    await changeReads((call, read) => {
      if (!isShared(call.buffer)) return read(call);
      refused++;
      return Promise.reject(new TypeError("not into shared memory"));
    });
    const target = memory();
    await load(file, target);
    expectContent(target);
    expect(refused > 0).toBe(isShared(new Uint8Array(target.buffer)));
  });

  it("is refused when it shrinks while it is read", async () => {
    const shrinking = inScratch("shrinking.bin");
    writeFileSync(shrinking, content);
    const weights = await openWeights(shrinking, size);
    truncateSync(shrinking, 5 * 2 ** 20);
    const reading = weights.readInto(new Uint8Array(memory().buffer, margin, size));
    await expect(reading).rejects.toThrow(/WSC7004: weights.bin has only \d+ bytes, the program needs 22020109/);
    await weights.close();
    expect(isOpen(shrinking)).toBe(false);
  });

  it("is refused when a read fails, and nothing is read after that", async () => {
    const reads = await changeReads((call, read) =>
      call.position < 8 * 2 ** 20 ? read(call) : Promise.reject(Object.assign(new Error("broken"), { code: "EIO" })),
    );
    await expect(load(file, memory())).rejects.toThrow(`WSC1001: cannot read ${file}: EIO`);
    const until = reads();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(reads()).toBe(until);
    expect(isOpen(file)).toBe(false);
  });
});

describe("a file", () => {
  it.each([
    ["that is too short", size - 1],
    ["that is too long", size + 1],
    ["that is empty", 0],
  ])("%s is refused before anything is read", async (_, byteLength) => {
    const other = inScratch("other.bin");
    writeFileSync(other, new Uint8Array(byteLength));
    const reads = await changeReads((call, read) => read(call));
    await expect(openWeights(other, size)).rejects.toThrow(
      `WSC7004: weights.bin has ${byteLength} bytes, the program needs ${size}`,
    );
    expect(reads()).toBe(0);
    expect(isOpen(other)).toBe(false);
  });

  it("that is none is refused", async () => {
    await expect(openWeights(inScratch("nowhere.bin"), 5)).rejects.toThrow(/WSC1001: cannot read .*: ENOENT/);
    await expect(load(scratch.path, memories.memory(), 5)).rejects.toThrow(/WSC7004|WSC1001/);
  });
});

// ---- servers -----------------------------------------------------------------------------------------------------------------------

/** Answers by path; a body that is written in two pieces has no announced length. */
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/whole": (response) => response.writeHead(200, { "content-length": size }).end(content),
  "/streamed": (response) => {
    response.write(content.subarray(0, 1000));
    response.end(content.subarray(1000));
  },
  "/compressed": (response) => {
    const body = gzipSync(content, { level: 1 });
    response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
  },
  "/announced-short": (response) => response.writeHead(200, { "content-length": 10 }).end(content.subarray(0, 10)),
  "/announced-long": (response) =>
    response.writeHead(200, { "content-length": size + 1 }).write(content.subarray(0, 100)),
  "/streamed-short": (response) => {
    response.write(content.subarray(0, 1000));
    response.end(content.subarray(1000, size - 1));
  },
  "/streamed-long": (response) => {
    response.write(content);
    response.end(content.subarray(0, 1));
  },
  "/empty": (response) => response.writeHead(204).end(),
  "/broken": (response) => {
    response.writeHead(200, { "content-length": size }).write(content.subarray(0, 1000), () => response.destroy());
  },
  "/forbidden": (response) => response.writeHead(403).end("no"),
};

describe.each(Object.entries(memories))("a server's file, read into %s", (_, memory) => {
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    server = createServer(({ url }, response) => {
      const answer = answers[url ?? ""];
      if (answer === undefined) response.writeHead(404).end();
      else answer(response);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  it.each(["/whole", "/streamed", "/compressed"])("is there to the last byte: %s", async (name) => {
    const target = memory();
    await load(`${origin}${name}`, target);
    expectContent(target);
  });

  it.each([
    ["/announced-short", /WSC7004: weights.bin has 10 bytes/],
    ["/announced-long", /WSC7004: weights.bin has 22020110 bytes/],
    ["/streamed-short", /WSC7004: weights.bin has only 22020108 bytes/],
    ["/streamed-long", /WSC7004: weights.bin has more bytes/],
    ["/empty", /WSC7004: weights.bin has only 0 bytes/],
    ["/broken", /WSC1001: cannot read http:.*broken: /],
    ["/forbidden", /WSC1001: cannot fetch http:.*forbidden: 403 Forbidden/],
    ["/nowhere", /WSC1001: cannot fetch http:.*nowhere: 404/],
  ])("is refused: %s", async (name, message) => {
    const target = memory();
    await expect(load(`${origin}${name}`, target)).rejects.toThrow(message);
    expect(isZero(Buffer.from(target.buffer, margin + size))).toBe(true);
  });
});

it("a server that is not there is a diagnostic", async () => {
  await expect(openWeights("http://127.0.0.1:1/weights.bin", 5)).rejects.toThrow(/WSC1001: cannot read http:/);
});
