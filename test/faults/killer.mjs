/**
 * Preloaded into a child: kills or stops it at the N-th file operation after `globalThis.armed` is set.
 * `KILL_AT` is N, `KILL_SIGNAL` what to send (SIGKILL), `KILL_WHEN=after` waits until the operation is done, for those
 * that are synchronous. Before it is stopped, a child prints "stopping".
 * @module
 */

import fs from "node:fs"
import * as promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"

const killAt = Number(process.env.KILL_AT ?? 0)
const signal = process.env.KILL_SIGNAL ?? "SIGKILL"
const after = process.env.KILL_WHEN === "after"
const print = fs.writeSync
let count = 0
let inside = false

function tick() {
  if (globalThis.armed !== true || inside) return
  count += 1
  globalThis.operations = count
  if (count !== killAt) return
  if (signal === "SIGSTOP") print(1, "stopping\n")
  process.kill(process.pid, signal)
}

const SYNC = [
  "writeSync",
  "openSync",
  "fdatasyncSync",
  "fsyncSync",
  "linkSync",
  "unlinkSync",
  "renameSync",
  "rmSync",
  "mkdirSync",
  "ftruncateSync",
  "writeFileSync",
]
for (const name of SYNC) {
  const original = fs[name]
  fs[name] = (...parameters) => {
    if (!after) tick()
    // What an operation calls of its own is no step of ours.
    const before = inside
    inside = true
    try {
      return original(...parameters)
    } finally {
      inside = before
      if (after) tick()
    }
  }
}
const fdatasync = fs.fdatasync
fs.fdatasync = (...parameters) => {
  tick()
  return fdatasync(...parameters)
}
for (const name of ["open", "rename", "link", "unlink", "rm", "rmdir", "readdir"]) {
  const original = promises.default[name]
  promises.default[name] = (...parameters) => {
    tick()
    return original(...parameters)
  }
}
syncBuiltinESMExports()
