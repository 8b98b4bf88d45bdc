/** Connections to Redis or Valkey by URL, with a user, a password and TLS where the URL says so; what the server says of it tells no password. */
import type { Redis } from "ioredis";
import { fail, showName } from "../../../ir/diagnostic.ts";
import { loadOptional } from "../optional-package.ts";

export interface QueueAddress {
  /** for the client */
  readonly url: string;
  /** the queue's name on the server */
  readonly queue: string;
  /** for people: without user and password */
  readonly shown: string;
}

/** Milliseconds that a first connection may take. */
const connectTimeout = 10_000;

/** Milliseconds between tries once a connection was there. */
const longestPause = 2_000;

/** `redis://[USER:PASSWORD@]HOST[:PORT][/DB][?queue=NAME]`, `rediss://` for TLS. */
export function queueAddress(text: string): QueueAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "redis:" && url.protocol !== "rediss:") || url.hostname === "")
    throw fail("WSC8001", "--queue takes redis://HOST:PORT or rediss://USER:PASSWORD@HOST:PORT/DB", {
      hint: "?queue=NAME names one of several queues on a server",
    });
  const queue = url.searchParams.get("queue") ?? "wsc";
  if (!/^[\w.-]{1,64}$/.test(queue)) throw fail("WSC8001", `"${showName(queue)}" cannot be the name of a queue`);
  url.searchParams.delete("queue");
  return { url: url.href, queue, shown: `${url.protocol}//${url.host}` };
}

/** Connects; WSC8102 where nobody answers, or where the server refuses. Later losses are mended without end; who uses it decides how long to wait. */
export async function connectQueue({ url, shown }: QueueAddress): Promise<Redis> {
  const { Redis } = await loadOptional("ioredis", () => import("ioredis"), "--queue");
  let wasReady = false;
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout,
    // commands wait for the server to come back
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (wasReady ? Math.min(100 * times, longestPause) : null),
  });
  let said: unknown = null;
  client.on("error", (error: unknown) => {
    said = error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    client.disconnect();
    const reason = reasonOf(said ?? error);
    throw fail("WSC8102", `the queue at ${shown} cannot be used: ${reason}`, {
      hint: /CERT|SIGNATURE/.test(reason)
        ? "NODE_EXTRA_CA_CERTS names a file of certificates that are trusted, too, such as a private authority's"
        : "is a Redis or Valkey server running there, and are user and password right?",
    });
  }
  wasReady = true;
  return client;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // several addresses of a name were tried
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  return code ?? error.message;
}

/** The key that holds which version of wsc puts jobs into a queue. */
export const versionKey = (queue: string): string => `wsc:${queue}:version`;
