/** A server of objects for tests, on loopback: it serves nothing whose signature is not that of its owner (AWS Signature Version 4), and says no as S3 does. */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";

const xml = { "content-type": "application/xml" } as const;

/** What a server knows of its users, and the one bucket that it has. */
export const owner = { id: "id", secret: "secret", region: "eu-central-1", bucket: "bucket" } as const;

/** Objects by path. */
export class ObjectServer {
  readonly objects: Map<string, Buffer> = new Map<string, Buffer>();
  /** an object whose answer breaks off in the middle */
  broken: string | null = null;
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
    const refused = refusalOf(request, url);
    if (refused !== null) {
      reply(refused.status, request.method === "HEAD" ? "" : `<Error><Code>${refused.code}</Code></Error>`, xml);
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
        if (/^\/[^/]+\/?$/.test(url.pathname)) reply(200);
        else if (found === undefined) reply(404, "<Error><Code>NoSuchKey</Code></Error>", xml);
        else if (url.pathname === this.broken && request.method !== "HEAD") {
          response.writeHead(200, { "content-length": String(found.length) });
          response.write(found.subarray(0, found.length / 2), () => response.destroy());
        } else reply(200, request.method === "HEAD" ? "" : found, { "content-length": String(found.length) });
      }
    }
  }
}

/** What S3 says of a request that it does not serve. */
function refusalOf({ method = "", headers }: IncomingMessage, url: URL): { status: number; code: string } | null {
  const [, id, , region] = credentialForm.exec(headers.authorization ?? "") ?? [];
  if (id !== owner.id) return { status: 403, code: "InvalidAccessKeyId" };
  if (region !== owner.region) return { status: 400, code: "AuthorizationHeaderMalformed" };
  if (!isSigned({ method, headers, url, secret: owner.secret })) return { status: 403, code: "SignatureDoesNotMatch" };
  const [, bucket] = url.pathname.split("/");
  return bucket === owner.bucket ? null : { status: 404, code: "NoSuchBucket" };
}

const credentialForm =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;

export interface SignedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  readonly secret: string;
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const mac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Recounts the signature of a request. */
export function isSigned({ method, headers, url, secret }: SignedRequest): boolean {
  const [, , day, region, signed, signature] = credentialForm.exec(headers.authorization ?? "") ?? [];
  if (day === undefined || region === undefined || signed === undefined) return false;
  const lines = signed.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const query = [...url.searchParams].map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).toSorted();
  const payload = String(headers["x-amz-content-sha256"]);
  const canonical = [method, url.pathname, query.join("&"), lines.join(""), signed, payload].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", String(headers["x-amz-date"]), scope, sha(canonical)].join("\n");
  const key = ["s3", "aws4_request"].reduce<Buffer>((k, part) => mac(k, part), mac(mac(`AWS4${secret}`, day), region));
  return mac(key, text).toString("hex") === signature;
}
