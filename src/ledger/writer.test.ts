import { describe, expect, test, vi } from "vitest"
import { type Journal, parseLines, SegmentWriteError, type SegmentWriter } from "../store/index.ts"
import { Writer, type WriterMark } from "./writer.ts"

/** Faults to come: an append that fails, a sync that fails, a file that lost its name. */
interface Faults {
  append?: "lost" | "landed"
  sync?: boolean
  named?: boolean
  /** The name went after the append. */
  removedLater?: boolean
}

/** A journal in memory that fails when told to; what its segments hold can be looked at. */
class FaultyJournal {
  readonly segments = new Map<string, { text: string; durable: string }>()
  faults: Faults = {}
  syncs = 0

  openSegment(writerId: string, number: number): SegmentWriter {
    const name = `${writerId}.${number}`
    if (this.segments.has(name)) throw new Error("exists")
    const file = { text: "", durable: "" }
    this.segments.set(name, file)
    const size = () => Buffer.byteLength(file.text)
    const sync = () => {
      this.syncs += 1
      if (this.faults.sync === true) {
        delete this.faults.sync
        throw Object.assign(new Error("EIO"), { code: "EIO" })
      }
      file.durable = file.text
    }
    return {
      name,
      get sizeBytes() {
        return size()
      },
      append: (line, length) => {
        const { append } = this.faults
        delete this.faults.append
        if (append === undefined || append === "landed") file.text += Buffer.from(line.subarray(0, length)).toString()
        if (append !== undefined)
          throw new SegmentWriteError(append === "landed", Object.assign(new Error(), { code: "EIO" }))
      },
      retain: () => () => undefined,
      hasName: () => this.faults.named !== false,
      lostNameSinceAppend: () => this.faults.named === false && this.faults.removedLater === true,
      cutTo: (sizeBytes) => {
        file.text = file.text.slice(0, sizeBytes)
      },
      // Done later, as a disk does it.
      sync: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        sync()
      },
      syncNow: sync,
      readFrom: (offset) => Buffer.from(file.text.slice(offset)),
      close: () => undefined,
    }
  }

  /** All whole lines, by writer and number. */
  lines(durable = false): string[] {
    return [...this.segments.entries()].flatMap(([name, file]) =>
      parseLines(Buffer.from(durable ? file.durable : file.text), 0).lines.map(
        ({ seq, entry }) => `${name.split(".")[0]} ${seq} ${Buffer.from(entry)}`,
      ),
    )
  }
}

function begin(): {
  journal: FaultyJournal
  parts: FaultyJournal
  writer: Writer
  marks: WriterMark[]
  add: (text: string) => void
  lost: number[]
  syncErrors: unknown[]
} {
  const journal = new FaultyJournal()
  const parts = new FaultyJournal()
  const marks: WriterMark[] = []
  const lost: number[] = []
  const syncErrors: unknown[] = []
  const writer = new Writer(
    journal as unknown as Journal,
    parts as unknown as Journal,
    ({ count }) => lost.push(count),
    (error) => syncErrors.push(error),
  )
  const add = (text: string): void =>
    writer.append((mark) => {
      marks.push(mark)
      return text
    })
  return { journal, parts, writer, marks, add, lost, syncErrors }
}

describe("a writer", () => {
  test("numbers its entries from 0 without holes", () => {
    const { journal, writer, add } = begin()
    for (const text of ["a", "b", "c"]) add(text)
    expect(journal.lines()).toEqual(["a", "b", "c"].map((text, seq) => `${writer.id} ${seq} ${text}`))
  })

  test.each([
    ["lost", "it was not recorded"],
    ["landed", "it may still be found"],
  ] as const)("goes on under a new id that names the old one after an append that failed and %s", (append, words) => {
    const { journal, writer, marks, add } = begin()
    add("a")
    const old = writer.id
    journal.faults = { append }
    expect(() => add("b")).toThrow(
      expect.objectContaining({ code: "RECORD_FAILED", message: expect.stringContaining(words) }),
    )
    add("c")
    expect(writer.id).not.toBe(old)
    expect(marks.at(-1)).toEqual({ id: writer.id, seq: 0, continues: { id: old, seq: 1 } })
    add("d")
    expect(marks.at(-1)!.continues).toBeUndefined()
  })

  test("after two failures in a row still names the last writer that wrote", () => {
    const { journal, writer, marks, add } = begin()
    add("a")
    const old = writer.id
    for (let time = 0; time < 2; time++) {
      journal.faults = { append: "lost" }
      expect(() => add("b")).toThrow()
    }
    add("c")
    expect(marks.at(-1)!.continues).toEqual({ id: old, seq: 1 })
  })

  test("one sync serves everyone waiting", async () => {
    const { journal, writer, add } = begin()
    const waiting = Array.from({ length: 256 }, (_, n) => {
      add(String(n))
      return writer.durable(writer.appendedBytes)
    })
    await Promise.all(waiting)
    expect(journal.lines(true)).toHaveLength(256)
    expect(journal.syncs).toBeLessThan(4)
  })

  test("a sync that began before an append does not make it durable", async () => {
    const { journal, writer, add } = begin()
    add("a")
    const first = writer.durable(writer.appendedBytes)
    add("b")
    await writer.durable(writer.appendedBytes)
    await first
    expect(journal.lines(true)).toHaveLength(2)
  })
})

describe("a part", () => {
  test("is written and synced before its entry, under the entry's number", () => {
    const { journal, parts, writer, add } = begin()
    add("a")
    writer.append(() => "b", { text: "large", hasLarge: true })
    expect(parts.lines(true)).toEqual([`${writer.id} 1 large`])
    expect(journal.lines()).toHaveLength(2)
  })

  test("of personal values is not synced with its call, and is before its entry", async () => {
    const { journal, parts, writer } = begin()
    writer.append(() => "a", { text: "personal", hasLarge: false })
    expect([parts.lines(), parts.lines(true)]).toEqual([[`${writer.id} 0 personal`], []])
    writer.durableNow()
    expect(parts.lines(true)).toHaveLength(1)
    writer.append(() => "b", { text: "personal", hasLarge: false })
    await writer.durable(writer.appendedBytes)
    expect([parts.lines(true).length, journal.lines(true).length]).toEqual([2, 2])
  })

  test.each(["at once", "in the background", "when it is left"] as const)(
    "of personal values that cannot be synced %s makes nobody believe that its entry is durable",
    async (how) => {
      const { parts, writer } = begin()
      writer.append(() => "a", { text: "personal", hasLarge: false })
      parts.faults = { sync: true }
      if (how === "when it is left") writer.retireParts()
      const durable = how === "at once" ? async () => writer.durableNow() : () => writer.durable(writer.appendedBytes)
      await expect(durable()).rejects.toMatchObject({ code: "NOT_DURABLE" })
      parts.faults = {}
      writer.append(() => "b", { text: "personal", hasLarge: false })
      await writer.durable(writer.appendedBytes)
    },
  )

  test("that is being synced in the background is synced by who cannot wait for that", async () => {
    const { parts, writer } = begin()
    writer.append(() => "a", { text: "personal", hasLarge: false })
    const background = writer.durable(writer.appendedBytes)
    writer.durableNow()
    expect(parts.lines(true)).toHaveLength(1)
    await background
  })

  test.each([{ append: "lost" }, { append: "landed" }, { sync: true }] as const)(
    "that fails with %j takes its entry along",
    (faults) => {
      const { journal, parts, writer, marks, add } = begin()
      add("a")
      const old = writer.id
      parts.faults = { ...faults }
      expect(() => writer.append(() => "b", { text: "large", hasLarge: true })).toThrow(
        expect.objectContaining({ code: "RECORD_FAILED" }),
      )
      expect(journal.lines()).toEqual([`${old} 0 a`])
      add("c")
      expect(marks.at(-1)).toEqual({ id: writer.id, seq: 0, continues: { id: old, seq: 1 } })
    },
  )
})

describe("a failed sync", () => {
  test("is never retried: the lines go to a new segment before anything is acknowledged", async () => {
    const { journal, writer, add, lost } = begin()
    for (const text of ["a", "b"]) add(text)
    journal.faults = { sync: true }
    await writer.durable(writer.appendedBytes)
    const [poisoned, fresh] = [...journal.segments.values()]
    expect(poisoned!.durable).toBe("")
    expect(parseLines(Buffer.from(fresh!.durable), 0).lines.map(({ seq }) => seq)).toEqual([0, 1])
    expect(lost).toEqual([])
  })

  test("is told once, also when it is one in the background that nobody waits for", async () => {
    const { journal, writer, add, syncErrors } = begin()
    journal.faults = { sync: true }
    add("a")
    await vi.waitFor(() => expect(writer.unsyncedBytes).toBe(0))
    expect(syncErrors).toHaveLength(1)
    expect(writer.syncErrors).toBe(1)
  })

  test("keeps the numbers going for what follows", async () => {
    const { journal, writer, add } = begin()
    add("a")
    journal.faults = { sync: true }
    writer.durableNow()
    add("b")
    await writer.durable(writer.appendedBytes)
    expect(new Set(journal.lines(true))).toEqual(new Set([`${writer.id} 0 a`, `${writer.id} 1 b`]))
  })

  test("rejects when the lines cannot be rewritten either, and later entries are not held back", async () => {
    const { journal, writer, add } = begin()
    add("a")
    const mark = writer.appendedBytes
    journal.faults = { sync: true, append: "lost" }
    await expect(writer.durable(mark)).rejects.toThrow(expect.objectContaining({ code: "NOT_DURABLE" }))
    await expect(writer.durable(mark)).rejects.toThrow(expect.objectContaining({ code: "NOT_DURABLE" }))
    add("b")
    await writer.durable(writer.appendedBytes)
    expect(journal.lines(true).map((line) => line.split(" ")[2])).toEqual(["b"])
  })
})

describe("a writer that was asleep", () => {
  test("takes its line back from a file without a name and begins anew", async () => {
    const { journal, writer, marks, add } = begin()
    add("a")
    const old = writer.id
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    journal.faults = { named: false }
    add("b")
    journal.faults = {}
    expect(journal.lines().filter((line) => line.startsWith(old))).toEqual([`${old} 0 a`])
    expect(marks.at(-1)).toEqual({ id: writer.id, seq: 0, continues: { id: old, seq: 1 } })
  })

  test("keeps a line that was there when its file was removed, and begins anew behind it", async () => {
    const { journal, writer, marks, add } = begin()
    add("a")
    const old = writer.id
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    journal.faults = { named: false, removedLater: true }
    add("b")
    expect(journal.lines()).toEqual([`${old} 0 a`, `${old} 1 b`])
    journal.faults = { named: false }
    add("c")
    expect(marks.at(-1)).toEqual({ id: writer.id, seq: 0, continues: { id: old, seq: 2 } })
  })
})
