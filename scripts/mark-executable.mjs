// npm sets the bit when it installs a package; a clone that was only built needs it too, for `npx wsc`.
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/compiler/cli/main.js", import.meta.url), 0o755);
