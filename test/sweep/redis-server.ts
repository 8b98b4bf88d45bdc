/** A Redis server of a test's own: on loopback, on a free port, with a folder of its own, and without a file that outlives it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Debian's package redis-server. */
export const hasRedis: boolean = spawnSync("redis-server", ["--version"]).status === 0;

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #password: string | null;
  #process: ChildProcess;

  private constructor(port: number, folder: string, password: string | null) {
    this.port = port;
    this.#folder = folder;
    this.#password = password;
    this.#process = this.#spawn();
  }

  static async start(folder: string, password: string | null = null): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder, password);
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
    const secret = this.#password === null ? [] : ["--requirepass", this.#password];
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    return spawn("redis-server", [...args, "--dir", this.#folder, ...secret], { stdio: "ignore" });
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
