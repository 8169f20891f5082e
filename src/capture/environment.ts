/**
 * Where trails go when they are not told: the process's environment, or the one that a test put in its place.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { Environment } from "../ledger/index.ts"

/** A place that takes all trails opened inside, whatever they ask for. */
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
