/**
 * An evidence bundle on its way: written to a temporary directory beside its own, verified as a stranger would, and
 * there under its own name only then. Does I/O.
 * @module
 */
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { dirname, join, resolve } from "node:path"
import { toBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import {
  type Checkpoint,
  checkEvidenceSize,
  type DescribedFile,
  type EvidenceFile,
  type FileDigest,
  formatManifest,
  formatProofLine,
  MAX_EVIDENCE_ENTRIES,
  verifyEvidenceBundle,
} from "../proof/index.ts"
import type { ProvenEntry } from "../query/index.ts"
import { errorCode, syncDirectoryNow } from "../store/index.ts"
import { readEvidence } from "./evidence-files.ts"
import { UsageError } from "./failure.ts"
import { NewFile } from "./new-file.ts"

const NEWLINE = 0x0a
const FLAG = "--bundle"

/** A bundle on its way. Owned by one command; `commit` or `discard` ends it. */
export class NewBundle {
  /** Absolute. */
  readonly path: string
  readonly #temporary: string
  readonly #checkpoint: Checkpoint
  readonly #verifierKey: string
  readonly #open = new Map<EvidenceFile, NewFile>()
  readonly #digests = new Map<EvidenceFile, FileDigest>()
  #indexes: { first: number; last: number } | undefined
  #entries = 0

  /** @throws {@link UsageError} when something has the name already. */
  constructor(directory: string, checkpoint: Checkpoint, verifierKey: string) {
    this.path = resolve(directory)
    this.#checkpoint = checkpoint
    this.#verifierKey = verifierKey
    refuseTaken(this.path)
    this.#temporary = join(dirname(this.path), `.tmp-${randomUUID()}`)
    this.#telling(() => fs.mkdirSync(this.#temporary, { mode: 0o700 }))
  }

  /** Adds an entry; they come by index, rising. @throws {@link AuditError} `EVIDENCE_TOO_LARGE`. */
  add({ index, bytes, hashes }: ProvenEntry): void {
    if (bytes.includes(NEWLINE))
      throw new AuditError(
        "EVIDENCE_MALFORMED",
        `entry ${index} has a line break in it, which no line of a bundle can have`,
      )
    checkEvidenceCount(this.#entries + 1)
    const entries = this.#file("entries.jsonl")
    entries.write(bytes)
    entries.write("\n")
    checkEvidenceSize("entries.jsonl", entries.bytes)
    const proofs = this.#file("proofs.jsonl")
    proofs.write(`${formatProofLine(index, hashes.map(toBase64))}\n`)
    checkEvidenceSize("proofs.jsonl", proofs.bytes)
    this.#indexes = { first: this.#indexes?.first ?? index, last: index }
    this.#entries += 1
  }

  /**
   * Writes the rest, and verifies what is on the disk by the log's own key: what does not verify is never given out.
   * @throws {@link AuditError} what `verifyEvidenceBundle` throws; `EVENT_NOT_FOUND` when nothing was added.
   */
  async finish(): Promise<void> {
    if (this.#indexes === undefined)
      throw new AuditError("EVENT_NOT_FOUND", "no sealed record matches: there is nothing to prove")
    this.#file("checkpoint").write(this.#checkpoint.note)
    this.#file("vkey").write(`${this.#verifierKey}\n`)
    for (const name of [...this.#open.keys()]) this.#close(name)
    this.#file("manifest.json").write(
      formatManifest({
        checkpoint: this.#checkpoint,
        entries: this.#entries,
        firstIndex: this.#indexes.first,
        lastIndex: this.#indexes.last,
        files: Object.fromEntries(this.#digests) as Record<DescribedFile, FileDigest>,
      }),
    )
    this.#close("manifest.json")
    await verifyEvidenceBundle(readEvidence(this.#temporary), this.#verifierKey)
  }

  /** Size and SHA-256 of each file, once it is finished. */
  get digests(): Readonly<Record<string, FileDigest>> {
    return Object.fromEntries([...this.#digests].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Gives the finished bundle its name. */
  commit(): void {
    refuseTaken(this.path)
    this.#telling(() => {
      fs.renameSync(this.#temporary, this.path)
      syncDirectoryNow(dirname(this.path))
    })
  }

  /** Leaves nothing behind, unless the bundle has its name already. */
  discard(): void {
    for (const file of this.#open.values()) file.discard()
    fs.rmSync(this.#temporary, { recursive: true, force: true })
  }

  #file(name: EvidenceFile): NewFile {
    const open = this.#open.get(name) ?? new NewFile(FLAG, join(this.#temporary, name), { replace: false })
    this.#open.set(name, open)
    return open
  }

  #close(name: EvidenceFile): void {
    const file = this.#file(name)
    this.#digests.set(name, { bytes: file.bytes, sha256: file.finish() })
    file.commit()
    this.#open.delete(name)
  }

  #telling(act: () => void): void {
    try {
      act()
    } catch (error) {
      throw new Error(`${FLAG}: ${this.path} cannot be written (${errorCode(error) || String(error)})`, {
        cause: error,
      })
    }
  }
}

function refuseTaken(path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  throw new UsageError(`${FLAG}: ${path} is there already; a bundle is a new directory`)
}

/** @throws {@link AuditError} `EVIDENCE_TOO_LARGE` for more entries than a bundle can have. */
export function checkEvidenceCount(entries: number): void {
  if (entries <= MAX_EVIDENCE_ENTRIES) return
  throw new AuditError(
    "EVIDENCE_TOO_LARGE",
    `a bundle has at most ${MAX_EVIDENCE_ENTRIES} entries: ask for fewer, or hand over a copy of checkpoint and tile/`,
  )
}
