/**
 * A log and a state directory of a test's own, as the environment of this process names them.
 * @module
 */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type AuditRecord, getAuditLogs } from "../../src/audit.ts"
import { closeLedgersUnder } from "../../src/ledger/index.ts"

/** Until it is removed, trails without `logDir` write here. */
export interface TemporaryLog {
  readonly logDir: string
  readonly stateDir: string
  records(): Promise<AuditRecord[]>
  /** Event types of one operation, in order. */
  typesOf(operationName: string): Promise<string[]>
  /** Details of the first event of a type. */
  detailsOf(eventType: string): Promise<Record<string, unknown>>
  /** All bytes of all files of the log, as Latin-1 text. */
  bytes(): string
  remove(): Promise<void>
}

/** Makes one. */
export function temporaryLog(): TemporaryLog {
  const root = fs.mkdtempSync(join(tmpdir(), "secureml-wrap-"))
  const logDir = join(root, "log")
  const stateDir = join(root, "state")
  const before = process.env["SECUREML_STATE_DIR"]
  process.env["SECUREML_AUDIT_DIR"] = logDir
  process.env["SECUREML_STATE_DIR"] = stateDir
  const records = (): Promise<AuditRecord[]> => getAuditLogs({ logDir })
  return {
    logDir,
    stateDir,
    records,
    typesOf: async (name) => (await records()).filter((r) => r.operation_name === name).map((r) => r.event_type),
    detailsOf: async (type) => ({ ...(await records()).find((record) => record.event_type === type)?.details }),
    bytes: () =>
      filesUnder(logDir)
        .map((file) => fs.readFileSync(file, "latin1"))
        .join("\n"),
    async remove() {
      await closeLedgersUnder(root)
      fs.rmSync(root, { recursive: true, force: true })
      delete process.env["SECUREML_AUDIT_DIR"]
      if (before === undefined) delete process.env["SECUREML_STATE_DIR"]
      else process.env["SECUREML_STATE_DIR"] = before
    },
  }
}

function filesUnder(directory: string): string[] {
  return fs
    .readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}
