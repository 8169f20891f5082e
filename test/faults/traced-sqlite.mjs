/**
 * Preloaded into a child: writes to `TRACE_FILE` when the child has taken the sealing lock ("+") and is about to free it
 * ("-"), with its SQLite driver and its process id. `WITHOUT_BUILT_IN` hides the SQLite of Node.
 * @module
 */
import fs from "node:fs"
import { createRequire } from "node:module"

const trace = fs.openSync(process.env.TRACE_FILE, "a")

function traced(Database, driver) {
  return class extends Database {
    #note

    constructor(path, ...options) {
      super(path, ...options)
      const isLock = path.endsWith("/.state/lock")
      this.#note = (sign) => isLock && fs.writeSync(trace, `${sign} ${driver} ${process.pid}\n`)
    }

    exec(sql) {
      if (sql === "ROLLBACK") this.#note("-")
      const result = super.exec(sql)
      if (sql === "BEGIN IMMEDIATE") this.#note("+")
      return result
    }
  }
}

if (process.env.WITHOUT_BUILT_IN !== undefined) process.getBuiltinModule = undefined
const builtIn = process.getBuiltinModule?.("node:sqlite")
if (builtIn !== undefined) builtIn.DatabaseSync = traced(builtIn.DatabaseSync, "node:sqlite")
else {
  const require = createRequire(`file://${process.env.SECUREML_TEST_DIST}/engine.js`)
  const Libsql = require("libsql")
  require.cache[require.resolve("libsql")].exports = traced(Libsql, "libsql")
}
