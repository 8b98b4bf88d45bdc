// The whole way in one script: compiles the digits network for a WSE-2, writes the program, runs it on digits it has never seen.
//   npm run demo
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { makeDigits, imageSize } from "./digits/digits.mjs";

const shown = 4;
const tested = 200;
const seed = 2026;

if (!existsSync(new URL("../dist/compiler/index.js", import.meta.url))) {
  console.error("wsc is not built yet: npm run demo builds it first");
  process.exit(1);
}
const { compile, writeArtifact } = await import("wsc");
const { InferenceSession, Tensor, WscError } = await import("wsc/runtime");

const here = (relative) => path.relative(process.cwd(), fileURLToPath(new URL(relative, import.meta.url)));
const [model, folder] = [here("digits/digits.onnx"), here("../out/digits")];

try {
  await demo();
} catch (error) {
  console.error(error instanceof WscError ? error.message : `the demo failed: ${error.message}`);
  process.exitCode = 1;
}

async function demo() {
  console.log(`Compiling ${model} for the wse2 …`);
  const started = performance.now();
  const compiled = await compile(model, { target: "wse2" });
  await writeArtifact(compiled, folder);
  describePlacement(compiled, (performance.now() - started) / 1000);

  console.log(`\nRunning ${folder} as WebAssembly SIMD on ${tested} new digits …\n`);
  const session = await InferenceSession.create(folder);
  const digits = makeDigits(tested, seed);
  const answers = [];
  const before = performance.now();
  for (const { image } of digits) answers.push(await recognize(session, image));
  const milliseconds = (performance.now() - before) / tested;

  draw(digits.slice(0, shown), answers);
  const right = answers.filter(({ digit }, i) => digit === digits[i].digit).length;
  console.log(
    `\n  ${right} of ${tested} right (${((100 * right) / tested).toFixed(1)} %), ${milliseconds.toFixed(2)} ms each\n`,
  );
  console.log(`The wafer, layer by layer:  ${path.join(folder, "report.html")}  (open it in a browser)`);
  console.log(`Run it again:               npx wsc run ${folder} --random 1`);
}

function describePlacement({ placement, kernels }, seconds) {
  const { certificate, target } = placement;
  const cores = placement.kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
  const slowest = placement.kernels.find(({ kernel }) => kernel === certificate.slowest);
  const { width, height } = target.usable;
  const proof =
    certificate.status === "optimal"
      ? "proven optimal"
      : `bound ${certificate.bound.toFixed(0)}, gap ${(100 * certificate.gap).toFixed(1)} %`;
  const line = (label, text) => console.log(`  ${label.padEnd(13)}${text}`);
  line("layers", `${kernels.kernels.length} on the wafer, ${kernels.host.length} on the host`);
  line("cores", `${cores} of ${width} x ${height}`);
  line(
    "interval",
    `${certificate.objective.toFixed(0)} cycles from sample to sample, the slowest layer is ${slowest?.name}`,
  );
  line(
    "throughput",
    `${Math.round(target.clockHz / certificate.objective).toLocaleString("en")} samples/s by the cost model`,
  );
  line("certificate", `${proof} (${certificate.solver}), checked`);
  line("time", `${seconds.toFixed(1)} s`);
}

/** The digit that the network sees, and how sure it is. */
async function recognize(session, image) {
  const { probabilities } = await session.run({ image: new Tensor("float32", image, [1, 1, imageSize, imageSize]) });
  const certainty = Math.max(...probabilities.data);
  return { digit: probabilities.data.indexOf(certainty), certainty };
}

/** Images side by side, two rows of pixels to a line of text, what was seen below. */
function draw(digits, answers) {
  const inks = " .:-=+*#%@";
  for (let row = 0; row < imageSize; row += 2) {
    const lines = digits.map(({ image }) =>
      Array.from({ length: imageSize }, (_, column) => {
        const ink = (image[row * imageSize + column] + image[(row + 1) * imageSize + column]) / 2;
        return inks[Math.min(inks.length - 1, Math.floor(Math.max(0, ink - 0.1) * 1.1 * inks.length))];
      }).join(""),
    );
    console.log(`  ${lines.join(" ")}`.trimEnd());
  }
  const captions = answers
    .slice(0, digits.length)
    .map(({ digit, certainty }) => `     ${digit} (${(100 * certainty).toFixed(1)} %)`.padEnd(imageSize));
  console.log(`  ${captions.join(" ")}`.trimEnd());
}
