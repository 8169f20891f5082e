/**
 * Following a log across processes: looks again and again, and gives every record once. Reads only.
 * @module
 */
import type { AuditRecord } from "../audit.ts"
import { utf8Text } from "../bytes.ts"
import type { AuditEntry } from "../event/index.ts"
import { TILE_WIDTH } from "../proof/index.ts"
import { readEntries, takeSnapshot, tryParse } from "../query/index.ts"
import { type BlobStore, LocalBlobs, LocalJournal, type RootDirectory } from "../store/index.ts"

/** Where a follower is. Owned by the command that follows. */
export class Follower {
  readonly #root: RootDirectory
  /** Which entries are asked for. */
  readonly #test: (entry: AuditEntry) => boolean
  /** Index of the first sealed entry not looked at. */
  #next: number | undefined
  /** Given out before they were sealed: not given out again when they are. */
  readonly #givenUnsealed = new Set<string>()
  /** What the log looked like at the last look. */
  #look = ""

  constructor(root: RootDirectory, test: (entry: AuditEntry) => boolean = () => true) {
    this.#root = root
    this.#test = test
  }

  /** Records new since the last look; at the first look the last `newest` ones. */
  async news(newest: number): Promise<AuditRecord[]> {
    const look = await this.#lookAtFiles()
    // Idle costs a look at names and sizes: nothing is read again while they stay the same.
    if (this.#next !== undefined && look === this.#look) return []
    const { blobs, treeSize, pruning, tail } = await takeSnapshot(this.#root)
    const from = this.#next
    const begin = pruning?.minimumIndex ?? 0
    const records =
      from === undefined
        ? await this.#newestSealed(blobs, begin, treeSize, newest)
        : await this.#sealed(blobs, Math.max(begin, Math.min(from, treeSize)), treeSize)
    for (const { entry } of tail) {
      if (this.#givenUnsealed.has(nameOf(entry)) || !this.#test(entry)) continue
      this.#givenUnsealed.add(nameOf(entry))
      records.push({ ...entry, index: null, sealed: false })
    }
    const first = from === undefined
    this.#next = treeSize
    this.#look = look
    return first ? records.slice(Math.max(0, records.length - newest)) : records
  }

  /** Sealed records asked for, from one index to before another, that were not given out before. */
  async #sealed(blobs: BlobStore, from: number, to: number): Promise<AuditRecord[]> {
    const records: AuditRecord[] = []
    for await (const { index, bytes } of readEntries(blobs, from, to)) {
      const entry = tryParse(bytes)
      if (entry === undefined || this.#givenUnsealed.delete(nameOf(entry)) || !this.#test(entry)) continue
      records.push({ ...entry, index, sealed: true })
    }
    return records
  }

  /** At least the last `newest` of them: read backwards, a bundle or more at a time, until there are enough. */
  async #newestSealed(blobs: BlobStore, begin: number, treeSize: number, newest: number): Promise<AuditRecord[]> {
    let found: AuditRecord[] = []
    for (let end = treeSize; end > begin && found.length < newest; ) {
      const start = Math.max(begin, end - Math.max(newest, TILE_WIDTH))
      found = [...(await this.#sealed(blobs, start, end)), ...found]
      end = start
    }
    return found
  }

  async #lookAtFiles(): Promise<string> {
    const head = await new LocalBlobs(this.#root).get("checkpoint")
    // Where the private state cannot be read, the tail is unknown anyway.
    const segments = await new LocalJournal(this.#root).segments().catch(() => [])
    return [utf8Text(head ?? new Uint8Array(0)), ...segments.map(({ name, sizeBytes }) => `${name} ${sizeBytes}`)].join(
      "\n",
    )
  }
}

/** The writer's number is part of the name: a forged entry with another's event id hides nothing. */
function nameOf({ event_id, writer }: AuditEntry): string {
  return `${event_id} ${writer.id} ${writer.seq}`
}
