/**
 * Numbers that must have no holes: `writer.seq` within each writer, `sequence` within each operation.
 * A hole that a writer's successor does not explain is evidence. Pure.
 * @module
 */
import type { JsonObject } from "../event/index.ts"
import type { StretchCheck } from "./check-bundles.ts"
import type { Finding } from "./findings.ts"
import type { Run } from "./sequence-runs.ts"

/** Most findings of one kind that are listed; the rest is counted. */
const MOST_FINDINGS = 20

/** Numbers seen so far, when they came in order but for a few. */
class Counter {
  next = 0
  /** Runs above `next` that came early, in order, each apart from the others. */
  early: Run[] = []
  /** Where the number after the hole stands. */
  earlyIndex: number | undefined
  repeated: number | undefined

  see({ first, next, index }: Run): void {
    if (first < this.next) this.repeated ??= first
    const from = Math.max(first, this.next)
    if (from >= next) return
    if (from === this.next) {
      this.next = next
      this.#absorb()
    } else {
      this.earlyIndex ??= index
      this.#addEarly(from, next, index)
    }
  }

  #addEarly(first: number, next: number, index: number | undefined): void {
    const overlapping = this.early.find((run) => run.first < next && first < run.next)
    if (overlapping !== undefined) this.repeated ??= Math.max(first, overlapping.first)
    const apart = this.early.filter((run) => run.next < first || run.first > next)
    const touching = this.early.filter((run) => run.next >= first && run.first <= next)
    const whole = {
      first: Math.min(first, ...touching.map((run) => run.first)),
      next: Math.max(next, ...touching.map((run) => run.next)),
      index,
    }
    this.early = [...apart, whole].sort((a, b) => a.first - b.first)
  }

  #absorb(): void {
    for (let run = this.early[0]; run !== undefined && run.first <= this.next; run = this.early[0]) {
      if (run.first < this.next) this.repeated ??= run.first
      this.next = Math.max(this.next, run.next)
      this.early.shift()
    }
  }

  /** Takes numbers as explained up to, not including, one. */
  skipTo(number: number): void {
    this.next = Math.max(this.next, number)
    while (this.early[0] !== undefined && this.early[0].next <= this.next) this.early.shift()
    if (this.early[0] !== undefined && this.early[0].first <= this.next) this.next = this.early.shift()!.next
  }
}

/** Follows the numbers of all entries, sealed ones first, then the tail. */
export class SequenceCheck {
  readonly #writers = new Map<string, Counter>()
  readonly #operations = new Map<string, Counter>()
  readonly #continued: { readonly id: string; readonly seq: number; readonly index: number | undefined }[] = []
  readonly #notEvents: number[] = []
  readonly #recoveries: { readonly index: number | undefined; readonly kind: string }[] = []
  readonly #isPruned: boolean
  #startAnywhere: boolean

  /** @param isPruned - What came first is gone, so that a writer or an operation may begin with any number. */
  constructor(isPruned = false) {
    this.#isPruned = isPruned
    this.#startAnywhere = isPruned
  }

  /** The next entries, as their runs. */
  see({ segments, notEvents }: Pick<StretchCheck, "segments" | "notEvents">): void {
    for (const index of notEvents) this.#notEvents.push(index)
    for (const { writers, operations, last } of segments) {
      for (const [id, runs] of writers) {
        if (this.#isPruned && !this.#writers.has(id)) counter(this.#writers, id).skipTo(runs[0]!.first)
        for (const run of runs) counter(this.#writers, id).see(run)
      }
      for (const [id, runs] of operations) {
        const operation = counter(this.#operations, id)
        if (this.#startAnywhere && operation.next === 0) operation.skipTo(runs[0]!.first)
        for (const run of runs) operation.see(run)
      }
      if (last === undefined) continue
      const { entry, index } = last
      if (entry.writer.continues !== undefined) this.#continued.push({ ...entry.writer.continues, index })
      if (entry.event_type === "audit_recovered") this.#explain(entry.details, index)
    }
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
    const unknown = this.#isPruned ? Number.POSITIVE_INFINITY : 0
    const short = this.#continued.filter(({ id, seq }) => (this.#writers.get(id)?.next ?? unknown) < seq)
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
  const open = [...counters].filter(([, { early }]) => early.length > 0)
  return limited(open, ([id, { next, early, earlyIndex }]) => ({
    code,
    verdict: "gap",
    message: `${what} ${id} lacks number ${next}, although number ${early[0]!.first} is there`,
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
