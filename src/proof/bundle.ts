/**
 * Entry bundles: up to 256 entries, each after its length as a big-endian uint16. Pure.
 * Format: https://c2sp.org/tlog-tiles, "Log Entries". The bytes are the log's own; compression is a transport's affair.
 * @module
 */

import { AuditError } from "../errors.ts"
import { assertBytes } from "./arguments.ts"
import { HASH_BYTES, hashInto } from "./sha256.ts"
import { assertWidth } from "./tile.ts"

/** The longest entry, in bytes: its length is a uint16. */
export const MAX_ENTRY_BYTES = 65_535

const LENGTH_BYTES = 2
const LEAF_PREFIX = 0x00

/**
 * The bundle of these entries.
 *
 * @param entries - 1 to 256 entries of up to 65,535 bytes.
 * @throws {@link AuditError} `ENTRY_TOO_LARGE` when one is longer.
 * @throws RangeError when there are none or more than 256.
 * @example
 * ```ts
 * encodeBundle([utf8("hi")]) // Uint8Array [0, 2, 104, 105]
 * ```
 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  assertWidth(entries.length)
  let sizeBytes = 0
  entries.forEach((entry, i) => {
    assertBytes(entry, `entries[${i}]`)
    if (entry.length > MAX_ENTRY_BYTES) {
      throw new AuditError("ENTRY_TOO_LARGE", `entry ${i} has ${entry.length} bytes; ${MAX_ENTRY_BYTES} is the most`)
    }
    sizeBytes += LENGTH_BYTES + entry.length
  })
  const bundle = new Uint8Array(sizeBytes)
  let offset = 0
  for (const entry of entries) {
    bundle[offset] = Math.floor(entry.length / 256)
    bundle[offset + 1] = entry.length % 256
    bundle.set(entry, offset + LENGTH_BYTES)
    offset += LENGTH_BYTES + entry.length
  }
  return bundle
}

/**
 * The entries of a bundle, as views of its bytes.
 *
 * @param width - How many there must be; known from the tree size, never from the bundle.
 * @throws {@link AuditError} `BUNDLE_MALFORMED` when the bytes end before the last entry does.
 * @throws {@link AuditError} `BUNDLE_TRAILING_BYTES` when they go on after it.
 * @example
 * ```ts
 * parseBundle(new Uint8Array([0, 2, 104, 105]), 1) // [Uint8Array [104, 105]]
 * ```
 */
export function parseBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const starts = entryStarts(bytes, width)
  return Array.from({ length: width }, (_, n) => bytes.subarray(starts[n], starts[n + 1]! - LENGTH_BYTES))
}

/**
 * Where each entry of a bundle begins: entry `n` is `bytes[starts[n] .. starts[n + 1] - 2]`, its length in front of it.
 *
 * @returns `width + 1` offsets; the last one is two beyond the end, as if one more entry followed.
 * @throws {@link AuditError} as {@link parseBundle}.
 * @example
 * ```ts
 * entryStarts(new Uint8Array([0, 2, 104, 105]), 1) // [2, 6]
 * ```
 */
export function entryStarts(bytes: Uint8Array, width: number): number[] {
  assertBytes(bytes, "bytes")
  assertWidth(width)
  const starts = [LENGTH_BYTES]
  for (let n = 0, start = LENGTH_BYTES; n < width; n++) {
    const end = start + (bytes[start - 2] ?? 0) * 256 + (bytes[start - 1] ?? 0)
    if (end > bytes.length) throw new AuditError("BUNDLE_MALFORMED", `the bundle ends in entry ${n} of ${width}`)
    start = end + LENGTH_BYTES
    starts.push(start)
  }
  const left = bytes.length + LENGTH_BYTES - starts[width]!
  if (left !== 0) {
    throw new AuditError("BUNDLE_TRAILING_BYTES", `the bundle goes on for ${left} bytes after its end`)
  }
  return starts
}

/**
 * The leaf hashes of the entries of a bundle, joined: the level-0 tile that belongs to it. The entries are hashed where
 * they lie, which takes no copy; the bytes are as they were when the call returns.
 *
 * @param starts - What {@link entryStarts} gave for these bytes.
 * @example
 * ```ts
 * const bundle = encodeBundle([utf8("a"), utf8("b")])
 * bundleLeafHashes(bundle, entryStarts(bundle, 2)) // as leafHashes([utf8("a"), utf8("b")])
 * ```
 */
export function bundleLeafHashes(bytes: Uint8Array, starts: readonly number[]): Uint8Array {
  const hashes = new Uint8Array((starts.length - 1) * HASH_BYTES)
  for (let n = 0; n + 1 < starts.length; n++) {
    // The byte in front of the entry, of its length, stands in for the leaf prefix for a moment.
    const prefixAt = starts[n]! - 1
    const kept = bytes[prefixAt]!
    bytes[prefixAt] = LEAF_PREFIX
    const leaf = new Uint8Array(bytes.buffer, bytes.byteOffset + prefixAt, starts[n + 1]! - LENGTH_BYTES - prefixAt)
    hashInto(leaf, hashes, n * HASH_BYTES)
    bytes[prefixAt] = kept
  }
  return hashes
}
