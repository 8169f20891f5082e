/**
 * A file of the disk in memory: the bytes that a reader gets, and how many of them survive power loss.
 * @module
 */

export class Inode {
  /** Names that it has. */
  links = 0
  /** Its last name was taken away, not replaced. */
  removed = false
  /** It lost its last name behind the last append. */
  lostNameSinceAppend = false
  changedMs: number
  /** Stands for the bytes as they are now, for whoever keeps what it read out of them. */
  content: object = {}
  /** Changes with every change but an append. */
  generation = 0
  /** Syncs of it that failed, and whether one took pages from the cache. */
  failedSyncs = 0
  hasDropped = false
  #buffer: Buffer = Buffer.alloc(256)
  #size = 0
  #syncedSize = 0
  /** Ranges whose pages a failed sync left marked as written although they were not: no later sync writes them. */
  #lost: (readonly [from: number, to: number])[] = []
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.changedMs = nowMs()
  }

  get size(): number {
    return this.#size
  }

  /** A view; it changes with the file. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size)
  }

  append(bytes: Uint8Array): void {
    const size = this.#size + bytes.length
    if (size > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#buffer.length))
      this.#buffer.copy(larger, 0, 0, this.#size)
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#size)
    this.#size = size
    this.content = {}
    this.lostNameSinceAppend = false
    this.changedMs = this.#nowMs()
  }

  truncate(size: number): void {
    this.#size = Math.min(this.#size, size)
    this.#syncedSize = Math.min(this.#syncedSize, size)
    this.#changed()
    this.changedMs = this.#nowMs()
  }

  /** One bit is not what was written. */
  flip(position: number): void {
    if (this.#size === 0) return
    this.#buffer[Math.floor(position / 8) % this.#size]! ^= 1 << (position % 8)
    this.#changed()
  }

  sync(): void {
    this.#syncedSize = this.#size
  }

  /** A sync that failed: the pages it should have written count as clean, and may be gone from the cache as well. */
  failSync(dropsPages: boolean): void {
    this.failedSyncs += 1
    if (this.#syncedSize === this.#size) return
    this.#lost.push([this.#syncedSize, this.#size])
    this.#syncedSize = this.#size
    if (!dropsPages) return
    this.hasDropped = true
    this.#wipeLost()
  }

  #wipeLost(): void {
    for (const [from, to] of this.#lost) this.#buffer.fill(0, from, Math.min(to, this.#size))
    this.#changed()
  }

  #changed(): void {
    this.generation += 1
    this.content = {}
  }

  /** Whether readers get what survives power loss. */
  get isDurable(): boolean {
    return this.#syncedSize === this.#size && this.#lost.length === 0
  }

  /** What survives at least. */
  durableBytes(): Buffer {
    if (this.isDurable) return this.bytes()
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#syncedSize))
    for (const [from, to] of this.#lost) bytes.fill(0, from, Math.min(to, bytes.length))
    return bytes
  }

  /** After power loss: of the bytes not synced some are there, and there may be a hole among them. */
  cutPower(random: () => number, bias: number): void {
    if (this.isDurable) return
    this.#wipeLost()
    this.#lost = []
    const unsynced = this.#size - this.#syncedSize
    if (unsynced > 0) {
      const share = bias === 0.5 ? random() : bias
      const size = this.#syncedSize + Math.floor(share * unsynced)
      if (bias === 0.5 && random() < 0.7) {
        const from = this.#syncedSize + Math.floor(random() * (size - this.#syncedSize))
        this.#buffer.fill(0, from, Math.min(size, from + Math.floor(random() * 200)))
      }
      this.#size = size
    }
    this.#syncedSize = this.#size
    this.#changed()
  }
}
