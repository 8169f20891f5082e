/**
 * The storage contracts: what a driver must do, and what "returned" guarantees. No code that runs.
 * Everything read back through them is untrusted; callers check it.
 * The conformance suite of `secureml/testing` runs against every driver.
 * @module
 */

/** A file to publish: its path inside the log ("tile/0/000") and its exact bytes. */
export interface Blob {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Named bytes, written once; only `checkpoint` is ever replaced, and a bundle when an entry of it is redacted. */
export interface BlobStore {
  /** Resolves with the stored bytes, or undefined when there is nothing under that name. */
  get(path: string): Promise<Uint8Array | undefined>
  /**
   * Once resolved every blob is durable, its directory entry included. A blob that exists with other bytes is
   * replaced only if `mayReplace` says that its path was never published; else the call rejects with `PUBLISH_CONFLICT`.
   */
  putAll(blobs: readonly Blob[], mayReplace: (path: string) => Promise<boolean>): Promise<void>
  /** Once resolved a reader sees the whole new head or, after power loss before it, the whole old one. */
  replaceHead(path: string, bytes: Uint8Array): Promise<void>
  /**
   * Puts other bytes in the place of published ones, for a redaction alone. Once resolved the old ones are gone from
   * the store, power loss or not; before it a reader sees the whole old or the whole new ones.
   */
  redact(path: string, bytes: Uint8Array): Promise<void>
  /** Paths that exist under a prefix, in no promised order. */
  list(prefix: string): Promise<readonly string[]>
  /** Once resolved the paths are gone; a path that was not there is no error. */
  remove(paths: readonly string[]): Promise<void>
}

/** The few files of a log that are neither journal nor published, by their path inside the log. */
export interface LogFiles {
  /** Where the log is: the real path of its directory. */
  readonly path: string
  /** Resolves with the whole of what was last replaced or created there, or undefined when there is nothing. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Names in a directory of the log, "." for the log itself; none when it does not exist. */
  names(directory: string): Promise<readonly string[]>
  /** Once resolved the new bytes survive power loss; before it a reader sees the whole old or the whole new ones. */
  replace(path: string, bytes: Uint8Array): Promise<void>
  /** Once resolved a file survives power loss: this one, or, with false, the one that was there and was not touched. */
  create(path: string, bytes: Uint8Array): Promise<boolean>
  /**
   * Moves a file, or a directory with all that is in it; once resolved the new name survives power loss. Nothing
   * under the old name, or something under the new one already, leaves everything as it is.
   */
  move(from: string, to: string): Promise<void>
  /** Once resolved the file is gone for good, power loss or not; one that was not there is no error. */
  remove(path: string): Promise<void>
}

/** A mutex between processes which the operating system frees when its holder dies. */
export interface Mutex {
  /** Takes the lock and returns true, or returns false at once when somebody holds it, be it this same object. */
  tryAcquire(): boolean
  /** Once returned another process can take it. */
  release(): void
  /** Closes what the mutex keeps open. */
  close(): void
}

/** One whole line of a journal: `<crc32> <seq> <entry>\n`. */
export interface JournalLine {
  readonly seq: number
  /** A view of the entry's bytes. */
  readonly entry: Uint8Array
  /** Byte offset just behind the line. */
  readonly endOffset: number
}

/** How the read part of a segment ends: at its end, in a line not finished, or before more to read. */
export type SegmentEnd = "clean" | "torn" | "more"

/** Some lines of a segment, read from an offset. */
export interface SegmentRead {
  readonly lines: readonly JournalLine[]
  readonly end: SegmentEnd
  /** Offset to read on from. */
  readonly endOffset: number
  /** Offset of the first line that is damaged; whole lines behind it are given all the same. */
  readonly damagedAt?: number
  /** Size of the file when it was read. */
  readonly sizeBytes: number
}

/** One segment of one writer. */
export interface SegmentInfo {
  readonly writerId: string
  readonly number: number
  /** File name; `.done` at its end marks a segment whose owner is gone and whose lines are all published. */
  readonly name: string
  readonly sizeBytes: number
  /** When the file was last appended to or renamed; milliseconds since 1970. */
  readonly changedMs: number
}

/** Where acknowledged but unordered entries wait. Many writers, one file each at a time. */
export interface Journal {
  /** Opens a new segment for appending; it must not exist yet. */
  openSegment(writerId: string, number: number): SegmentWriter
  /** All segments, by writer and number. */
  segments(): Promise<readonly SegmentInfo[]>
  /** Reads whole lines from `offset`, at most about `limitBytes`; undefined when the segment is gone. */
  read(name: string, offset: number, limitBytes: number): Promise<SegmentRead | undefined>
  /** Once resolved everything written to the segment before the call survives power loss. */
  sync(name: string): Promise<void>
  /**
   * Writes a line over one of the same length; once resolved the old bytes are gone from the file, power loss or not.
   * A segment that is gone is no error.
   */
  overwrite(name: string, offset: number, line: Uint8Array): Promise<void>
  /** Once resolved the published segment carries the mark `.done`. */
  markDone(name: string): Promise<void>
  /**
   * Removes a segment of which `publishedOffset` bytes are published. False: something was appended meanwhile
   * and the segment was kept.
   */
  release(name: string, publishedOffset: number): Promise<boolean>
}

/** The file that one writer appends to. */
export interface SegmentWriter {
  readonly name: string
  /** Bytes of whole lines in it. */
  readonly sizeBytes: number
  /**
   * Appends the first `length` bytes; returned means they are with the operating system and survive the death of
   * this process.
   * @throws {@link SegmentWriteError} and cuts the file back to the last whole line.
   */
  append(line: Uint8Array, length: number): void
  /** Whether the file still has a name in the directory. */
  hasName(): boolean
  /** Whether it lost its name after the last append: then whoever removed it could read that line. */
  lostNameSinceAppend(): boolean
  /** Cuts the file back to a size, to take an append back. */
  cutTo(sizeBytes: number): void
  /** Keeps the file open, whoever closes it, until what is returned is called. */
  retain(): () => void
  /** Once resolved everything appended before the call survives power loss; rejects once it is closed. */
  sync(): Promise<void>
  /** The same, returning when it is done. */
  syncNow(): void
  /** The bytes from an offset on, as they read back now. */
  readFrom(offset: number): Uint8Array
  close(): void
}

/** An append that failed. */
export class SegmentWriteError extends Error {
  override readonly name = "SegmentWriteError"
  /** True when the line may be found in the file all the same. */
  readonly mayLand: boolean

  constructor(mayLand: boolean, cause: unknown) {
    super("the journal could not be written", { cause })
    this.mayLand = mayLand
  }
}

/** A value kept outside the tree; the entry carries a commitment to it. */
export interface Payload {
  readonly eventId: string
  /** RFC 6901 pointer of the marker inside the entry's details. */
  readonly pointer: string
  /** 32 random bytes, base64. */
  readonly salt: string
  /** The value as it was encoded. */
  readonly json: string
}

/** Personal values of one event that belong to the same persons: encrypted, their places with them. */
export interface SealedPart {
  readonly eventId: string
  /** Ids of the keys that it takes to open it: one for each person. They are the only link to the persons. */
  readonly keys: readonly string[]
  /** Nonce, ciphertext and tag. */
  readonly data: Uint8Array
}

/** Values kept outside the tree, by event. */
export interface PayloadStore {
  /** Once returned the payloads survive power loss; one that is there already is left as it is. */
  addAll(payloads: readonly Payload[], sealed: readonly SealedPart[]): void
  /** All payloads of one event. */
  ofEvent(eventId: string): readonly Payload[]
  /** All sealed parts of one event. */
  sealedOf(eventId: string): readonly SealedPart[]
  /** All sealed parts that need one of some keys. */
  sealedUnder(keys: readonly string[]): readonly SealedPart[]
  /** Once returned the sealed parts that need one of some keys are overwritten. */
  deleteUnder(keys: readonly string[]): void
  /**
   * Once returned other parts stand in the places of some, which are overwritten: all or none. One that is not there is
   * passed over.
   */
  replaceAll(pairs: readonly { readonly part: SealedPart; readonly by: SealedPart }[]): void
  close(): void
}

/** The key of a person. */
export interface SubjectKey {
  /** 16 bytes, base64url; says nothing of the person. */
  readonly id: string
  /** 32 bytes. */
  readonly key: Uint8Array
}

/** What a list is about: what was erased, or what is not to be used. */
export type ListKind = "erasures" | "restrictions"

/** Keys of persons. Every method is synchronous: a log call is. */
export interface KeyVault {
  readonly id: string
  /** The key of a person, made when there is none; once returned it survives power loss. */
  keyFor(subject: string): SubjectKey
  /**
   * Another key of the person whose key has an id, for what has to be kept of them: `keyFor` never gives it. Once
   * returned it survives power loss.
   * @throws {@link AuditError} `VAULT_MISSING` when there is no key with that id.
   */
  keepingKey(id: string): SubjectKey
  /** Once returned `keyFor` gives none of these keys any more, in any process: what is recorded next gets another one. */
  retire(ids: readonly string[]): void
  /** Once returned keys are marked, or not, as those of a person whose values are not to be used; new ones inherit it. */
  restrict(ids: readonly string[], isRestricted: boolean): void
  /** Whether a key is of such a person, or for what had to stay of one who was erased. */
  isRestricted(id: string): boolean
  /** All keys of a person, of every epoch, those for what has to be kept too. */
  keysOf(subject: string): readonly SubjectKey[]
  /** The key with an id; undefined when it was destroyed, or is none of this vault. */
  key(id: string): Uint8Array | undefined
  isDestroyed(id: string): boolean
  /** The ids of all keys that were destroyed. */
  destroyed(): readonly string[]
  /** Once returned the keys are overwritten, no process uses them, and a vault restored from before cleans itself. */
  destroy(ids: readonly string[]): void
  /** Tells a list that was written with this vault from one that was put there by somebody without it. */
  macOf(kind: ListKind, id: string, list: Uint8Array): string
  /** Lists that are kept here as well, by id: those of a log may be restored from before. */
  lists(kind: ListKind): ReadonlyMap<string, Uint8Array>
  /** Once returned a list survives power loss. */
  keepList(kind: ListKind, id: string, list: Uint8Array): void
  close(): void
}

/** Signs note text. The embedded one holds Ed25519 seeds; a KMS or HSM can stand behind it. */
export interface Signer {
  /** C2SP verifier keys of the signatures that it makes: the log's key first, then the one that it takes over from. */
  readonly verifierKeys: readonly string[]
  /** Resolves with the signed note. */
  sign(text: string): Promise<string>
}

/** A checkpoint that this user has signed or seen. */
export interface RememberedCheckpoint {
  readonly origin: string
  /** Real path of the log directory where it was seen. */
  readonly path: string
  readonly note: string
  /** Of one signed: it was published, so that a log without it has lost it. */
  readonly published?: boolean
}

/** The signing keys of one log, as texts: the one in use and, beside it, one that is to be used or was until lately. */
export interface SignerKeys {
  /** Where the key in use is. */
  readonly path: string
  /** The key in use, or undefined. */
  current(): string | undefined
  /** All keys, the one in use first. */
  all(): readonly string[]
  /** Once resolved a key in use survives power loss: this one, or, with false, the one that was there already. */
  create(key: string): Promise<boolean>
  /** Once resolved a key survives power loss beside the one in use, under its id; one that is there already stays. */
  addBeside(keyId: string, key: string): Promise<void>
  /** Once resolved the key beside is the one in use, for good, and nothing is under its id any more. */
  promote(keyId: string): Promise<void>
  /** Once resolved no key is under an id beside the one in use, power loss or not. */
  removeBeside(keyId: string): Promise<void>
}

/** What one user keeps outside every log in order to sign: keys, and the last checkpoint signed of each log. */
export interface SigningState {
  /** The signing keys of an origin. */
  signerKeys(origin: string): SignerKeys
  /** The last checkpoint that this user signed for an origin. */
  signed(origin: string): RememberedCheckpoint | undefined
  /** Once resolved the signature survives power loss; before it the old one or the new one is remembered. */
  rememberSigned(checkpoint: RememberedCheckpoint): Promise<void>
  /** Once resolved it is noted for good that the checkpoint last signed is published. */
  notePublished(checkpoint: RememberedCheckpoint): Promise<void>
  /** The lock under which this user signs for an origin; undefined where there is nothing to lock with. */
  signingLock(origin: string): Mutex | undefined
  /** Forgets what was seen at a real path; what was signed stays. Returns whether there was anything. */
  forget(path: string): boolean
  /** Closes what the locks keep open. */
  close(): void
}
