/**
 * The numbers of many entries as runs: `writer.seq` by writer, `sequence` by operation, consecutive ones as one. What a
 * log of a million entries has to say about its numbers then fits into a few of them. Pure.
 * @module
 */
import { isUtf8 } from "node:buffer"
import { type AuditEntry, EntryScanner } from "../event/index.ts"
import { tryParse } from "./snapshot.ts"

/** Consecutive numbers `first` to `next - 1`, which need not stand side by side; `index` is that of the first one. */
export interface Run {
  readonly first: number
  next: number
  readonly index: number | undefined
}

/** Runs by id, each in the order in which they begin. */
export type RunsById = ReadonlyMap<string, readonly Run[]>

/** Some entries in a row, and the entry behind them that has more to say than its numbers. */
export interface RunSegment {
  readonly writers: RunsById
  readonly operations: RunsById
  readonly last?: { readonly entry: AuditEntry; readonly index: number | undefined }
}

const RECOVERED = Buffer.from("audit_recovered")

/** Collects runs; `segments` are complete once `close` was called. */
export class SequenceRuns {
  readonly segments: RunSegment[] = []
  /** Indexes of what is no event. */
  readonly notEvents: number[] = []
  readonly #scanner = new EntryScanner()
  #writers = new Runs()
  #operations = new Runs()

  /**
   * Sees the entries of a bundle.
   *
   * @param bytes - The bundle, whose lengths are overwritten.
   * @param starts - Where each entry begins, as `entryStarts` gives it.
   */
  seeBundle(bytes: Uint8Array, starts: readonly number[], firstIndex: number): void {
    // With zeros between the entries, one look tells whether all of them are UTF-8.
    for (const start of starts) {
      bytes[start - 1] = 0
      bytes[start - 2] = 0
    }
    const isText = isUtf8(bytes)
    const scanner = this.#scanner
    for (let n = 0; n + 1 < starts.length; n++) {
      const [start, end] = [starts[n]!, starts[n + 1]! - 2]
      if (isText && scanner.scan(bytes, start, end) && !isRecovery(bytes, scanner)) {
        this.#writers.see(bytes, scanner.writerAt, scanner.writerEnd, scanner.writerSeq, firstIndex + n)
        this.#operations.see(bytes, scanner.operationAt, scanner.operationEnd, scanner.sequence, firstIndex + n)
      } else {
        this.see(tryParse(bytes.subarray(start, end)), firstIndex + n)
      }
    }
  }

  /** Sees one entry that was parsed; undefined for bytes that are none. */
  see(entry: AuditEntry | undefined, index: number | undefined): void {
    if (entry === undefined) {
      if (index !== undefined) this.notEvents.push(index)
      return
    }
    this.#writers.add(entry.writer.id, entry.writer.seq, index)
    this.#operations.add(entry.operation_id, entry.sequence, index)
    if (entry.writer.continues !== undefined || entry.event_type === "audit_recovered") this.#cut({ entry, index })
  }

  close(): void {
    this.#cut(undefined)
  }

  #cut(last: RunSegment["last"]): void {
    const runs = { writers: this.#writers.byId, operations: this.#operations.byId }
    this.segments.push(last === undefined ? runs : { ...runs, last })
    this.#writers = new Runs()
    this.#operations = new Runs()
  }
}

function isRecovery(bytes: Uint8Array, { typeAt, typeEnd }: EntryScanner): boolean {
  if (typeEnd - typeAt !== RECOVERED.length) return false
  return RECOVERED.every((byte, n) => bytes[typeAt + n] === byte)
}

/** Runs of one kind. The id seen last is kept as bytes: the next entry mostly has the same. */
class Runs {
  readonly byId = new Map<string, Run[]>()
  #lastId = new Uint8Array(0)
  #last: Run[] = []

  see(bytes: Uint8Array, idAt: number, idEnd: number, number: number, index: number): void {
    if (!this.#isLast(bytes, idAt, idEnd)) {
      const id = Buffer.from(bytes.buffer, bytes.byteOffset + idAt, idEnd - idAt)
      this.#last = this.#runsOf(id.toString())
      this.#lastId = Uint8Array.from(id)
    }
    extend(this.#last, number, index)
  }

  add(id: string, number: number, index: number | undefined): void {
    extend(this.#runsOf(id), number, index)
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const last = this.#lastId
    if (end - start !== last.length) return false
    for (let i = 0; i < last.length; i++) {
      if (bytes[start + i] !== last[i]) return false
    }
    return true
  }

  #runsOf(id: string): Run[] {
    let runs = this.byId.get(id)
    if (runs === undefined) {
      runs = []
      this.byId.set(id, runs)
    }
    return runs
  }
}

function extend(runs: Run[], number: number, index: number | undefined): void {
  const last = runs.at(-1)
  if (last !== undefined && last.next === number) last.next += 1
  else runs.push({ first: number, next: number + 1, index })
}
