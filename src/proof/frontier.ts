/**
 * The right edge of a growing RFC 6962 tree: the roots of its perfect subtrees, from which the tree's root follows
 * and to which leaves can be added without the rest of the tree. Pure, no I/O.
 * @module
 */

import { assertCount } from "./arguments.ts"
import { assertHash, foldRoots, nodeHashInto } from "./hash.ts"
import { HASH_BYTES } from "./sha256.ts"

// Perfect subtrees of a tree below 2^53 leaves, and one place for the leaf being merged.
const MAX_SUBTREES = 54

/** How many perfect subtrees a tree has: the one bits of its size. */
function subtreeCount(treeSize: number): number {
  let ones = 0
  for (let rest = treeSize; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}

/**
 * A streaming Merkle root. It is changed by `append`; `clone` it to keep a state.
 *
 * @example
 * ```ts
 * const frontier = Frontier.empty()
 * frontier.append(leafHash(new Uint8Array()))
 * frontier.append(leafHash(new Uint8Array([0])))
 * toHex(frontier.root()) // "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
 * ```
 */
export class Frontier {
  // Owned by this object alone: subtree roots left to right, the rest of the buffer unused.
  readonly #roots = new Uint8Array(MAX_SUBTREES * HASH_BYTES)
  #depth = 0
  #size = 0

  private constructor() {}

  /** The frontier of the tree without entries. */
  static empty(): Frontier {
    return new Frontier()
  }

  /**
   * The frontier of a tree of which only the right edge is known.
   *
   * @param hashes - Roots of its perfect subtrees, left to right, as `hashes` and `frontierRanges` order them.
   * @throws RangeError when their number is not the one that `treeSize` has.
   */
  static from(treeSize: number, hashes: readonly Uint8Array[]): Frontier {
    assertCount(treeSize, "treeSize")
    if (hashes.length !== subtreeCount(treeSize)) {
      throw new RangeError(`hashes must hold ${subtreeCount(treeSize)} subtree roots for tree size ${treeSize}`)
    }
    const frontier = new Frontier()
    hashes.forEach((hash, i) => {
      assertHash(hash, `hashes[${i}]`)
      frontier.#roots.set(hash, i * HASH_BYTES)
    })
    frontier.#depth = hashes.length
    frontier.#size = treeSize
    return frontier
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  /** Copies of the roots of the perfect subtrees, left to right; as many as `size` has one bits. */
  get hashes(): Uint8Array[] {
    return Array.from({ length: this.#depth }, (_, i) => this.#roots.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES))
  }

  /** Adds one leaf by its hash, which is copied. */
  append(leafHash: Uint8Array): void {
    assertHash(leafHash, "leafHash")
    if (this.#size === Number.MAX_SAFE_INTEGER) throw new RangeError("a tree holds at most 2^53 - 1 leaves")
    this.#roots.set(leafHash, this.#depth++ * HASH_BYTES)
    // Every trailing one bit of the old size is a subtree as large as the one just completed.
    for (let rest = this.#size++; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const pair = (--this.#depth - 1) * HASH_BYTES
      nodeHashInto(this.#roots, pair, this.#roots, pair)
    }
  }

  /** Adds the leaves whose hashes are joined in `leafHashes`, 32 bytes each. */
  appendAll(leafHashes: Uint8Array): void {
    if (leafHashes.length % HASH_BYTES !== 0) throw new RangeError("leafHashes must be a multiple of 32 bytes")
    for (let i = 0; i < leafHashes.length; i += HASH_BYTES) this.append(leafHashes.subarray(i, i + HASH_BYTES))
  }

  /** The root of the tree as it is now; the empty root for no leaves. */
  root(): Uint8Array {
    return foldRoots(this.hashes)
  }

  /** An independent copy. */
  clone(): Frontier {
    return Frontier.from(this.#size, this.hashes)
  }
}
