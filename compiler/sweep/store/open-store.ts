/** The store that a user names: a folder, or object storage. */
import { fail, showName } from "../../../ir/diagnostic.ts";
import { FolderStore } from "./folder-store.ts";
import type { Store } from "./store.ts";

export async function openStore(place: string, environment: NodeJS.ProcessEnv = process.env): Promise<Store> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) return new FolderStore(place);
  const url = URL.canParse(place) ? new URL(place) : null;
  if (url?.protocol !== "s3:")
    throw fail("WSC8104", `a store is a folder or s3://BUCKET/PREFIX?endpoint=URL, not "${showName(place)}"`);
  const { openS3Store } = await import("./s3-store.ts");
  return openS3Store(url, environment);
}
