// Features of sentences, classes of pictures and greedy text with a cache (`@huggingface/transformers`), of the small models in MODELS.
import { env, pipeline, RawImage } from "@huggingface/transformers";

env.allowRemoteModels = false;
env.localModelPath = `${process.argv[2]}/`;

const extract = await pipeline("feature-extraction", "text", { dtype: "fp32" });
const features = [];
for (const text of ["the wafer core has memory", "hello world", "each layer gets a rectangle of cores and a router"]) {
  const { data } = await extract(text, { pooling: "mean", normalize: true });
  features.push(Array.from(data));
}

const classify = await pipeline("image-classification", "vision", { dtype: "fp32" });
const pixels = Uint8ClampedArray.from({ length: 48 * 40 * 3 }, (_, i) => (i * 37) % 256);
const classes = await classify(new RawImage(pixels, 48, 40, 3), { top_k: 4 });

const generate = await pipeline("text-generation", "generation", { dtype: "fp32" });
const [{ generated_text: text }] = await generate("the wafer core", { max_new_tokens: 16, do_sample: false });
console.log(JSON.stringify({ features, classes, text }));
