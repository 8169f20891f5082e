/**
 * Which trail the running code is in, carried along every await. What is stored is a trail; its class is not known here,
 * so that the trail itself can ask.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks"

export const currentTrail: AsyncLocalStorage<{ readonly operationId: string }> = new AsyncLocalStorage()
