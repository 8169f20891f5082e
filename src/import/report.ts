/**
 * What an import tells. Pure.
 * @module
 */
import type { Checkpoint } from "../proof/index.ts"
import { DAMAGE_TEXT, type DamageCode } from "./candidate.ts"

/** Most places that a report lists; the rest is counted. */
const MOST_PLACES = 10_000

/** Lines, one after the other, that could not be imported for one reason. */
export interface DamagedPlace {
  readonly file: string
  readonly line: number
  /** The last one, where there are several. */
  readonly lastLine?: number
  readonly code: DamageCode
  /** For people. */
  readonly why: string
}

/** A file that could not be read, or not to its end. */
export interface UnreadPlace {
  readonly file: string
  readonly why: string
}

/** What an import did, or would do. */
export interface ImportReport {
  readonly from: string
  /** Absolute path of what was read; "-" is standard input. */
  readonly source: string
  readonly logDir: string
  readonly dryRun: boolean
  readonly timezone: string
  /** Times without a zone, which were read as of that time zone. */
  readonly naiveTimes: number
  readonly files: number
  /** Files of the directory that are no logs, and were not looked at. */
  readonly otherFiles: number
  /** Lines that are not blank. */
  readonly lines: number
  readonly imported: number
  /** Lines that the log had already. */
  readonly known: number
  readonly damaged: number
  /** Records of which something was too large for an entry, or nested too deeply, and left a marker. */
  readonly cut: number
  readonly damage: readonly DamagedPlace[]
  /** Damaged lines that `damage` does not list, since it has its limit. */
  readonly damageNotListed: number
  readonly unreadable: readonly UnreadPlace[]
  /** The checkpoint that covers the records; null where nothing was added, or it could not be sealed here. */
  readonly checkpoint: Checkpoint | null
  /** Why it is not sealed. */
  readonly notSealed?: string
}

type Counted = "naiveTimes" | "lines" | "imported" | "known" | "cut"

/** Counts while an import goes on; owned by it. */
export class Tally {
  readonly counts: Record<Counted, number> = { naiveTimes: 0, lines: 0, imported: 0, known: 0, cut: 0 }
  readonly damage: DamagedPlace[] = []
  readonly unreadable: UnreadPlace[] = []
  damaged = 0
  damageNotListed = 0
  firstEventId: string | undefined
  lastEventId: string | undefined

  damagedLine(file: string, line: number, code: DamageCode, field: string | undefined): void {
    this.damaged += 1
    const why = field === undefined ? DAMAGE_TEXT[code] : `has a ${field} that cannot be used`
    const last = this.damage.at(-1)
    if (last !== undefined && last.file === file && last.why === why && (last.lastLine ?? last.line) === line - 1)
      this.damage[this.damage.length - 1] = { file, line: last.line, lastLine: line, code, why }
    else if (this.damage.length < MOST_PLACES) this.damage.push({ file, line, code, why })
    else this.damageNotListed += 1
  }

  unreadableFile(file: string, why: string): void {
    this.unreadable.push({ file, why })
  }

  importedEvent(eventId: string, cut: boolean): void {
    this.firstEventId ??= eventId
    this.lastEventId = eventId
    this.counts.imported += 1
    if (cut) this.counts.cut += 1
  }
}
