/** A thread that does jobs, one after the other. */
import { workerData } from "node:worker_threads";
import { runJob } from "../jobs/run-job.ts";
import type { Job, Outcome } from "../jobs/job.ts";
import { Workshop } from "../jobs/workshop.ts";
import { openStore } from "../store/open-store.ts";
import type { ThreadData } from "./pool.ts";

const data = workerData as ThreadData;

const workshop = openStore(data.store).then((store) => new Workshop({ store, local: data.local, cache: data.cache }));

export const doJob = async (job: Job): Promise<Outcome> => runJob(job, await workshop);
