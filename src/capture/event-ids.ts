/**
 * Ids of events, one source a thread: UUIDv7, in order within a millisecond. Random bytes are drawn in bulk; a draw an
 * event would cost as much as encoding it.
 * @module
 */
import { randomFillSync } from "node:crypto"
import { EventIdSource } from "../event/index.ts"

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
const POOL = new Uint8Array(8_192)
/** Random bytes that one id takes. */
const TAIL_BYTES = 8
let used = POOL.length
const source = new EventIdSource()

/** The next id at a time in milliseconds since 1970. */
export function nextEventId(nowMs: number): string {
  return source.next(nowMs, randomTail())
}

/** The last two groups of a UUID: variant bits and 62 random ones. */
function randomTail(): string {
  if (used === POOL.length) {
    randomFillSync(POOL)
    used = 0
  }
  const at = used
  used += TAIL_BYTES
  const group = HEX[(POOL[at]! & 0x3f) | 0x80]! + HEX[POOL[at + 1]!]!
  const start = HEX[POOL[at + 2]!]! + HEX[POOL[at + 3]!]! + HEX[POOL[at + 4]!]!
  return `${group}-${start}${HEX[POOL[at + 5]!]!}${HEX[POOL[at + 6]!]!}${HEX[POOL[at + 7]!]!}`
}
