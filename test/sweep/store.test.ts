/** Stores: a folder, and object storage over HTTP. Whatever comes of them is what its digest says, or nothing. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { digestOf } from "../../compiler/sweep/jobs/digest.ts";
import type { Outcome } from "../../compiler/sweep/jobs/job.ts";
import { FolderStore } from "../../compiler/sweep/store/folder-store.ts";
import { openStore } from "../../compiler/sweep/store/open-store.ts";
import type { Store } from "../../compiler/sweep/store/store.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { isSigned, ObjectServer, owner } from "./object-server.ts";

const scratch = scratchFolder("sweep-store");
const at = (name: string): string => path.join(scratch.path, name);

const keys = {
  AWS_ACCESS_KEY_ID: owner.id,
  AWS_SECRET_ACCESS_KEY: owner.secret,
  AWS_REGION: owner.region,
} as const;

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

const openObjects = (environment: NodeJS.ProcessEnv = keys, bucket: string = owner.bucket): Promise<Store> =>
  openStore(`s3://${bucket}/some/prefix?endpoint=${encodeURIComponent(endpoint)}`, environment);

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
  });

  it.each([
    ["a key that nobody has", { AWS_ACCESS_KEY_ID: "nobody" }, "403"],
    ["a wrong secret", { AWS_SECRET_ACCESS_KEY: "other" }, "403"],
    ["another region", { AWS_REGION: "us-east-1" }, "400"],
  ])("says what is wrong with %s", async (_, changes, status) => {
    const store = await openObjects({ ...keys, ...changes });
    const said = new RegExp(`WSC8104: the object storage refuses: .*${status}`);
    await expect(store.put("x")).rejects.toThrow(said);
    await expect(store.result("0".repeat(64))).rejects.toThrow(said);
    await expect(store.put("x")).rejects.not.toThrow(/secret|other/);
  });

  it("says that a bucket is not there, when something is put and when something is looked for", async () => {
    const store = await openObjects(keys, "nowhere");
    await expect(store.put("x")).rejects.toThrow(/WSC8104: the object storage refuses: .*NoSuchBucket/);
    await expect(store.get("0".repeat(64))).rejects.toThrow(/WSC8104: there is no bucket "nowhere"/);
    await expect(store.getFile("0".repeat(64), at("nowhere"))).rejects.toThrow(/WSC8104: there is no bucket "nowhere"/);
  });

  it("says that an object broke off, and leaves nothing of it", async () => {
    const store = await openObjects();
    const digest = await store.put("x".repeat(100_000));
    server.broken = `/bucket/some/prefix/files/${digest}`;
    await expect(store.get(digest)).rejects.toThrow(/WSC8104: the object storage refuses/);
    await expect(store.getFile(digest, at("broken"))).rejects.toThrow(/WSC8104: the object storage refuses/);
    server.broken = null;
    expect(readdirSync(scratch.path).filter((name) => name.startsWith("broken"))).toEqual([]);
    expect(await store.getFile(digest, at("broken"))).toBe(true);
  });

  it("says that nobody answers", async () => {
    const store = await openStore("s3://bucket/x?endpoint=http://127.0.0.1:1", keys);
    await expect(store.put("x")).rejects.toThrow(/WSC8104/);
  });

  it("is named by a URL that is one", async () => {
    await expect(openStore("http://bucket")).rejects.toThrow(/WSC8104: a store is a folder or s3:/);
  });
});

describe("the server that these tests ask", () => {
  // "GET Object" among the examples of signatures in Amazon's documentation of S3's API
  const published = {
    method: "GET",
    url: new URL("https://examplebucket.s3.amazonaws.com/test.txt"),
    secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    headers: {
      host: "examplebucket.s3.amazonaws.com",
      range: "bytes=0-9",
      "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "x-amz-date": "20130524T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
  } as const;

  it("recounts a published signature, and takes no other", () => {
    expect(isSigned(published)).toBe(true);
    expect(isSigned({ ...published, method: "PUT" })).toBe(false);
    expect(isSigned({ ...published, url: new URL("https://x/test.txt?a=b") })).toBe(false);
    expect(isSigned({ ...published, headers: { ...published.headers, range: "bytes=0-8" } })).toBe(false);
    expect(isSigned({ ...published, secret: "other" })).toBe(false);
  });
});
