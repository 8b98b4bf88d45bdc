/** Stores: a folder, and object storage over HTTP. Whatever comes of them is what its digest says, or nothing. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import path from "node:path";
import { digestOf } from "../../compiler/sweep/jobs/digest.ts";
import type { Outcome } from "../../compiler/sweep/jobs/job.ts";
import { FolderStore } from "../../compiler/sweep/store/folder-store.ts";
import { openStore } from "../../compiler/sweep/store/open-store.ts";
import type { Store } from "../../compiler/sweep/store/store.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("sweep-store");
const at = (name: string): string => path.join(scratch.path, name);

const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" } as const;

/** Objects by path, of a server that takes nothing whose signature is not that of the keys (AWS Signature Version 4). */
class ObjectServer {
  readonly objects = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://x");
    const reply = (status: number, body: string | Buffer = "", headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end(body);
    };
    if (!isSigned(request, url)) {
      reply(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>");
      return;
    }
    const body = Buffer.concat(chunks);
    const upload = url.searchParams.get("uploadId");
    switch (request.method) {
      case "PUT":
        if (upload === null) this.objects.set(url.pathname, body);
        else this.#uploads.get(upload)?.set(Number(url.searchParams.get("partNumber")), body);
        reply(200, "", { etag: `"${createHash("md5").update(body).digest("hex")}"` });
        return;
      case "POST":
        if (upload === null) {
          const id = `u${this.#uploads.size}`;
          this.#uploads.set(id, new Map());
          reply(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
        } else {
          const parts = [...(this.#uploads.get(upload) ?? [])].toSorted(([a], [b]) => a - b);
          this.objects.set(url.pathname, Buffer.concat(parts.map(([, part]) => part)));
          reply(200, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>");
        }
        return;
      default: {
        const found = this.objects.get(url.pathname);
        if (found === undefined) reply(404, "<Error><Code>NoSuchKey</Code></Error>");
        else reply(200, request.method === "HEAD" ? "" : found, { "content-length": String(found.length) });
      }
    }
  }
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const mac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Recounts the signature of a request. */
function isSigned({ method = "", headers }: IncomingMessage, url: URL): boolean {
  const form =
    /^AWS4-HMAC-SHA256 Credential=id\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;
  const [, day, region, signed, signature] = form.exec(headers.authorization ?? "") ?? [];
  if (day === undefined || region === undefined || signed === undefined) return false;
  const lines = signed.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const query = [...url.searchParams].map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).toSorted();
  const payload = String(headers["x-amz-content-sha256"]);
  const canonical = [method, url.pathname, query.join("&"), lines.join(""), signed, payload].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", String(headers["x-amz-date"]), scope, sha(canonical)].join("\n");
  const key = ["s3", "aws4_request"].reduce<Buffer>((k, part) => mac(k, part), mac(mac(`AWS4secret`, day), region));
  return mac(key, text).toString("hex") === signature;
}

const server = new ObjectServer();
let endpoint = "";
beforeAll(async () => {
  endpoint = await server.start();
});
afterAll(async () => {
  await server.stop();
  scratch.remove();
});

const done: Outcome = { kind: "done", figures: { n: 1, name: "é" }, files: {} };
const refused: Outcome = { kind: "refused", diagnostics: [] };

const openObjects = (environment: NodeJS.ProcessEnv = keys): Promise<Store> =>
  openStore(`s3://bucket/some/prefix?endpoint=${encodeURIComponent(endpoint)}`, environment);

describe.each([
  ["a folder", (): Promise<Store> => openStore(at("folder"))],
  ["object storage", (): Promise<Store> => openObjects()],
])("a store in %s", (name, open) => {
  it("gives what was put, by its digest", async () => {
    const store = await open();
    const digest = await store.put("text é");
    expect(digest).toBe(digestOf("text é"));
    expect(await store.put("text é")).toBe(digest);
    expect(new TextDecoder().decode((await store.get(digest)) ?? undefined)).toBe("text é");
    expect(await store.get("0".repeat(64))).toBeNull();
    expect(await store.getFile("0".repeat(64), at(`${name} none`))).toBe(false);
  });

  it("keeps files, also large ones", async () => {
    const store = await open();
    for (const size of [10, 20 * 2 ** 20]) {
      const bytes = Buffer.alloc(size, size % 251);
      writeFileSync(at(`${name} in ${size}`), bytes);
      await store.putFile(at(`${name} in ${size}`), digestOf(bytes));
      expect(await store.getFile(digestOf(bytes), at(`${name} out ${size}`))).toBe(true);
      expect(readFileSync(at(`${name} out ${size}`)).equals(bytes)).toBe(true);
    }
  });

  it("keeps the first result of a job", async () => {
    const store = await open();
    const job = digestOf(`job ${name}`);
    expect(await store.result(job)).toBeNull();
    await store.putResult(job, done);
    await store.putResult(job, refused);
    expect(await store.result(job)).toEqual(done);
  });
});

describe("what is not what its digest says", () => {
  it("is not there, in a folder", async () => {
    const store = new FolderStore(at("torn"));
    const digest = await store.put("whole");
    writeFileSync(store.pathOf(digest), "who");
    expect(await store.get(digest)).toBeNull();
    expect(await store.getFile(digest, at("torn-out"))).toBe(false);
    await store.put("whole");
    expect(await store.get(digest)).not.toBeNull();
  });

  it("is not there, in object storage", async () => {
    const store = await openObjects();
    const digest = await store.put("right");
    server.objects.set(`/bucket/some/prefix/files/${digest}`, Buffer.from("wrong"));
    expect(await store.get(digest)).toBeNull();
    expect(await store.getFile(digest, at("wrong-out"))).toBe(false);
  });
});

describe("object storage", () => {
  it("needs keys, and the right ones", async () => {
    await expect(openObjects({})).rejects.toThrow("WSC8104");
    const store = await openObjects({ ...keys, AWS_SECRET_ACCESS_KEY: "other" });
    await expect(store.put("x")).rejects.toThrow(/WSC8104: the object storage refuses/);
  });

  it("is named by a URL that is one", async () => {
    await expect(openStore("http://bucket")).rejects.toThrow(/WSC8104: a store is a folder or s3:/);
  });
});
