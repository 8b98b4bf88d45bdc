/** A store in a folder, which may be shared: files appear whole, by a rename; what is there under a digest is compared with it when it is read. */
import { constants, copyFileSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { cannotWrite, fileProblem, isFileError } from "../../files/file-errors.ts";
import { digestOf, digestOfFile, type Digest } from "../jobs/digest.ts";
import { type Outcome, readOutcome } from "../jobs/job.ts";
import type { Store } from "./store.ts";

let drafts = 0;

export class FolderStore implements Store {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  /** Where the file of a digest lies. */
  pathOf(digest: Digest): string {
    return path.join(this.#folder, "files", digest.slice(0, 2), digest.slice(2));
  }

  #pathOfResult(job: Digest): string {
    return path.join(this.#folder, "results", job.slice(0, 2), `${job.slice(2)}.json`);
  }

  async get(digest: Digest): Promise<Uint8Array | null> {
    const bytes = await readOr(this.pathOf(digest));
    return bytes !== null && digestOf(bytes) === digest ? bytes : null;
  }

  async getFile(digest: Digest, file: string): Promise<boolean> {
    const from = this.pathOf(digest);
    if (!(await exists(from)) || (await digestOfFile(from)) !== digest) return false;
    try {
      linkSync(from, file);
    } catch {
      // another file system, or one without links
      copyFileSync(from, file, constants.COPYFILE_FICLONE);
    }
    return true;
  }

  async put(bytes: string | Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    const file = this.pathOf(digest);
    // what is there and torn is replaced
    if ((await this.get(digest)) === null)
      this.#appear(file, (draft) => {
        writeFileSync(draft, bytes);
      });
    return digest;
  }

  async putFile(file: string, digest: Digest): Promise<void> {
    const to = this.pathOf(digest);
    if (!(await exists(to)))
      this.#appear(to, (draft) => {
        copyFileSync(file, draft, constants.COPYFILE_FICLONE);
      });
  }

  async result(job: Digest): Promise<Outcome | null> {
    const bytes = await readOr(this.#pathOfResult(job));
    if (bytes === null) return null;
    try {
      return readOutcome(JSON.parse(new TextDecoder().decode(bytes)), "");
    } catch {
      // torn, or no result: it is done again
      return null;
    }
  }

  async putResult(job: Digest, outcome: Outcome): Promise<void> {
    if ((await this.result(job)) !== null) return;
    this.#appear(this.#pathOfResult(job), (draft) => {
      writeFileSync(draft, JSON.stringify(outcome));
    });
  }

  /** Writes a file beside its place, and renames it. */
  #appear(file: string, write: (draft: string) => void): void {
    const draft = `${file}.${process.pid}.${drafts++}.draft`;
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      write(draft);
      renameSync(draft, file);
    } catch (error) {
      rmSync(draft, { force: true });
      cannotWrite(file)(error);
    }
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

async function readOr(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isFileError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw fileProblem(error, `"${file}" cannot be read`);
  }
}
