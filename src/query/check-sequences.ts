/**
 * Numbers that must have no holes: `writer.seq` within each writer, `sequence` within each operation.
 * A hole that a writer's successor does not explain is evidence. Pure.
 * @module
 */
import type { AuditEntry, JsonObject } from "../event/index.ts"
import type { Finding } from "./findings.ts"

/** Most findings of one kind that are listed; the rest is counted. */
const MOST_FINDINGS = 20

/** Numbers seen so far, when they came in order but for a few. */
class Counter {
  next = 0
  /** Numbers above `next` that came early. */
  readonly early = new Set<number>()
  /** Where the number after the hole stands. */
  earlyIndex: number | undefined
  repeated: number | undefined

  see(number: number, index: number | undefined): void {
    if (number < this.next || this.early.has(number)) this.repeated ??= number
    else if (number > this.next) {
      this.early.add(number)
      this.earlyIndex ??= index
    } else {
      this.next += 1
      while (this.early.delete(this.next)) this.next += 1
    }
  }

  /** Takes numbers as explained up to, not including, one. */
  skipTo(number: number): void {
    this.next = Math.max(this.next, number)
    while (this.early.delete(this.next)) this.next += 1
  }
}

/** Follows the numbers of all entries, sealed ones first, then the tail. */
export class SequenceCheck {
  readonly #writers = new Map<string, Counter>()
  readonly #operations = new Map<string, Counter>()
  readonly #continued: { readonly id: string; readonly seq: number; readonly index: number | undefined }[] = []
  readonly #notEvents: number[] = []
  readonly #recoveries: { readonly index: number | undefined; readonly kind: string }[] = []
  #startAnywhere = false

  /** An entry under the head, or one of the tail (index undefined). */
  see(entry: AuditEntry | undefined, index: number | undefined): void {
    if (entry === undefined) {
      if (index !== undefined) this.#notEvents.push(index)
      return
    }
    counter(this.#writers, entry.writer.id).see(entry.writer.seq, index)
    const operation = counter(this.#operations, entry.operation_id)
    if (this.#startAnywhere && operation.next === 0) operation.skipTo(entry.sequence)
    operation.see(entry.sequence, index)
    if (entry.writer.continues !== undefined) this.#continued.push({ ...entry.writer.continues, index })
    if (entry.event_type === "audit_recovered") this.#explain(entry.details, index)
  }

  /** What a recovery declared as lost: per writer the next number that counts, per operation likewise. */
  #explain(details: JsonObject, index: number | undefined): void {
    this.#recoveries.push({ index, kind: String(details["kind"]) })
    // Operations that began in the log before a successor go on here in the middle.
    if (details["kind"] === "successor") this.#startAnywhere = true
    for (const [key, counters] of [
      ["writers", this.#writers],
      ["operations", this.#operations],
    ] as const) {
      const explained = details[key]
      if (typeof explained !== "object" || explained === null || Array.isArray(explained)) continue
      for (const [id, next] of Object.entries(explained)) {
        if (typeof next === "number" && Number.isSafeInteger(next)) counter(counters, id).skipTo(next)
      }
    }
  }

  findings(): readonly Finding[] {
    return [
      ...holes(this.#writers, "writer_gap", "writer"),
      ...holes(this.#operations, "operation_gap", "operation"),
      ...this.#repeats(),
      ...this.#unfinished(),
      ...this.#notEventFindings(),
      ...limited(this.#recoveries, ({ index, kind }) => ({
        code: "recovered",
        message: `an operator recovered this log (${kind}): what that entry declares as lost is not reported as a gap`,
        ...(index === undefined ? {} : { index }),
      })),
    ]
  }

  #repeats(): Finding[] {
    const repeated = [...this.#writers].filter(([, { repeated }]) => repeated !== undefined)
    return limited(repeated, ([id, { repeated }]) => ({
      code: "writer_number_twice",
      verdict: "gap",
      message: `writer ${id} has number ${repeated} twice`,
    }))
  }

  /** A successor says how far its predecessor came; what is missing before that was recorded and is gone. */
  #unfinished(): Finding[] {
    const short = this.#continued.filter(({ id, seq }) => (this.#writers.get(id)?.next ?? 0) < seq)
    return limited(short, ({ id, seq, index }) => ({
      code: "writer_gap",
      verdict: "gap",
      message: `writer ${id} stops at number ${this.#writers.get(id)?.next ?? 0}, but its successor knows of ${seq} entries`,
      ...(index === undefined ? {} : { index }),
    }))
  }

  #notEventFindings(): Finding[] {
    return limited(this.#notEvents, (index) => ({
      code: "entry_malformed",
      message: `entry ${index} is no event of this format`,
      index,
    }))
  }
}

function counter(counters: Map<string, Counter>, id: string): Counter {
  let found = counters.get(id)
  if (found === undefined) {
    found = new Counter()
    counters.set(id, found)
  }
  return found
}

function holes(counters: ReadonlyMap<string, Counter>, code: string, what: string): Finding[] {
  const open = [...counters].filter(([, { early }]) => early.size > 0)
  return limited(open, ([id, { next, early, earlyIndex }]) => ({
    code,
    verdict: "gap",
    message: `${what} ${id} lacks number ${next}, although number ${Math.min(...early)} is there`,
    ...(earlyIndex === undefined ? {} : { index: earlyIndex }),
  }))
}

function limited<T>(items: readonly T[], toFinding: (item: T) => Finding): Finding[] {
  const findings = items.slice(0, MOST_FINDINGS).map(toFinding)
  const last = findings.at(-1)
  if (items.length > MOST_FINDINGS && last !== undefined) {
    findings.push({ ...last, message: `and ${items.length - MOST_FINDINGS} more of the same kind` })
  }
  return findings
}
