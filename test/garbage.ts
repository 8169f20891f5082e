/**
 * Garbage collection when a test asks for it. libsql closes a file once the statements on it are collected.
 * @module
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")

export const collectGarbage = runInNewContext("gc") as () => void
