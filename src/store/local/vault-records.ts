/**
 * The records of a vault: keys of persons, each encrypted under the vault's root key. Layout: docs/format.md, "The vault".
 * @module
 */
import * as fs from "node:fs"
import { crc32 } from "node:zlib"

/** Bytes of one record: magic, key id, name of the person, nonce, wrapped key, what it is for, zeros, checksum. */
export const RECORD_BYTES = 128
export const MAGIC: Buffer = Buffer.from("SMK1")
export const KEY_BYTES = 32
export const NONCE_BYTES = 12
export const ID = { at: 4, end: 20 } as const
export const NAME = { at: 20, end: 52 } as const
export const NONCE = { at: 52, end: 64 } as const
/** The key, and a tag of 16 bytes. */
export const WRAPPED = { at: 64, end: 112 } as const
/** What a key is for, in bits; of several records of one key the last one counts. */
export const MARKS_AT: number = WRAPPED.end
/** Not for new values. */
export const RETIRED = 1
/** Of a person whose values are not to be used. */
export const RESTRICTED = 2
/** For what had to stay when its person was erased. */
export const KEPT = 4
export const CRC_AT = 124

/** Nobody's key: in the list of destroyed keys it only makes that longer, so that every process reads the keys anew. */
export const NOBODY: string = Buffer.alloc(16).toString("base64url")

/** A record as it lies in its file. */
export interface VaultRecord {
  readonly at: number
  readonly id: string
  readonly name: string
  readonly marks: number
  readonly bytes: Buffer
}

/** Writes all bytes, whatever a call takes of them. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += fs.writeSync(fd, bytes, written, bytes.length - written)
}

/** The records of a shard. A write that was cut short leaves a piece between two of them: it is passed over. */
export function recordsIn(bytes: Buffer): VaultRecord[] {
  const found: VaultRecord[] = []
  for (let at = bytes.indexOf(MAGIC); at !== -1; at = bytes.indexOf(MAGIC, at)) {
    const record = bytes.subarray(at, at + RECORD_BYTES)
    if (record.length === RECORD_BYTES && record.readUInt32BE(CRC_AT) === crc32(record.subarray(0, CRC_AT))) {
      const id = record.toString("base64url", ID.at, ID.end)
      const name = record.toString("base64url", NAME.at, NAME.end)
      found.push({ at, id, name, marks: record[MARKS_AT]!, bytes: record })
      at += RECORD_BYTES
    } else at += 1
  }
  return found
}
