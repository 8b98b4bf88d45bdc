/** The page without installation: a model and a machine, then the report. */
import { render } from "preact";
import { defined } from "../../../ir/access.ts";
import { App } from "./app.tsx";

render(<App />, defined(document.getElementById("page")));
