/**
 * The files of an evidence bundle on the disk. A bundle comes from anybody: nothing is opened but the five names of the
 * format, no link is followed, nothing special is waited for, and nothing is read that is larger than it may be.
 * @module
 */
import * as fs from "node:fs"
import { join } from "node:path"
import { AuditError } from "../errors.ts"
import { checkEvidenceSize, type EvidenceFile, MAX_EVIDENCE_BYTES } from "../proof/index.ts"
import { errorCode } from "../store/index.ts"

const NAMES = Object.keys(MAX_EVIDENCE_BYTES) as readonly EvidenceFile[]
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants

/**
 * Reads a bundle.
 * @throws {@link AuditError} `EVIDENCE_FILES_WRONG` for a name that no bundle has, a missing one, and whatever is no
 * regular file of its own; `EVIDENCE_TOO_LARGE` before a file is read.
 */
export function readEvidence(directory: string): Record<EvidenceFile, Uint8Array> {
  refuseOthers(directory)
  return Object.fromEntries(NAMES.map((name) => [name, readOne(directory, name)])) as Record<EvidenceFile, Uint8Array>
}

/** One by one: a directory may hold more names than anybody wants to list. */
function refuseOthers(directory: string): void {
  const entries = fs.opendirSync(directory)
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if ((NAMES as readonly string[]).includes(entry.name)) continue
      throw wrong(`${JSON.stringify(entry.name)} is none of the files of a bundle: ${NAMES.join(", ")}`)
    }
  } finally {
    entries.closeSync()
  }
}

function readOne(directory: string, name: EvidenceFile): Uint8Array {
  const fd = openOne(join(directory, name), name)
  try {
    const stats = fs.fstatSync(fd)
    if (!stats.isFile()) throw wrong(`${name} is no regular file`)
    if (stats.nlink !== 1) throw wrong(`${name} has another name elsewhere (a hard link): copy the bundle first`)
    checkEvidenceSize(name, stats.size)
    // One byte more than there should be: a file that grows is not the one that was measured.
    const bytes = Buffer.alloc(stats.size + 1)
    let filled = 0
    for (let count = 1; count > 0; filled += count)
      count = fs.readSync(fd, bytes, filled, bytes.length - filled, filled)
    if (filled !== stats.size) throw wrong(`${name} changes while it is read`)
    return bytes.subarray(0, filled)
  } finally {
    fs.closeSync(fd)
  }
}

function openOne(path: string, name: EvidenceFile): number {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw wrong(`${name} is missing`)
  if (stats.isSymbolicLink()) throw wrong(`${name} is a symbolic link`)
  // Opening a device or a socket can do things; only what looks right is opened, and looked at again then.
  if (!stats.isFile()) throw wrong(`${name} is no regular file`)
  try {
    return fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (errorCode(error) === "ELOOP") throw wrong(`${name} is a symbolic link`)
    throw error
  }
}

function wrong(what: string): AuditError {
  return new AuditError("EVIDENCE_FILES_WRONG", what)
}
