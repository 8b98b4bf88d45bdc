/** What is wrong with a model, or does not fit, with what can be done. */
import type { JSX } from "preact";
import type { Diagnostic } from "../../../ir/diagnostic.ts";
import { visible } from "../../report/text.ts";

export interface ProblemsProps {
  readonly problems: readonly Diagnostic[];
  readonly broken: string | null;
}

export function Problems({ problems, broken }: ProblemsProps): JSX.Element {
  const isEmpty = problems.length === 0 && broken === null;
  return (
    <div role="alert">
      {isEmpty ? null : (
        <section class="card problems">
          <h2>That did not work</h2>
          <DiagnosticList problems={problems} />
          {broken === null ? null : <p>{`This is a defect of wsc, or there is no memory left: ${visible(broken)}`}</p>}
        </section>
      )}
    </div>
  );
}

export const DiagnosticList = ({ problems }: { readonly problems: readonly Diagnostic[] }): JSX.Element => (
  <ul class="diagnostics">
    {problems.map(({ code, severity, subject, message, hint }, index) => (
      <li key={index}>
        <p>
          <strong>{code}</strong> {severity === "error" ? "" : `(${severity}) `}
          {subject === undefined ? "" : `${visible(subject)}: `}
          {visible(message)}
        </p>
        {hint === undefined ? null : <p class="soft">Try this: {visible(hint)}</p>}
      </li>
    ))}
  </ul>
);
