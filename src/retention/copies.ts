/**
 * Copies of personal values that nobody here can delete, for whoever answers the person. Reads only.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import { streamRecords } from "../query/index.ts"

const ALWAYS = [
  "backups of the log directory and of the state directory made before",
  "values that readers printed, copied or exported elsewhere",
  "snapshots and freed blocks of the disk, and swapped memory",
]

/** What the log knows of, and what it cannot know of. */
export async function outOfReach(logDir: string): Promise<readonly string[]> {
  const disclosed: string[] = []
  const keys: string[] = []
  const query = { eventType: ["audit_disclosed", "key_exported"] }
  for await (const record of streamRecords<string>(query, logDir) as unknown as AsyncGenerator<AuditRecord>)
    (record.event_type === "key_exported" ? keys : disclosed).push(record.event_id)
  return [...told("exports with personal values", disclosed), ...told("exports of keys", keys), ...ALWAYS]
}

function told(what: string, events: readonly string[]): string[] {
  return events.length === 0 ? [] : [`${events.length} ${what}, the last of them event ${events.at(-1)}`]
}
