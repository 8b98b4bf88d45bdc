/** Models to choose from, and models from files. */
import { fail } from "../../../ir/diagnostic.ts";
import type { ModelChoice } from "../messages.ts";

/** A model as the page shows it. */
export interface NamedChoice {
  readonly name: string;
  readonly choice: ModelChoice;
}

export interface Example {
  readonly name: string;
  readonly about: string;
  readonly load: () => Promise<NamedChoice>;
}

/** An example that lies beside the page. */
const fileExample = (name: string, file: string, about: string): Example => ({
  name,
  about,
  load: async () => {
    const response = await fetch(file);
    if (!response.ok) throw fail("WSC1001", `${file} cannot be read (status ${response.status})`);
    return { name, choice: { kind: "file", name: file, file: await response.blob(), external: new Map() } };
  },
});

const madeExample = (name: string, model: "lenet" | "resnet18", about: string): Example => ({
  name,
  about,
  load: () => Promise.resolve({ name, choice: { kind: "made", model } }),
});

export const examples: readonly Example[] = [
  fileExample("Digits", "digits.onnx", "two convolutions and a dense layer, trained; 20 x 20 pixels"),
  madeExample("LeNet-5", "lenet", "five layers with random weights; 28 x 28 pixels"),
  fileExample("Transformer block", "transformer.onnx", "attention and a GELU layer, trained to reverse digits"),
  madeExample("ResNet-18", "resnet18", "11.7 million random weights; 224 x 224 pixels; takes some seconds"),
];

/** A model's file, with those of its external data beside it; throws WSC1001 unless one is a model. */
export function choiceOfFiles(files: readonly File[]): NamedChoice {
  const models = files.filter(({ name }) => name.endsWith(".onnx"));
  // a single file may have any name: what it holds, the reader says
  const [model, another] = models.length === 0 && files.length === 1 ? files : models;
  if (model === undefined || another !== undefined) {
    throw fail("WSC1001", `one model at a time, and ${models.length} of ${files.length} files end in .onnx`, {
      hint: "choose one .onnx file, together with the files of its external data",
    });
  }
  const external = new Map(files.flatMap((file) => (file === model ? [] : [[file.name, file] as const])));
  return { name: model.name, choice: { kind: "file", name: model.name, file: model, external } };
}

/** `batch=1, seq=128`; throws WSC8001 for anything else. */
export function readDimsText(text: string): ReadonlyMap<string, number> {
  const parts = text.split(/[,\n]/).map((part) => part.trim());
  return new Map(
    parts.flatMap((part) => {
      if (part === "") return [];
      const [, name, size] = /^(.+?)\s*=\s*(\d{1,15})$/.exec(part) ?? [];
      if (name === undefined || size === undefined)
        throw fail("WSC8001", `symbolic dims are NAME=NUMBER with commas between them, and "${part}" is not`);
      return [[name, Number(size)] as const];
    }),
  );
}
