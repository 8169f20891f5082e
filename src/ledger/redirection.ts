/**
 * Where logs are when nobody says: the process's environment, or the place that a test put in its stead. It stands
 * this low because the side that writes and the side that reads must both see it.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { Environment } from "./context.ts"

/** A place that takes all trails opened inside, whatever they ask for, and that reads inside look at by default. */
export interface Redirection {
  readonly logDir: string
  readonly environment: Environment
}

const redirection = new AsyncLocalStorage<Redirection>()

/** The redirection around the running code, if a test made one. */
export function currentRedirection(): Redirection | undefined {
  return redirection.getStore()
}

/** Runs code whose trails all go to one place. */
export function redirectTrails<R>(to: Redirection, run: () => R): R {
  return redirection.run(to, run)
}
