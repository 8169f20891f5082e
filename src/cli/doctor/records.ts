/**
 * What the entries say: trails without an end, and steps of the clock. Reads only.
 * @module
 */
import { AuditError } from "../../errors.ts"
import type { AuditEntry } from "../../event/index.ts"
import { readEntries, type Snapshot, tryParse } from "../../query/index.ts"
import { type Diagnosis, note, ok, problem, someOf, spanText } from "./diagnosis.ts"
import { CopyCount } from "./key-changes.ts"

/** Clocks of well-kept machines differ by less. */
const AHEAD_MS = 300_000
const STARTED = Buffer.from('"event_type":"audit_started"')
const CLOSED = Buffer.from('"event_type":"audit_closed"')
const TIME = /^\{"v":1,"event_id":"[0-9a-f-]{36}","event_type":"[^"\\]*","timestamp":"([^"]+)"/
const WRITER = /"writer":\{"id":"([0-9a-f-]{36})"/
/** Longest begin of an entry in which its time and its writer stand. */
const HEAD_BYTES = 4_096

/** A trail that has begun. */
interface OpenTrail {
  readonly name: string
  readonly since: string
}

/** Looks through all entries. */
export async function examineRecords(
  { blobs, treeSize, pruning, tail }: Snapshot,
  nowMs: number,
  onProgress: (entries: number) => void,
): Promise<Diagnosis[]> {
  const open = new Map<string, OpenTrail>()
  const clock = new ClockCheck()
  const copies = new CopyCount()
  let seen = 0
  const see = (bytes: Uint8Array): void => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    seeTrail(buffer, open)
    copies.see(buffer)
    clock.see(buffer.toString("latin1", 0, HEAD_BYTES))
    if (++seen % 1_000 === 0) onProgress(seen)
  }
  try {
    for await (const { bytes } of readEntries(blobs, pruning?.minimumIndex ?? 0, treeSize)) see(bytes)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    return [problem("entries", `the entries cannot be read: ${error.message}`, "run secureml audit verify")]
  }
  for (const { bytes } of tail) see(bytes)
  return [trails(open), ...clock.diagnoses(nowMs), ...copies.diagnoses()]
}

/** Imported trails have types of another name. */
function seeTrail(bytes: Buffer, open: Map<string, OpenTrail>): void {
  const started = bytes.includes(STARTED)
  if (!started && !bytes.includes(CLOSED)) return
  const entry: AuditEntry | undefined = tryParse(bytes)
  if (entry?.event_type === "audit_started")
    open.set(entry.operation_id, { name: entry.operation_name, since: entry.timestamp })
  else if (entry?.event_type === "audit_closed") open.delete(entry.operation_id)
}

function trails(open: ReadonlyMap<string, OpenTrail>): Diagnosis {
  const check = "trails"
  if (open.size === 0) return ok(check, "every trail that began has ended")
  const oldest = [...open].sort(([, a], [, b]) => (a.since < b.since ? -1 : 1))
  const names = oldest.map(([id, { name, since }]) => `${JSON.stringify(name)} (${id}) since ${since}`)
  const message = `${open.size} ${open.size === 1 ? "trail has" : "trails have"} no end: ${someOf(names)}`
  return note(check, message, "they still run, or their process died; nothing they recorded is lost")
}

/** Times of each writer, whose order is certain. */
class ClockCheck {
  readonly #latest = new Map<string, number>()
  #newest = 0
  #steps = 0
  #largestMs = 0
  #firstAt: string | undefined

  see(head: string): void {
    const time = TIME.exec(head)?.[1]
    const writer = WRITER.exec(head)?.[1]
    if (time === undefined || writer === undefined) return
    const ms = Date.parse(time)
    const before = this.#latest.get(writer) ?? ms
    if (ms < before) {
      this.#steps += 1
      this.#largestMs = Math.max(this.#largestMs, before - ms)
      this.#firstAt ??= time
    }
    this.#latest.set(writer, ms)
    this.#newest = Math.max(this.#newest, ms)
  }

  diagnoses(nowMs: number): Diagnosis[] {
    const check = "clock"
    const found: Diagnosis[] = []
    if (this.#steps > 0) {
      const message = `the clock ran backwards ${this.#steps === 1 ? "once" : `${this.#steps} times`} while recording, by up to ${spanText(this.#largestMs)}, first to ${this.#firstAt}`
      found.push(
        note(
          check,
          message,
          "the order of entries is right all the same; see that the clock is kept by NTP or the like",
        ),
      )
    }
    if (this.#newest > nowMs + AHEAD_MS) {
      const message = `the newest entry is ${spanText(this.#newest - nowMs)} ahead of this machine's clock`
      found.push(
        note(check, message, "one of the clocks is wrong; times of entries are what the recording machine said"),
      )
    }
    return found.length > 0 ? found : [ok(check, "times follow the order of the entries")]
  }
}
