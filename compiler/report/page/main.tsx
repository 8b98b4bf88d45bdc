/** The report's page: draws the data that stands in it. */
import { render } from "preact";
import { defined } from "../../../ir/access.ts";
import type { ReportPage } from "../data/report-data.ts";
import { App } from "./app.tsx";

const text = defined(document.getElementById("data")).textContent;
render(<App page={JSON.parse(text) as ReportPage} />, defined(document.getElementById("page")));
