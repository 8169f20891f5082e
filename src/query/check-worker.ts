/**
 * The thread of check-threads.ts: checks the stretches that it is sent, one after the other, and sends back what it
 * found. Reads files.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads"
import { RootDirectory } from "../store/index.ts"
import { checkBundles, type Stretch } from "./check-bundles.ts"

const root = new RootDirectory((workerData as { directory: string }).directory)

parentPort?.on("message", async (stretch: Stretch) => {
  // Nobody else waits for this thread: reading at once costs less than waiting.
  parentPort?.postMessage(await checkBundles(async (path) => root.readNow(path), stretch))
})
