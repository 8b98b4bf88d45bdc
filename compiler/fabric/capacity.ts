import { WscError } from "../../ir/diagnostic.ts";

/** Colors, queues or memory of a core do not suffice. */
export class CapacityError extends WscError {}
