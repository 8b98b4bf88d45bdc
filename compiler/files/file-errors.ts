/** What the operating system says about files, in words: a full disk or a missing permission is the user's news, no defect of wsc. */
import { fail, showName } from "../../ir/diagnostic.ts";

interface Reason {
  readonly words: string;
  readonly hint?: string;
  /** the place is wrong, not the file system */
  readonly isPlace?: true;
}

const reasons: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ["ENOSPC", { words: "no space is left on the device", hint: "make room there, or choose another place with -o" }],
  ["EDQUOT", { words: "the disk quota is used up", hint: "make room there, or choose another place with -o" }],
  ["EFBIG", { words: "the file would be larger than the file system or its limits allow" }],
  ["EROFS", { words: "the file system is read-only" }],
  ["EACCES", { words: "permission is denied" }],
  ["EPERM", { words: "the operation is not permitted" }],
  ["EMFILE", { words: "this process has too many files open", hint: "raise its limit (ulimit -n)" }],
  ["ENFILE", { words: "the system has too many files open" }],
  ["ENAMETOOLONG", { words: "the name is too long" }],
  ["EIO", { words: "the device reports an error of input or output" }],
  ["ENODEV", { words: "the device is gone" }],
  ["ENXIO", { words: "nothing is at the other end" }],
  ["EBUSY", { words: "it is in use" }],
  ["ETXTBSY", { words: "it is being run" }],
  ["ESTALE", { words: "the network file system has lost it" }],
  ["ETIMEDOUT", { words: "the network file system does not answer" }],
  ["EINVAL", { words: "the file system does not take this name or operation" }],
  ["ENOMEM", { words: "the system has no memory left for it" }],
  ["EPIPE", { words: "the reader has closed the pipe" }],
  ["ENOENT", { words: "the folder does not exist, or takes no files" }],
  ["ENOTDIR", { words: "a part of the path is a file, not a folder", isPlace: true }],
  ["EISDIR", { words: "it is a folder", isPlace: true }],
  ["ELOOP", { words: "it is a circle of links", isPlace: true }],
  ["EEXIST", { words: "something else has appeared there", isPlace: true }],
  ["ENOTEMPTY", { words: "something else has appeared there", isPlace: true }],
]);

/** True for what the operating system throws. */
export const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  typeof error === "object" &&
  error !== null &&
  "syscall" in error &&
  "code" in error &&
  typeof error.code === "string";

/** A diagnostic of what failed: `doing` says what wsc was about to do, "out/model cannot be written"; anything else stays as it is. */
export function fileProblem(error: unknown, doing: string): Error {
  if (!isFileError(error)) return error as Error;
  const { words, hint, isPlace } = reasons.get(error.code ?? "") ?? { words: "the file system refuses" };
  return fail(isPlace ? "WSC8002" : "WSC8003", `${doing}: ${words} (${error.code ?? ""})`, { hint });
}

/** For `catch`: throws the diagnostic of a file that cannot be written. */
export const cannotWrite =
  (file: string) =>
  (error: unknown): never => {
    throw fileProblem(error, `"${showName(file)}" cannot be written`);
  };

/** A failure that nobody foresaw, where it was one of the file system. */
export function unforeseenProblem(error: NodeJS.ErrnoException): Error {
  const file = error.path === undefined ? "a file" : showName(error.path);
  return fileProblem(error, `${file} cannot be used (${error.syscall ?? "unknown call"})`);
}
