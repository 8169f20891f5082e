/**
 * What a walk remembers for cutting: spans of large values, and how much work is left. One per walk. Pure.
 *
 * Work is counted in characters of text. A container that is still open when it is spent is given up and becomes a
 * marker; what follows it gets a new, smaller allowance, so one huge value does not take its small neighbours along.
 * @module
 */
import { utf8 } from "../bytes.ts"
import {
  COMMITMENT_CHARS,
  type Commit,
  cutToLimit,
  type KeptValue,
  type Omission,
  omittedMarker,
  type PersonalSpan,
  type Span,
} from "./cut.ts"
import { type PersonalHandler, personalMarker } from "./personal.ts"
import { utf8Bytes } from "./text.ts"

/** Shorter values are never cut on their own. */
export const SPAN_CHARS = 256

/** First allowance, in multiples of the limit; later ones are one limit each. */
const WORK_FACTOR = 8
const ALLOWANCES = 8
/** Text of a walk that is measured although it is cut; past that every unit counts one byte, a lower bound. */
const MEASURED_CHARS = 1 << 25

const NONE: readonly never[] = Object.freeze([])

/** A text that fits, and what was cut from it. */
export interface CutText {
  readonly json: string
  readonly omitted: readonly Omission[]
  readonly kept: readonly KeptValue[]
}

/** Where a value stands and what it is. `length` counts the members of an array, map or set. */
export interface Place {
  readonly key: string | number
  readonly at: number
  readonly type: string
  readonly length?: number
}

/** Spans in post-order, as cut.ts wants them. */
export class Spans {
  private readonly limitBytes: number
  private readonly spans: Span[] = []
  private spentAt: number
  private allowances = ALLOWANCES
  private measuredChars = 0
  private hasMarkers = false

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
    this.spentAt = limitBytes * WORK_FACTOR
  }

  get count(): number {
    return this.spans.length
  }

  /** Forgets the spans noted since `count`. */
  rewind(count: number): void {
    this.spans.length = count
  }

  isSpent(at: number): boolean {
    return at > this.spentAt
  }

  isTooLong(text: string, at: number): boolean {
    return text.length > this.limitBytes || (text.length > SPAN_CHARS && at > this.spentAt)
  }

  /** Whether so many members of at least so many characters cannot fit. */
  isTooMany(members: number, memberChars: number): boolean {
    return members * memberChars > this.limitBytes
  }

  /** Remembers a large value; `text` is the string, when it is one. */
  note(json: string, place: Place, text?: string): void {
    this.push(place, json.length, text, undefined)
  }

  /** A marker instead of a value that was not written. */
  omit(marker: string, place: Place, bytes: number): string {
    this.hasMarkers = true
    this.push(place, marker.length, undefined, bytes)
    return marker
  }

  omitText(text: string, key: string | number, at: number): string {
    this.measuredChars += text.length
    const exact = this.measuredChars <= MEASURED_CHARS
    const bytes = exact ? utf8(text).length : text.length
    return this.omit(omittedMarker("string", bytes, exact), { key, at, type: "string" }, bytes)
  }

  /** The marker of a personal value; its commitment is made once its place is known. */
  seal(personal: PersonalSpan, key: string | number, at: number): string {
    this.hasMarkers = true
    const marker = personalMarker("=".repeat(COMMITMENT_CHARS), personal.subjects)
    this.push({ key, at, type: "personal" }, marker.length, undefined, undefined, personal)
    return marker
  }

  /** A marker for a container that is not looked into. */
  skip(place: Place): string {
    // Two characters a member, "0" and a comma, is the least that JSON can take.
    const bytes = 2 * (place.length ?? 0) + 1
    return this.omit(omittedMarker(place.type, bytes, false, place.length), place, bytes)
  }

  /** Gives up a container at this depth of which `chars` were written; what follows it gets a new allowance. */
  abandon(count: number, chars: number, place: Place, depth: number): string {
    this.rewind(count)
    this.spentAt = place.at
    // A container at depth d leaves d allowances to those around it.
    if (this.allowances > depth) {
      this.allowances--
      this.spentAt += this.limitBytes
    }
    return this.omit(omittedMarker(place.type, chars, false, place.length), place, chars)
  }

  /** Cuts the text of the whole value to a limit; with `commit`, what is cut is kept. */
  cut(
    json: string,
    type: string,
    limitBytes: number,
    commit: Commit | undefined,
    personal: PersonalHandler | undefined,
  ): CutText {
    const { spans } = this
    if (!this.hasMarkers && (json.length * 3 <= limitBytes || utf8Bytes(json) <= limitBytes)) {
      return { json, omitted: NONE, kept: NONE }
    }
    const last = spans[spans.length - 1]
    const hasRoot = last !== undefined && last.start === 0 && last.end === json.length
    if (!hasRoot) this.note(json, { key: "", at: 0, type })
    return cutToLimit(json, spans, limitBytes, commit, personal)
  }

  private push(
    place: Place,
    chars: number,
    text: string | undefined,
    omittedBytes: number | undefined,
    personal?: PersonalSpan,
  ): void {
    const { key, at, type, length } = place
    this.spans.push({ start: at, end: at + chars, key, type, text, length, omittedBytes, personal })
  }
}
