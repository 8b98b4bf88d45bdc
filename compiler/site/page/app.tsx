/** The page: a form for model and machine, what the search has found so far, what was wrong, and the result. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { PlaceSettings } from "../messages.ts";
import { MachineChoice } from "./machine-choice.tsx";
import { type NamedChoice, readDimsText } from "./model-choices.ts";
import { ModelPicker } from "./model-picker.tsx";
import { Problems } from "./problems.tsx";
import { Progress } from "./progress.tsx";
import { ResultView } from "./result-view.tsx";
import { idle, Session, type State } from "./session.ts";
import { noTexts, SearchFields, type SearchTexts } from "./search-fields.tsx";

const firstMachine = "wse3";

export function App(): JSX.Element {
  const [state, setState] = useState<State>(idle);
  const [session] = useState(() => new Session(setState));
  const [model, setModel] = useState<NamedChoice | null>(null);
  const [target, setTarget] = useState(firstMachine);
  const [texts, setTexts] = useState<SearchTexts>(noTexts);
  const isWorking = state.phase === "working";
  const start = (): void => {
    if (model === null) return;
    try {
      session.start({ model: model.choice, settings: settingsOf(target, texts) });
    } catch (error) {
      session.refuse(error);
    }
  };
  return (
    <>
      <header>
        <h1>A model on a wafer</h1>
        <p class="lead">
          wsc places an ONNX model on a wafer-scale chip: where every layer goes, how fast it runs, what limits it. All
          of it happens in this page; your model is not uploaded.
        </p>
      </header>
      <form
        class="setup"
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <ModelPicker
          model={model}
          choose={setModel}
          refuse={(error) => {
            session.refuse(error);
          }}
        />
        <MachineChoice chosen={target} choose={setTarget} />
        <SearchFields texts={texts} change={setTexts} />
        <div class="actions">
          <button type="submit" class="primary" disabled={model === null || isWorking}>
            Place it
          </button>
          <button
            type="button"
            disabled={!isWorking || state.isStopped}
            onClick={() => {
              session.stop();
            }}
          >
            Stop, keep the best
          </button>
          <span class="soft">{model === null ? "Choose a model first." : `${model.name} on ${target}`}</span>
        </div>
      </form>
      <Problems problems={state.problems} broken={state.broken} />
      <Progress state={state} />
      <Result state={state} session={session} />
    </>
  );
}

function settingsOf(target: string, { objective, dims, seconds }: SearchTexts): PlaceSettings {
  return { target, objective, dims: readDimsText(dims), timeLimitSeconds: seconds === "" ? null : Number(seconds) };
}

/** What came out takes the focus, so that keys and screen readers go on from there. */
function Result({ state, session }: { readonly state: State; readonly session: Session }): JSX.Element | null {
  const start = useRef<HTMLDivElement>(null);
  const { result } = state;
  useEffect(() => {
    if (result !== null) start.current?.focus();
  }, [result]);
  if (result === null) return null;
  return (
    <div ref={start} tabIndex={-1} class="result" role="region" aria-label="Result">
      <ResultView result={result} state={state} session={session} />
    </div>
  );
}
