/**
 * The two hashes of an RFC 6962 tree (section 2.1): leaves and nodes have different prefixes, so that neither can be
 * passed off as the other. Pure, no I/O. A leaf is hashed from the entry's bytes as they were written.
 * @module
 */

import { concatBytes } from "../bytes.ts"
import { assertBytes } from "./arguments.ts"
import { HASH_BYTES, hashInto, sha256 } from "./sha256.ts"

/** The root of the tree without entries: the hash of nothing. Do not write to it. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0))

const LEAF_PREFIX = new Uint8Array([0x00])
const NODE_PREFIX = 0x01

// Prefix and message side by side, reused by every call: hashing is synchronous, so no two calls overlap.
const leafScratch = new Uint8Array(1 + 65_536)
const nodeScratch = new Uint8Array(1 + 2 * HASH_BYTES).fill(NODE_PREFIX, 0, 1)

// Making a view costs a quarter of a short hash, so those of the usual entry sizes are kept.
const KEPT_VIEWS = 4_096
const leafViews: Uint8Array[] = []

function leafView(sizeBytes: number): Uint8Array {
  if (sizeBytes > KEPT_VIEWS) return leafScratch.subarray(0, sizeBytes)
  return (leafViews[sizeBytes] ??= leafScratch.subarray(0, sizeBytes))
}

function leafHashInto(entry: Uint8Array, out: Uint8Array, outOffset: number): void {
  if (entry.length >= leafScratch.length) {
    hashInto(concatBytes(LEAF_PREFIX, entry), out, outOffset)
  } else {
    leafScratch.set(entry, 1)
    hashInto(leafView(entry.length + 1), out, outOffset)
  }
}

/**
 * The hash of one entry as a leaf: SHA-256 of a zero byte and the entry.
 *
 * @param entry - The entry's bytes as written, of any length.
 * @throws TypeError when `entry` is not a Uint8Array.
 * @example
 * ```ts
 * toHex(leafHash(new Uint8Array())) // "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
 * ```
 */
export function leafHash(entry: Uint8Array): Uint8Array {
  assertBytes(entry, "entry")
  const hash = new Uint8Array(HASH_BYTES)
  leafHashInto(entry, hash, 0)
  return hash
}

/**
 * The leaf hashes of many entries, joined: 32 bytes each, in the same order. This is also the body of a level-0 tile.
 *
 * @throws TypeError when an entry is not a Uint8Array.
 * @example
 * ```ts
 * leafHashes([utf8("a"), utf8("b")]).length // 64
 * ```
 */
export function leafHashes(entries: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(HASH_BYTES * entries.length)
  entries.forEach((entry, i) => {
    assertBytes(entry, `entries[${i}]`)
    leafHashInto(entry, hashes, HASH_BYTES * i)
  })
  return hashes
}

/** Writes the hash of the node over the 64 bytes (left, right) of `pair` at `pairOffset`; checks nothing. */
export function nodeHashInto(pair: Uint8Array, pairOffset: number, out: Uint8Array, outOffset: number): void {
  for (let i = 0; i < 2 * HASH_BYTES; i++) nodeScratch[1 + i] = pair[pairOffset + i]!
  hashInto(nodeScratch, out, outOffset)
}

/**
 * The hash of a node: SHA-256 of a one byte and the hashes of its two children.
 *
 * @throws TypeError when one is not a Uint8Array, RangeError when one is not 32 bytes.
 * @example
 * ```ts
 * toHex(nodeHash(leafHash(new Uint8Array()), leafHash(new Uint8Array([0]))))
 * // "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
 * ```
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  assertHash(left, "left")
  assertHash(right, "right")
  const hash = new Uint8Array(HASH_BYTES)
  nodeHashInto(concatBytes(left, right), 0, hash, 0)
  return hash
}

/** @throws TypeError when `value` is not a Uint8Array, RangeError when it is not 32 bytes. */
export function assertHash(value: unknown, field: string): asserts value is Uint8Array {
  assertBytes(value, field)
  if (value.length !== HASH_BYTES) throw new RangeError(`${field} must be ${HASH_BYTES} bytes`)
}

/** The root over joined hashes whose number is a power of two. */
export function perfectRoot(hashes: Uint8Array): Uint8Array {
  // Not by slice(): that of a Buffer is no copy, and the caller's tile would be written over.
  const level = new Uint8Array(hashes)
  for (let sizeBytes = level.length; sizeBytes > HASH_BYTES; sizeBytes /= 2) {
    // In place: parent i lands at or before its own children, which are not read again.
    for (let i = 0; i < sizeBytes; i += 2 * HASH_BYTES) nodeHashInto(level, i, level, i / 2)
  }
  return level.slice(0, HASH_BYTES)
}

/** The root over perfect subtrees of falling size, left to right; the empty root when there is none. */
export function foldRoots(roots: readonly Uint8Array[]): Uint8Array {
  if (roots.length === 0) return EMPTY_ROOT.slice()
  return roots.reduceRight((right, left) => nodeHash(left, right)).slice()
}
