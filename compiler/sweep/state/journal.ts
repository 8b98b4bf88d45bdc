/**
 * What a sweep has done, on the disk: a line of JSON for each job that is over. Lines are appended in one write and never changed, so that a process may
 * end at any moment: a last line that was torn is left where it is, and its job is done again. Only where each line lies is held in memory.
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { mismatch, readObject, type Reader } from "../../../ir/json-reader.ts";
import { cannotWrite } from "../../files/file-errors.ts";
import { type Digest, isDigest } from "../jobs/digest.ts";
import { type Outcome, readOutcome } from "../jobs/job.ts";

interface Line {
  readonly job: Digest;
  readonly outcome: Outcome;
}

const readKey: Reader<Digest> = (value, path) => {
  if (typeof value === "string" && isDigest(value)) return value;
  throw mismatch(value, path, "a job's digest");
};

const readLine = readObject<Line>({ job: readKey, outcome: readOutcome });

/** Where a line lies. */
interface Place {
  readonly offset: number;
  readonly bytes: number;
  readonly isOver: boolean;
}

export class Journal {
  readonly #path: string;
  readonly #file: number;
  readonly #places: Map<Digest, Place>;
  #bytes: number;

  private constructor(path: string, file: number, places: Map<Digest, Place>, bytes: number) {
    this.#path = path;
    this.#file = file;
    this.#places = places;
    this.#bytes = bytes;
  }

  /** Opens a journal, and makes one where there is none. */
  static async open(path: string): Promise<Journal> {
    const file = tryTo(path, () => openSync(path, "a+"));
    const places = new Map<Digest, Place>();
    const bytes = await indexLines(path, places);
    const journal = new Journal(path, file, places, bytes);
    if (bytes > 0 && lastByte(file, bytes) !== lineEnd) journal.#write("\n");
    return journal;
  }

  /** Jobs that have a result: done or refused. */
  has(job: Digest): boolean {
    return this.#places.get(job)?.isOver === true;
  }

  /** What became of a job; null for one that nothing is known of. */
  outcome(job: Digest): Outcome | null {
    const place = this.#places.get(job);
    if (place === undefined) return null;
    const line = this.#lineAt(place);
    if (line?.job !== job) throw new Error(`internal: ${this.#path} has been changed by somebody else`);
    return line.outcome;
  }

  /** Adds what became of a job. The first result stays. */
  add(job: Digest, outcome: Outcome): void {
    if (this.has(job)) return;
    const offset = this.#write(`${JSON.stringify({ job, outcome } satisfies Line)}\n`);
    this.#places.set(job, { offset, bytes: this.#bytes - offset, isOver: outcome.kind !== "failed" });
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Appends text; gives where it begins. Another process may have appended, too. */
  #write(text: string): number {
    const bytes = Buffer.from(text);
    tryTo(this.#path, () => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    });
    this.#bytes = fstatSync(this.#file).size;
    return this.#bytes - bytes.length;
  }

  #lineAt({ offset, bytes }: Place): Line | null {
    const buffer = Buffer.alloc(bytes);
    readSync(this.#file, buffer, 0, bytes, offset);
    return parsedLine(buffer.toString("utf8"));
  }
}

const lineEnd = 10;

/** Bytes of a line at most; a longer one is none of ours. */
const longestLine = 2 ** 22;

function parsedLine(text: string): Line | null {
  try {
    return readLine(JSON.parse(text), "");
  } catch {
    return null;
  }
}

/** Finds the lines of a journal; gives its size. What is no line of a job is passed over. */
async function indexLines(path: string, places: Map<Digest, Place>): Promise<number> {
  let [offset, bytes] = [0, 0];
  let pieces: Buffer[] = [];
  const take = (piece: Buffer): void => {
    if (bytes <= longestLine) pieces.push(piece);
    bytes += piece.length;
  };
  for await (const chunk of createReadStream(path)) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(lineEnd); end >= 0; end = rest.indexOf(lineEnd)) {
      take(rest.subarray(0, end + 1));
      const line = bytes <= longestLine ? parsedLine(Buffer.concat(pieces).toString("utf8")) : null;
      if (line !== null && places.get(line.job)?.isOver !== true)
        places.set(line.job, { offset, bytes, isOver: line.outcome.kind !== "failed" });
      offset += bytes;
      [bytes, pieces] = [0, []];
      rest = rest.subarray(end + 1);
    }
    take(rest);
  }
  return offset + bytes;
}

function lastByte(file: number, bytes: number): number | undefined {
  const buffer = Buffer.alloc(1);
  readSync(file, buffer, 0, 1, bytes - 1);
  return buffer[0];
}

function tryTo<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    return cannotWrite(path)(error);
  }
}
