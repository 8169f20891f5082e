/**
 * What every driver must do, as cases that any test runner can run. A case rejects when the driver is wrong.
 * @module
 */
import assert from "node:assert/strict"
import { AuditError } from "../errors.ts"
import type { BlobStore, Journal, Mutex, SegmentWriter } from "./contract.ts"
import { formatLine } from "./lines.ts"

/** One promise of a contract. */
export interface ConformanceCase {
  readonly name: string
  readonly run: () => Promise<void>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
function add(segment: SegmentWriter, line: string): void {
  const whole = bytes(line)
  segment.append(whole, whole.length)
}

const never = async (): Promise<boolean> => false
const always = async (): Promise<boolean> => true

function cases<T>(
  make: () => Promise<T>,
  table: Readonly<Record<string, (subject: T) => Promise<void>>>,
): ConformanceCase[] {
  return Object.entries(table).map(([name, check]) => ({ name, run: async () => check(await make()) }))
}

/** Cases for a blob store; `make` gives an empty one each time. */
export function blobStoreConformance(make: () => Promise<BlobStore>): ConformanceCase[] {
  return cases(make, {
    "nothing is there at first": async (store) => {
      assert.equal(await store.get("checkpoint"), undefined)
      assert.deepEqual(await store.list("tile"), [])
    },
    "what was put is read back": async (store) => {
      await store.putAll(
        [
          { path: "tile/0/000.p/1", bytes: bytes("a") },
          { path: "tile/entries/000.p/1", bytes: bytes("b") },
        ],
        never,
      )
      assert.deepEqual(Buffer.from((await store.get("tile/0/000.p/1"))!).toString(), "a")
      assert.deepEqual([...(await store.list("tile"))].sort(), ["tile/0/000.p/1", "tile/entries/000.p/1"])
    },
    "putting equal bytes again is fine": async (store) => {
      for (let time = 0; time < 2; time++) await store.putAll([{ path: "tile/0/000", bytes: bytes("a") }], never)
      assert.equal(Buffer.from((await store.get("tile/0/000"))!).toString(), "a")
    },
    "published bytes are never overwritten": async (store) => {
      await store.putAll([{ path: "tile/0/000", bytes: bytes("a") }], never)
      const other = store.putAll([{ path: "tile/0/000", bytes: bytes("b") }], never)
      await assert.rejects(other, (error) => error instanceof AuditError && error.code === "PUBLISH_CONFLICT")
      assert.equal(Buffer.from((await store.get("tile/0/000"))!).toString(), "a")
    },
    "but by a redaction, whole": async (store) => {
      await store.putAll([{ path: "tile/entries/000", bytes: bytes("a") }], never)
      await store.redact("tile/entries/000", bytes("bcd"))
      assert.equal(Buffer.from((await store.get("tile/entries/000"))!).toString(), "bcd")
      assert.deepEqual(await store.list("tile"), ["tile/entries/000"])
    },
    "unpublished bytes are replaced": async (store) => {
      await store.putAll([{ path: "tile/0/000", bytes: bytes("a") }], always)
      await store.putAll([{ path: "tile/0/000", bytes: bytes("b") }], always)
      assert.equal(Buffer.from((await store.get("tile/0/000"))!).toString(), "b")
    },
    "a full tile and its partials live side by side": async (store) => {
      await store.putAll(
        [
          { path: "tile/0/000.p/5", bytes: bytes("a") },
          { path: "tile/0/000", bytes: bytes("b") },
        ],
        never,
      )
      await store.remove(["tile/0/000.p/5", "tile/0/000.p/6"])
      assert.deepEqual(await store.list("tile"), ["tile/0/000"])
    },
    "the head is replaced": async (store) => {
      await store.replaceHead("checkpoint", bytes("one"))
      await store.replaceHead("checkpoint", bytes("two"))
      assert.equal(Buffer.from((await store.get("checkpoint"))!).toString(), "two")
    },
  })
}

const WRITER = "00000000-0000-4000-8000-000000000001"

/** Cases for a journal; `make` gives an empty one each time. */
export function journalConformance(make: () => Promise<Journal>): ConformanceCase[] {
  return cases(make, {
    "lines come back whole, in order, from any offset": async (journal) => {
      const segment = journal.openSegment(WRITER, 0)
      for (let seq = 0; seq < 3; seq++) add(segment, formatLine(seq, `{"n":"ä${seq}"}`))
      const [info] = await journal.segments()
      const all = await journal.read(info!.name, 0, 1_000)
      assert.deepEqual(
        all!.lines.map(({ entry }) => Buffer.from(entry).toString()),
        ['{"n":"ä0"}', '{"n":"ä1"}', '{"n":"ä2"}'],
      )
      assert.equal(all!.end, "clean")
      const rest = await journal.read(info!.name, all!.lines[1]!.endOffset, 1_000)
      assert.deepEqual(
        rest!.lines.map(({ seq }) => seq),
        [2],
      )
      segment.close()
    },
    "an unfinished line is told from a damaged one": async (journal) => {
      const segment = journal.openSegment(WRITER, 0)
      add(segment, formatLine(0, "{}"))
      add(segment, "0000")
      assert.equal((await journal.read(segment.name, 0, 1_000))!.end, "torn")
      add(segment, "0000 1 {}\n")
      add(segment, formatLine(2, "{}"))
      const read = await journal.read(segment.name, 0, 1_000)
      assert.deepEqual(
        [read!.end, read!.damagedAt, read!.lines.map(({ seq }) => seq)],
        ["clean", formatLine(0, "{}").length, [0, 2]],
      )
      segment.close()
    },
    "two segments of one name cannot be opened": async (journal) => {
      journal.openSegment(WRITER, 0).close()
      assert.throws(() => journal.openSegment(WRITER, 0))
    },
    "a segment that grew is not released": async (journal) => {
      const segment = journal.openSegment(WRITER, 0)
      add(segment, formatLine(0, "{}"))
      const published = segment.sizeBytes
      add(segment, formatLine(1, "{}"))
      assert.equal(await journal.release(segment.name, published), false)
      // Longer than the step of any file system's clock but the coarsest.
      await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal(await journal.release(segment.name, segment.sizeBytes), true)
      assert.deepEqual([segment.hasName(), segment.lostNameSinceAppend()], [false, true])
      await new Promise((resolve) => setTimeout(resolve, 20))
      add(segment, formatLine(2, "{}"))
      assert.deepEqual([segment.hasName(), segment.lostNameSinceAppend()], [false, false])
      segment.close()
    },
    "a marked segment is still read": async (journal) => {
      const segment = journal.openSegment(WRITER, 0)
      add(segment, formatLine(0, "{}"))
      await journal.markDone(segment.name)
      const [info] = await journal.segments()
      assert.equal((await journal.read(info!.name, 0, 1_000))!.lines.length, 1)
      segment.close()
    },
  })
}

/** Cases for a mutex; `make` gives two handles on the same lock. */
export function mutexConformance(make: () => Promise<readonly [Mutex, Mutex]>): ConformanceCase[] {
  return cases(make, {
    "one holder at a time, and nobody waits": async ([first, second]) => {
      assert.equal(first.tryAcquire(), true)
      assert.equal(second.tryAcquire(), false)
      first.release()
      assert.equal(second.tryAcquire(), true)
      second.release()
      first.close()
      second.close()
    },
    "whoever asks for it again while holding it is refused, and it stays held": async ([first, second]) => {
      assert.equal(first.tryAcquire(), true)
      assert.equal(first.tryAcquire(), false)
      assert.equal(second.tryAcquire(), false)
      first.release()
      assert.equal(second.tryAcquire(), true)
      first.close()
      second.close()
    },
    "closing frees it": async ([first, second]) => {
      assert.equal(first.tryAcquire(), true)
      first.close()
      assert.equal(second.tryAcquire(), true)
      second.close()
    },
  })
}
