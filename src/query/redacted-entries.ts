/**
 * What a verification says of entries that were redacted: the first ones by name, all of them by number. Pure.
 * @module
 */
import type { Finding } from "./findings.ts"
import type { RedactedEntry } from "./redactions.ts"

/** Most that a report names: a log of nothing else must not fill the memory. */
const MOST_NAMED = 1_000
/** Most findings of one kind that are listed; the rest is counted. */
const MOST_FINDINGS = 20

/** Entries that were redacted, in the order of the log. */
export class RedactedEntries {
  readonly first: RedactedEntry[] = []
  #count = 0

  see(entries: readonly RedactedEntry[]): void {
    this.#count += entries.length
    this.first.push(...entries.slice(0, MOST_NAMED - this.first.length))
  }

  findings(): readonly Finding[] {
    const findings: Finding[] = this.first.slice(0, MOST_FINDINGS).map(({ index, by }) => ({
      code: "redacted",
      message: `entry ${index}: redacted by event ${by}`,
      index,
    }))
    if (this.#count > MOST_FINDINGS)
      findings.push({ code: "redacted", message: `and ${this.#count - MOST_FINDINGS} more of the same kind` })
    return findings
  }
}
