/**
 * What is done with a log leaves an event in it. Where none can be written, the command goes on and says so.
 * @module
 */
import * as fs from "node:fs"
import { join } from "node:path"
import type { AuditFilters } from "../audit.ts"
import { type Act, recordAct } from "../capture/index.ts"
import { askedFor } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { messageOf } from "./failure.ts"
import type { Output } from "./output.ts"

/** Records an export, and tells where it cannot. */
export function recordExport(root: RootDirectory, details: object, output: Output): void {
  recordOrTell(root, { operationName: "audit_export", eventType: "audit_exported", details }, "this export", output)
}

/** Records what was done with a log, and tells where it cannot. */
export function recordOrTell(root: RootDirectory, act: Omit<Act, "logDir">, what: string, output: Output): void {
  if (!isWrittenTo(root)) {
    output.note(
      `${what} is not recorded: nobody records in ${root.path}, it is a copy of what was published, or no log`,
    )
    return
  }
  try {
    recordAct({ logDir: root.path, ...act })
  } catch (error) {
    output.note(`${what} is not recorded in the log: ${messageOf(error)}`)
  }
}

/** A copy of the public part has no journals; an event in it would make another log of it. */
function isWrittenTo({ path }: RootDirectory): boolean {
  return fs.existsSync(join(path, ".state/journal"))
}

/** Which filters were given; a value that could be a person's is not told. */
export function filtersOf(query: AuditFilters): object {
  const filters = askedFor(query)
  return Object.keys(filters).length === 0 ? {} : { filters }
}
