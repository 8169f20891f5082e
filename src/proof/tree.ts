/**
 * Which subtrees a proof consists of: PATH and PROOF of RFC 6962, sections 2.1.1 and 2.1.2, as ranges of leaves.
 * Pure planning; the hashes come from tiles (tile-reader.ts) or from leaf hashes.
 * Sizes pass 2^31, so all arithmetic here is by division: 32-bit operators would cut them.
 * @module
 */

import { AuditError } from "../errors.ts"
import { assertCount } from "./arguments.ts"
import { Frontier } from "./frontier.ts"

/** The subtree over the leaves from `start` up to, not including, `end`. */
export type Range = { readonly start: number; readonly end: number }

/** The largest power of two strictly below a width of 2 or more: where RFC 6962 splits a tree. */
function splitWidth(width: number): number {
  let half = 1
  while (half * 2 < width) half *= 2
  return half
}

/**
 * The subtrees whose hashes make an inclusion proof, in proof order: the leaf's sibling first.
 *
 * @throws {@link AuditError} `INDEX_OUT_OF_RANGE` when the tree has no such leaf.
 * @example
 * ```ts
 * inclusionRanges(2, 5) // [{ start: 3, end: 4 }, { start: 0, end: 2 }, { start: 4, end: 5 }]
 * ```
 */
export function inclusionRanges(index: number, treeSize: number): readonly Range[] {
  assertIndex(index, treeSize)
  const ranges: Range[] = []
  let [start, end] = [0, treeSize]
  while (end - start > 1) {
    const middle = start + splitWidth(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/**
 * The subtrees whose hashes make a consistency proof, in proof order. None when the old tree is empty or the same.
 *
 * @throws {@link AuditError} `TREE_SHRANK` when `oldSize` is above `newSize`.
 * @example
 * ```ts
 * consistencyRanges(3, 4) // [{ start: 2, end: 3 }, { start: 3, end: 4 }, { start: 0, end: 2 }]
 * ```
 */
export function consistencyRanges(oldSize: number, newSize: number): readonly Range[] {
  assertGrowth(oldSize, newSize)
  if (oldSize === 0 || oldSize === newSize) return []
  const ranges: Range[] = []
  let [start, end] = [0, newSize]
  while (end !== oldSize) {
    const middle = start + splitWidth(end - start)
    if (oldSize <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  // The verifier knows the old root, so it is left out when the old tree is one whole subtree from leaf 0.
  if (start !== 0) ranges.push({ start, end })
  return ranges.reverse()
}

/**
 * The perfect subtrees of a tree, left to right; folding their hashes from the right gives its root.
 *
 * @example
 * ```ts
 * frontierRanges(6) // [{ start: 0, end: 4 }, { start: 4, end: 6 }]
 * ```
 */
export function frontierRanges(treeSize: number): readonly Range[] {
  assertCount(treeSize, "treeSize")
  return perfectRanges({ start: 0, end: treeSize })
}

/**
 * The perfect subtrees that a subtree of an RFC 6962 tree consists of, left to right.
 *
 * @throws RangeError when no RFC 6962 tree has that subtree.
 */
export function perfectRanges(range: Range): readonly Range[] {
  assertCount(range.start, "range.start")
  assertCount(range.end, "range.end")
  const ranges: Range[] = []
  for (let start = range.start; start < range.end; ) {
    const width = largestPower(range.end - start)
    if (start % width !== 0) throw new RangeError(`range ${range.start} to ${range.end} is not a subtree`)
    ranges.push({ start, end: start + width })
    start += width
  }
  return ranges
}

/** The largest power of two not above a width of 1 or more. */
function largestPower(width: number): number {
  const half = splitWidth(width)
  return half * 2 === width ? width : half
}

/**
 * The hash of the subtree over the leaves from `start` up to, not including, `end`; the empty root for none.
 *
 * @param hashAt - Gives the leaf hash at an index.
 * @example
 * ```ts
 * rangeHash(0, 2, (index) => hashes[index]!) // nodeHash(hashes[0], hashes[1])
 * ```
 */
export function rangeHash(start: number, end: number, hashAt: (index: number) => Uint8Array): Uint8Array {
  assertCount(start, "start")
  assertCount(end, "end")
  const frontier = Frontier.empty()
  for (let index = start; index < end; index++) frontier.append(hashAt(index))
  return frontier.root()
}

/** @throws AuditError `INDEX_OUT_OF_RANGE` when a tree of that size has no such leaf. */
export function assertIndex(index: number, treeSize: number): void {
  assertCount(index, "index")
  assertCount(treeSize, "treeSize")
  if (index >= treeSize) {
    throw new AuditError("INDEX_OUT_OF_RANGE", `there is no entry ${index} in a tree of ${treeSize}`)
  }
}

/** @throws AuditError `TREE_SHRANK` when `oldSize` is above `newSize`. */
export function assertGrowth(oldSize: number, newSize: number): void {
  assertCount(oldSize, "oldSize")
  assertCount(newSize, "newSize")
  if (oldSize > newSize) {
    throw new AuditError("TREE_SHRANK", `a tree of ${newSize} cannot extend a tree of ${oldSize}: entries are missing`)
  }
}
