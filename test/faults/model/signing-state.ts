/**
 * What is shared by the processes of one user in memory: locks, the signing key and the signatures remembered, and the
 * payloads of a log.
 * @module
 */
import { AuditError } from "../../../src/errors.ts"
import type {
  Mutex,
  Payload,
  PayloadStore,
  RememberedCheckpoint,
  SealedPart,
  SignerKeys,
  SigningState,
} from "../../../src/store/index.ts"
import { PAYLOADS_FILE } from "../../../src/store/index.ts"
import type { Actor } from "./actor.ts"
import { directoryOf } from "./disk.ts"
import type { Files } from "./files.ts"

/** Whoever holds a lock; one who dies holds nothing any more. */
export class Lock {
  holder: Actor | undefined

  isHeld(): boolean {
    return this.holder !== undefined && !this.holder.isGone
  }
}

/** One actor's handle on a lock. */
export class MemoryMutex implements Mutex {
  readonly #lock: Lock
  readonly #actor: Actor
  /** The last try met another holder. */
  refused = false

  constructor(lock: Lock, actor: Actor) {
    this.#lock = lock
    this.#actor = actor
  }

  tryAcquire(): boolean {
    this.refused = this.#lock.isHeld()
    if (this.refused) return false
    this.#lock.holder = this.#actor
    return true
  }

  release(): void {
    if (this.#lock.holder === this.#actor) this.#lock.holder = undefined
  }

  close(): void {
    this.release()
  }
}

const nameOf = (origin: string): string => origin.replaceAll("/", "-")

/** The state directory of the one user of the model. */
export class MemoryState implements SigningState {
  readonly #files: Files
  readonly #actor: Actor
  readonly #locks: Map<string, Lock>

  constructor(files: Files, actor: Actor, locks: Map<string, Lock>) {
    this.#files = files
    this.#actor = actor
    this.#locks = locks
  }

  /** The model changes no keys. */
  signerKeys(origin: string): SignerKeys {
    const path = `keys/${nameOf(origin)}`
    const current = (): string | undefined => {
      const bytes = this.#files.readNow(path)
      return bytes === undefined ? undefined : Buffer.from(bytes).toString()
    }
    const refuse = (): never => {
      throw new Error("no key is changed here")
    }
    return {
      path,
      current,
      all: () => [current() ?? []].flat(),
      create: (key) => this.#files.create(path, Buffer.from(key)),
      addBeside: refuse,
      promote: refuse,
      removeBeside: refuse,
    }
  }

  signed(origin: string): RememberedCheckpoint | undefined {
    return rememberedIn(this.#files.readNow(`signed/${nameOf(origin)}`))
  }

  rememberSigned(checkpoint: RememberedCheckpoint): Promise<void> {
    return this.#files.replace(`signed/${nameOf(checkpoint.origin)}`, Buffer.from(JSON.stringify(checkpoint)))
  }

  notePublished(checkpoint: RememberedCheckpoint): Promise<void> {
    return this.rememberSigned({ ...checkpoint, published: true })
  }

  signingLock(origin: string): MemoryMutex {
    const lock = this.#locks.get(origin) ?? new Lock()
    this.#locks.set(origin, lock)
    return new MemoryMutex(lock, this.#actor)
  }

  forget(): boolean {
    // Nothing of what a reader saw is kept here.
    return false
  }

  close(): void {
    for (const lock of this.#locks.values()) if (lock.holder === this.#actor) lock.holder = undefined
  }
}

/** What a file of the state directory says; undefined when there is none. */
export function rememberedIn(bytes: Uint8Array | undefined): RememberedCheckpoint | undefined {
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as RememberedCheckpoint
  } catch (error) {
    throw new AuditError("STATE_DIRECTORY_DAMAGED", "a remembered checkpoint is damaged", { cause: error })
  }
}

/** Payloads as JSON lines in one file, synced with every call. */
export class MemoryPayloads implements PayloadStore {
  readonly #files: Files
  readonly #actor: Actor

  constructor(files: Files, actor: Actor) {
    this.#files = files
    this.#actor = actor
  }

  addAll(payloads: readonly Payload[]): void {
    const { disk } = this.#files
    const path = this.#files.at(PAYLOADS_FILE)
    this.#actor.stepNow({
      path,
      act: () => {
        const inode = disk.find(path) ?? disk.create(path)
        for (const payload of payloads) inode.append(Buffer.from(`${JSON.stringify(payload)}\n`))
        inode.sync()
        disk.syncDirectory(directoryOf(path))
      },
    })
  }

  ofEvent(eventId: string): readonly Payload[] {
    const text = Buffer.from(this.#files.readNow(PAYLOADS_FILE) ?? []).toString()
    const payloads = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Payload)
    return payloads.filter((payload) => payload.eventId === eventId)
  }

  /** No personal values here. */
  sealedOf(): readonly SealedPart[] {
    return []
  }

  sealedUnder(): readonly SealedPart[] {
    return []
  }

  deleteUnder(): void {
    // There is nothing to delete.
  }

  replaceAll(): void {
    // There is nothing to replace.
  }

  close(): void {
    // Nothing is held open.
  }
}
