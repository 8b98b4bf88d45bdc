/** One report, or two with what changed between them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ReportPage } from "../data/report-data.ts";
import { Comparison } from "./comparison.tsx";
import { ReportView } from "./report-view.tsx";

export function App({ page }: { readonly page: ReportPage }): JSX.Element {
  const [side, setSide] = useState<0 | 1>(1);
  const [first, second] = page;
  if (second === undefined) return <ReportView data={first} />;
  const sides = [first, second] as const;
  return (
    <>
      <Comparison before={first} after={second} />
      <div class="switch sides" role="group" aria-label="Report shown below">
        {([0, 1] as const).map((index) => (
          <button
            type="button"
            key={index}
            aria-pressed={side === index}
            onClick={() => {
              setSide(index);
            }}
          >
            {index === 0 ? "Before" : "After"}: {sides[index].title}
          </button>
        ))}
      </div>
      <ReportView key={side} data={sides[side]} />
    </>
  );
}
