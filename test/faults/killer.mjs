/**
 * Preloaded into a child: kills it at the N-th file operation after `globalThis.armed` is set.
 * @module
 */

import fs from "node:fs"
import * as promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"

const killAt = Number(process.env.KILL_AT ?? 0)
let count = 0
let inside = false

function tick() {
  if (globalThis.armed !== true || inside) return
  count += 1
  globalThis.operations = count
  if (count === killAt) process.kill(process.pid, "SIGKILL")
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
    tick()
    // What an operation calls of its own is no step of ours.
    const before = inside
    inside = true
    try {
      return original(...parameters)
    } finally {
      inside = before
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
