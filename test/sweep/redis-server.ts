/** A Redis server of a test's own: on loopback, on a free port, with a folder of its own, and without a file that outlives it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Debian's package redis-server, or another server that takes its options, such as valkey-server. */
const binary = process.env["WSC_REDIS_SERVER"] ?? "redis-server";

export const hasRedis: boolean = spawnSync(binary, ["--version"]).status === 0;

export interface ServerOptions {
  readonly password?: string;
  /** certificate and key, for a server that speaks TLS alone */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #options: ServerOptions;
  #process: ChildProcess;

  private constructor(port: number, folder: string, options: ServerOptions) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
    this.#process = this.#spawn();
  }

  static async start(folder: string, options: ServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder, options);
    await server.#answers();
    return server;
  }

  /** Ends at once, and forgets everything. */
  async kill(): Promise<void> {
    const ended =
      this.#process.exitCode === null && this.#process.signalCode === null ? once(this.#process, "exit") : null;
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Begins again after `kill`, with an empty memory. */
  async restart(): Promise<void> {
    this.#process = this.#spawn();
    await this.#answers();
  }

  #spawn(): ChildProcess {
    const { password, tls } = this.#options;
    const port = String(this.port);
    const ports =
      tls === undefined
        ? ["--port", port]
        : ["--port", "0", "--tls-port", port, "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key];
    // clients show a password, and no certificates
    const secure = tls === undefined ? [] : ["--tls-ca-cert-file", tls.certificate, "--tls-auth-clients", "no"];
    const secret = password === undefined ? [] : ["--requirepass", password];
    const args = [...ports, ...secure, ...secret, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    return spawn(binary, [...args, "--dir", this.#folder], { stdio: "ignore" });
  }

  async #answers(): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      if (await canConnect(this.port)) return;
      await sleep(100);
    }
    throw new Error("redis-server does not answer");
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
