/** A model from files, dropped or chosen, or one of the examples. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { choiceOfFiles, examples, type NamedChoice } from "./model-choices.ts";

export interface ModelPickerProps {
  readonly model: NamedChoice | null;
  readonly choose: (model: NamedChoice) => void;
  readonly refuse: (error: unknown) => void;
}

export function ModelPicker({ model, choose, refuse }: ModelPickerProps): JSX.Element {
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined): void => {
    if (files == null || files.length === 0) return;
    try {
      choose(choiceOfFiles([...files]));
    } catch (error) {
      refuse(error);
    }
  };
  return (
    <section class="card" aria-labelledby="model-title">
      <h2 id="model-title">1. Model</h2>
      <label
        class={isOver ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => {
          setOver(false);
        }}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer?.files);
        }}
      >
        <span class="drop-title">{model === null ? "Drop an .onnx file here, or choose one" : model.name}</span>
        <span class="soft small">with the files of its external data, if it has any</span>
        <input
          type="file"
          multiple
          aria-label="Model file, with its external data"
          onChange={(event) => {
            take(event.currentTarget.files);
            // the same file may be chosen again when it has changed
            event.currentTarget.value = "";
          }}
        />
      </label>
      <h3 id="examples-title">Or an example</h3>
      <ul class="examples" aria-labelledby="examples-title">
        {examples.map(({ name, about, load }) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={model?.name === name}
              onClick={() => {
                load().then(choose, refuse);
              }}
            >
              {name}
            </button>
            <span class="soft small">{about}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
