/**
 * Two of the ONNX project's light networks with seeded weights, against recorded outputs. The other seven are larger:
 * `npm run conformance:light`.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { scratchFolder } from "../helpers/scratch.ts";
import { sharedPath } from "../helpers/shared.ts";
import { runCase } from "./cases.ts";

const conformance = sharedPath("conformance");
const names = ["shufflenet", "squeezenet"];

if (conformance === null) it.skip("light networks", () => undefined);
else {
  const scratch = scratchFolder("light");
  afterAll(scratch.remove);

  beforeAll(() => {
    const from = (name: string): string => path.join(conformance, name);
    execFileSync("tar", ["xf", from("onnx-backend-data.tar.xz"), "-C", scratch.path, "onnx-backend-data/light"]);
    const light = path.join(scratch.path, "onnx-backend-data", "light");
    const options = ["--light", light, "--refs", from("light-random-refs"), "--out", scratch.path];
    execFileSync(process.execPath, [from("make-light-random.mjs"), ...options, "--only", names.join(",")]);
  });

  describe("light networks with seeded weights", () => {
    it.each(names)("%s", async (name) => {
      const { compared, faults } = await runCase(path.join(scratch.path, "light-random", name));
      expect(faults).toEqual([]);
      expect(compared).toBe(2);
    });
  });
}
