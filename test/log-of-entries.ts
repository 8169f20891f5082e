/**
 * A log of entries that a test chooses, as journal segments which the next seal takes.
 * @module
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { formatLine } from "../src/store/index.ts"

/** One entry a second, of one new writer. `own` replaces fields of the entry; a text is the whole of its details. */
export function writeEntries(logDir: string, count: number, own: (n: number) => object | string): void {
  const journal = join(logDir, ".state/journal")
  fs.mkdirSync(journal, { recursive: true, mode: 0o700 })
  const id = randomUUID()
  const lines: Uint8Array[] = []
  for (let n = 0; n < count; n++) {
    const timeMs = Date.UTC(2026, 10, 1) + n * 1_000
    const hex = timeMs.toString(16).padStart(12, "0")
    const chosen = own(n)
    const entry = JSON.stringify({
      v: 1,
      event_id: `${hex.slice(0, 8)}-${hex.slice(8)}-7${(n % 4_096).toString(16).padStart(3, "0")}-8${id.slice(20)}`,
      event_type: "step",
      timestamp: new Date(timeMs).toISOString(),
      operation_id: "op-1",
      operation_name: "job",
      sequence: n,
      writer: { id, seq: n },
      details: {},
      ...(typeof chosen === "string" ? { details: "DETAILS" } : chosen),
    })
    const text = typeof chosen === "string" ? entry.replace('"DETAILS"', chosen) : entry
    lines.push(Buffer.from(formatLine(n, text)))
  }
  fs.writeFileSync(join(journal, `${id}.0`), Buffer.concat(lines), { mode: 0o600 })
}
