/**
 * Importing: lines of foreign logs become marked events, each once, however often the import is run or cut off.
 * Decision: docs/decisions/0008-imported-lines.md.
 * @module
 */
import { isUtf8 } from "node:buffer"
import { basename, resolve } from "node:path"
import { setImmediate as turn } from "node:timers/promises"
import { ImportRecorder, recordAct } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import { NO_KEY } from "../ledger/index.ts"
import { importedId, lineCommitmentOf } from "../privacy/index.ts"
import type { Checkpoint } from "../proof/index.ts"
import { findLogDirectory, IMPORT_LOCK_FILE, LocalMutex, type RootDirectory } from "../store/index.ts"
import { type Candidate, LineDamage } from "./candidate.ts"
import { JsonFaultError } from "./exact-json.ts"
import { keyMissing, makeImportKey, readImportKey } from "./import-key.ts"
import { readJsonLine } from "./json-line.ts"
import { KnownRecords, knownRecords } from "./known.ts"
import { LineSplitter, type SourceLine } from "./line-splitter.ts"
import { readPythonLine } from "./python-line.ts"
import { type ImportReport, Tally } from "./report.ts"
import { namedFile, pythonFiles, type SourceFile, UnreadableFile } from "./source-files.ts"
import { type Zone, zoneOf } from "./zone.ts"

/** Kinds of logs that can be imported. */
export const IMPORT_KINDS = ["python-secureml", "jsonl"] as const
export type ImportKind = (typeof IMPORT_KINDS)[number]

/** Lines between two chances for others: sealing in the background, signals, progress. */
const LINES_A_TURN = 250
/** An operation without a name of its own. */
const NAMELESS = "imported"

/** What to import, and into which log. */
export interface ImportOptions {
  readonly from: ImportKind
  /** A directory or a file, by the kind. */
  readonly source: string
  readonly logDir: string
  /** Of times that have no zone. Default UTC. */
  readonly timezone?: string
  /** Reads and tells, and changes nothing. */
  readonly dryRun?: boolean
  readonly onProgress?: (lines: number) => void
}

/**
 * Imports, seals, and records an `audit_imported` event that says what was done. Records that the log has already are
 * skipped; when there is nothing new, nothing is recorded.
 *
 * @throws RangeError for a time zone that is not known.
 * @throws {@link AuditError} `IMPORT_SOURCE_UNREADABLE`, `IMPORT_BUSY`, `IMPORT_KEY_MISSING`, `LOG_DIR_NOT_WRITABLE`,
 * `RECORD_FAILED`: what was imported so far stays, and the next import goes on behind it.
 * @example
 * ```ts
 * (await importLogs({ from: "python-secureml", source: "old_logs", logDir: "logs" })).imported // 4711
 * ```
 */
export async function importLogs(options: ImportOptions): Promise<ImportReport> {
  const zone = zoneOf(options.timezone ?? "UTC")
  const { files, others } = filesOf(options)
  const job = new ImportJob(options, zone)
  if (options.dryRun === true) await job.run(files, findLogDirectory(options.logDir))
  else await job.write(files)
  return job.report(files.length, others)
}

function filesOf({ from, source }: ImportOptions): { readonly files: readonly SourceFile[]; readonly others: number } {
  return from === "python-secureml" ? pythonFiles(source) : { files: [namedFile(source)], others: 0 }
}

/** One import; owns its state. */
class ImportJob {
  readonly #options: ImportOptions
  readonly #zone: Zone
  readonly #tally = new Tally()
  #recorder: ImportRecorder | undefined
  #known = new KnownRecords()
  #key: Uint8Array = new Uint8Array(32)
  #checkpoint: Checkpoint | null = null
  #notSealed: string | undefined

  constructor(options: ImportOptions, zone: Zone) {
    this.#options = options
    this.#zone = zone
  }

  /** Imports under the lock: two imports at once would both find a line missing. */
  async write(files: readonly SourceFile[]): Promise<void> {
    this.#recorder = new ImportRecorder(this.#options.logDir)
    const root = findLogDirectory(this.#recorder.ledger.path)!
    const lock = LocalMutex.open(root, IMPORT_LOCK_FILE)
    if (lock?.tryAcquire() === false) {
      lock.close()
      throw new AuditError(
        "IMPORT_BUSY",
        `another import into ${root.path} is under way; run this one when it has ended`,
      )
    }
    try {
      await this.run(files, root)
      await this.#tell(files)
    } finally {
      lock?.release()
      lock?.close()
    }
  }

  async run(files: readonly SourceFile[], root: RootDirectory | undefined): Promise<void> {
    if (root !== undefined) await this.#look(root, files)
    for (const file of files) await this.#file(file)
  }

  async #look(root: RootDirectory, files: readonly SourceFile[]): Promise<void> {
    const key = await readImportKey(root)
    this.#known = await knownRecords(root, this.#options.from, new Set(files.map(({ name }) => name)))
    if (key === undefined && this.#known.any) throw keyMissing("is missing")
    if (key !== undefined) this.#key = key
    else if (this.#recorder !== undefined) this.#key = await makeImportKey(root)
  }

  async #file(file: SourceFile): Promise<void> {
    const splitter = new LineSplitter()
    try {
      for await (const chunk of file.open()) {
        for (const line of splitter.push(chunk)) await this.#line(file.name, line)
      }
      for (const line of splitter.end()) await this.#line(file.name, line)
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error
      this.#tally.unreadableFile(file.name, error.message)
    }
  }

  async #line(file: string, line: SourceLine): Promise<void> {
    if (line.bytes?.length === 0) return
    const { counts } = this.#tally
    counts.lines += 1
    if (counts.lines % LINES_A_TURN === 0) {
      this.#options.onProgress?.(counts.lines)
      await turn()
    }
    try {
      this.#record(file, line)
    } catch (error) {
      const [code, field] = damageOf(error, line)
      this.#tally.damagedLine(file, line.number, code, field)
    }
  }

  #record(file: string, { number, bytes }: SourceLine): void {
    if (bytes === undefined) throw new LineDamage("too_long")
    if (!isUtf8(bytes)) throw new LineDamage("not_utf8")
    const text = bytes.toString()
    const { from } = this.#options
    const commitment = lineCommitmentOf(this.#key, { from, file, line: number, text })
    const state = this.#known.stateOf(file, number, commitment)
    if (state === "known") {
      this.#tally.counts.known += 1
      return
    }
    // Python gives each operation a file of its own; other files may well share a name.
    if (state === "changed" && from === "python-secureml") throw new LineDamage("changed")
    const candidate = from === "jsonl" ? readJsonLine(text, this.#zone) : readPythonLine(text, file, this.#zone)
    const { operationName = NAMELESS, occurredAt, naive } = candidate
    const operationId = candidate.operationId ?? importedId(this.#key, [from, file, operationName])
    if (this.#known.isOwn(operationId)) throw new LineDamage("own_operation")
    if (naive) this.#tally.counts.naiveTimes += 1
    this.#write({ ...candidate, operationId, operationName, occurredAt }, { from, file, line: number, commitment })
  }

  #write(
    candidate: Candidate & { readonly operationId: string; readonly operationName: string },
    mark: { readonly from: string; readonly file: string; readonly line: number; readonly commitment: string },
  ): void {
    if (this.#recorder === undefined) {
      this.#tally.importedEvent("", false)
      return
    }
    const sequence = this.#known.nextSequence(candidate.operationId)
    const { eventId, cut } = this.#recorder.record({ ...candidate, sequence, mark })
    this.#tally.importedEvent(eventId, cut)
  }

  /** Records what was done, and seals it. An import that was cut off before it told is told of now. */
  async #tell(files: readonly SourceFile[]): Promise<void> {
    const { counts, damaged, firstEventId, lastEventId, unreadable } = this.#tally
    const { imported, known, lines, cut } = counts
    const { untold } = this.#known
    if (imported + untold === 0) return
    const { from, source, logDir } = this.#options
    const details = {
      from,
      source: source === "-" ? "-" : basename(resolve(source)),
      timezone: this.#zone.name,
      ...{ files: files.length, unreadable_files: unreadable.length, lines, imported, known, damaged, cut },
      ...(untold === 0 ? {} : { imported_before: untold }),
      ...(imported === 0 ? {} : { first_event_id: firstEventId, last_event_id: lastEventId }),
    }
    recordAct({ logDir, operationName: "audit_import", eventType: "audit_imported", details })
    try {
      this.#checkpoint = await this.#recorder!.ledger.flush()
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      if (error.cause !== NO_KEY) throw error
      this.#notSealed = error.message
    }
  }

  report(files: number, otherFiles: number): ImportReport {
    const { from, source, logDir, dryRun = false } = this.#options
    const { counts, damaged, damage, damageNotListed, unreadable } = this.#tally
    return {
      ...{ from, source: source === "-" ? "-" : resolve(source), logDir: resolve(logDir), dryRun },
      ...{ timezone: this.#zone.name, naiveTimes: counts.naiveTimes, files, otherFiles, lines: counts.lines },
      ...{ imported: counts.imported, known: counts.known, damaged, cut: counts.cut },
      ...{ damage, damageNotListed, unreadable, checkpoint: this.#checkpoint },
      ...(this.#notSealed === undefined ? {} : { notSealed: this.#notSealed }),
    }
  }
}

function damageOf(error: unknown, { finished }: SourceLine): [LineDamage["code"], string | undefined] {
  const code = error instanceof JsonFaultError ? error.fault : error instanceof LineDamage ? error.code : undefined
  if (code === undefined) throw error
  const mayGrow = !finished && (code === "not_json" || code === "not_a_line")
  return [mayGrow ? "unfinished" : code, error instanceof LineDamage ? error.field : undefined]
}
