/** Workers and sweeps as processes of their own, whose lines can be waited for. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { dist } from "../helpers/programs.ts";

const main = path.join(dist, "compiler", "cli", "main.js");

export class Command {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #text = "";
  #listeners: (() => void)[] = [];

  constructor(args: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, ...environment };
    this.#process = spawn(process.execPath, [main, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = once(this.#process, "close");
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#text += text;
        for (const listener of this.#listeners) listener();
      });
    this.#process.once("close", () => {
      for (const listener of this.#listeners) listener();
    });
  }

  get text(): string {
    return this.#text;
  }

  get isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Lines that a pattern is found in. */
  count(pattern: RegExp): number {
    return this.#text.split("\n").filter((line) => pattern.test(line)).length;
  }

  /** Waits until so many lines have a pattern, or until it ends, or until another does that it works for. */
  async untilLines(pattern: RegExp, wanted: number, whole: Command): Promise<void> {
    while (!this.isOver && !whole.isOver && this.count(pattern) < wanted) {
      const more = new Promise<void>((resolve) => {
        this.#listeners.push(resolve);
      });
      await Promise.race([more, whole.#ended]);
      this.#listeners = [];
    }
  }

  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#process.exitCode;
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    if (!this.isOver) this.#process.kill(signal);
    await this.#ended;
  }
}
