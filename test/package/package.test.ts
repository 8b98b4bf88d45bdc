/** What `npm pack` would publish, as projects elsewhere see it: unpacked into a `node_modules`, with wsc's dependencies beside it. */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { packPublished, publishedName } from "../../scripts/package.mjs";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const root = path.resolve(import.meta.dirname, "../..");
const project = scratchFolder("package");
afterAll(project.remove);

interface Manifest {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;
let files: readonly string[] = [];

beforeAll(() => {
  const listing = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [packed] = JSON.parse(listing) as readonly { readonly files: readonly { readonly path: string }[] }[];
  files = (packed?.files ?? []).map((file) => file.path);
  const modules = path.join(project.path, "node_modules");
  for (const file of files) cpSync(path.join(root, file), path.join(modules, manifest.name, file));
  const linked = [
    ...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
    "@types/node",
    "undici-types",
  ];
  for (const name of linked) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(root, "node_modules", name), path.join(modules, name));
  }
  writeFileSync(
    path.join(project.path, "package.json"),
    JSON.stringify({ name: "elsewhere", private: true, type: "module" }),
  );
});

const write = (name: string, text: string): string => {
  const file = path.join(project.path, name);
  writeFileSync(file, text);
  return file;
};

it("holds what is built and what is read, and nothing else", () => {
  const own = files.filter((file) => !file.startsWith("node_modules/"));
  const kinds = own.map((file) => /^(dist|docs)\/.*(\.\w+)$/.exec(file)?.slice(1).join(" ") ?? file);
  expect([...new Set(kinds)].toSorted()).toEqual([
    "LICENSE",
    "README.md",
    "dist .js",
    "dist .ts",
    "dist .txt",
    "docs .json",
    "docs .md",
    "docs .svg",
    "package.json",
  ]);
  expect(files.filter((file) => /^dist\/(compiler|runtime|ir)\//.test(file)).length).toBeGreaterThan(100);
  expect(own.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
});

it("has declarations that a strict project checks whole", () => {
  write(
    "strict.ts",
    `import { compile, type CompileOptions, encodeModel, placeModel, readArtifact, writeArtifact, WscError } from "${manifest.name}";
import ort, { InferenceSession, Tensor } from "${manifest.name}/runtime";
import { printGraph } from "${manifest.name}/ir";

const options: CompileOptions = { seed: 1 };
export const functions: readonly unknown[] = [compile, encodeModel, placeModel, readArtifact, writeArtifact, WscError, printGraph];
export async function classify(folder: string): Promise<Tensor> {
  const session: InferenceSession = await ort.InferenceSession.create(folder);
  const results = await session.run({ x: new Tensor("float32", new Float32Array(4), [1, 4]) });
  return results["y"] as Tensor;
}
export { options };
`,
  );
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  const settings = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2023", "--types", "node"];
  const { stdout } = spawnSync(process.execPath, [compiler, ...settings, "strict.ts"], {
    cwd: project.path,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
});

it("compiles and runs a model for a script", () => {
  const script = write(
    "script.mjs",
    `import { compile, writeArtifact } from "${manifest.name}";
import { InferenceSession, Tensor } from "${manifest.name}/runtime";

await writeArtifact(await compile(process.argv[2], { target: "wse2" }), "folder");
const session = await InferenceSession.create("folder");
const [input] = session.inputMetadata;
const count = input.shape.reduce((product, size) => product * size, 1);
const results = await session.run({ [input.name]: new Tensor("float32", new Float32Array(count), input.shape) });
console.log(Object.values(results)[0].dims.join("x"));
`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, [script, digitsModel], {
    cwd: project.path,
    encoding: "utf8",
  });
  expect({ stdout, stderr }).toEqual({ stdout: "1x10\n", stderr: "" });
});

it("brings the command along", () => {
  const main = path.join(project.path, "node_modules", manifest.name, "dist/compiler/cli/main.js");
  const { stdout, status } = spawnSync(process.execPath, [main, "inspect", digitsModel], {
    cwd: project.path,
    encoding: "utf8",
  });
  expect(status).toBe(0);
  expect(stdout).toMatch(/Conv|Gemm|MatMul/);
});

it("is published under a scoped name, and works where it is installed under its own", () => {
  const tarball = packPublished(project.path);
  const elsewhere = path.join(project.path, "published");
  const modules = path.join(elsewhere, "node_modules");
  // what `npm install wsc@npm:@wafer-scale/wsc` leaves: the package's files under the name that code says
  const installed = path.join(modules, "wsc");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  const published = JSON.parse(readFileSync(path.join(installed, "package.json"), "utf8")) as Manifest & {
    readonly bin: Readonly<Record<string, string>>;
    readonly scripts?: unknown;
  };
  expect([published.name, Object.keys(published.bin)]).toEqual([publishedName, ["wsc"]]);
  expect(published.name).toMatch(/^@[a-z-]+\/wsc$/);
  expect(published.scripts).toBeUndefined();
  expect({ ...published.dependencies, ...published.optionalDependencies }).toEqual({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
  });
  const packed = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(packed.map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name))).toSorted()).toEqual(
    files.toSorted(),
  );
  for (const name of Object.keys(manifest.dependencies)) {
    const link = path.join(modules, name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(root, "node_modules", name), link);
  }
  writeFileSync(
    path.join(elsewhere, "package.json"),
    JSON.stringify({ name: "uses-wsc", private: true, type: "module" }),
  );
  const script = path.join(elsewhere, "script.mjs");
  writeFileSync(
    script,
    `import { compile, writeArtifact } from "wsc";
await writeArtifact(await compile(process.argv[2], { effortSeconds: 0.05 }), "folder");
const { load } = await import("./folder/index.js");
const { probabilities } = await (await load()).run({ image: { data: new Float32Array(400), dims: [1, 1, 20, 20], type: "float32" } });
console.log(probabilities.dims.join("x"));
`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, [script, digitsModel], { cwd: elsewhere, encoding: "utf8" });
  expect({ stdout, stderr }).toEqual({ stdout: "1x10\n", stderr: "" });
});
