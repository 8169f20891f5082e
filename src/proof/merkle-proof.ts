/**
 * Checks of Merkle proofs, by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2, which the trees of RFC 6962
 * share. Pure, no I/O. Everything but the caller's own root and leaf is untrusted.
 * @module
 */

import { equalBytes } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type HashInput, hashBytes } from "./arguments.ts"
import { EMPTY_ROOT, nodeHash } from "./hash.ts"
import { assertGrowth, assertIndex } from "./tree.ts"

/** The most hashes that a proof can have: the height of the largest tree that C2SP formats can name. */
export const MAX_PROOF_HASHES = 63

/** What {@link verifyInclusion} checks. */
export type InclusionCheck = {
  readonly index: number
  readonly treeSize: number
  readonly leafHash: HashInput
  readonly rootHash: HashInput
  readonly proof: readonly HashInput[]
}

/** What {@link verifyConsistency} checks. */
export type ConsistencyCheck = {
  readonly oldSize: number
  readonly newSize: number
  readonly oldRoot: HashInput
  readonly newRoot: HashInput
  readonly proof: readonly HashInput[]
}

/** Two nodes on the way up: the one followed and the last one of the same level. */
class Climb {
  followed: number
  last: number

  constructor(followed: number, last: number) {
    this.followed = followed
    this.last = last
  }

  up(): void {
    this.followed = Math.floor(this.followed / 2)
    this.last = Math.floor(this.last / 2)
  }

  /** Whether the next proof hash is the left sibling; then also skips the levels where the node has none. */
  joinsLeft(): boolean {
    if (this.last === 0) throw wrongLength()
    const left = this.followed % 2 === 1 || this.followed === this.last
    if (left) while (this.followed % 2 === 0 && this.followed !== 0) this.up()
    this.up()
    return left
  }

  assertDone(): void {
    if (this.last !== 0) throw wrongLength()
  }
}

function wrongLength(): AuditError {
  return new AuditError("PROOF_LENGTH_WRONG", "the proof has not as many hashes as these tree sizes need")
}

function proofHashes(proof: readonly HashInput[]): Uint8Array[] {
  if (!Array.isArray(proof)) throw new TypeError("proof must be an array of hashes")
  if (proof.length > MAX_PROOF_HASHES) throw wrongLength()
  return proof.map((hash: HashInput, i) => hashBytes(hash, `proof[${i}]`, "PROOF_HASH_MALFORMED"))
}

/**
 * Checks that a leaf is at an index of the tree with this size and root. Synchronous; only hashes.
 *
 * @returns true; everything else throws.
 * @throws {@link AuditError} `INDEX_OUT_OF_RANGE` when the tree is too small for the index.
 * @throws {@link AuditError} `LEAF_HASH_MALFORMED`, `ROOT_HASH_MALFORMED` or `PROOF_HASH_MALFORMED` for a hash that is
 * not exactly 32 bytes.
 * @throws {@link AuditError} `PROOF_LENGTH_WRONG` when the proof has too few or too many hashes.
 * @throws {@link AuditError} `INCLUSION_PROOF_WRONG` when it leads to another root.
 * @example
 * ```ts
 * const entry = utf8("the only one")
 * verifyInclusion({ index: 0, treeSize: 1, leafHash: leafHash(entry), rootHash: leafHash(entry), proof: [] }) // true
 * ```
 */
export function verifyInclusion(check: InclusionCheck): true {
  const { index, treeSize } = check
  assertIndex(index, treeSize)
  const rootHash = hashBytes(check.rootHash, "rootHash", "ROOT_HASH_MALFORMED")
  const climb = new Climb(index, treeSize - 1)
  let root = hashBytes(check.leafHash, "leafHash", "LEAF_HASH_MALFORMED")
  for (const sibling of proofHashes(check.proof)) {
    root = climb.joinsLeft() ? nodeHash(sibling, root) : nodeHash(root, sibling)
  }
  climb.assertDone()
  if (!equalBytes(root, rootHash)) {
    throw new AuditError("INCLUSION_PROOF_WRONG", `the proof does not show this entry at ${index} under this root`)
  }
  return true
}

/**
 * Checks that the newer tree holds every entry of the older one, in the same places. Synchronous; only hashes.
 * Any tree extends the empty one, and a tree extends itself: then the proof must be empty.
 *
 * @returns true; everything else throws.
 * @throws {@link AuditError} `TREE_SHRANK` when `oldSize` is above `newSize`.
 * @throws {@link AuditError} `ROOT_HASH_MALFORMED` or `PROOF_HASH_MALFORMED` for a hash that is not exactly 32 bytes.
 * @throws {@link AuditError} `PROOF_LENGTH_WRONG` when the proof has too few or too many hashes.
 * @throws {@link AuditError} `CONSISTENCY_PROOF_WRONG` when it leads to another old or new root.
 * @example
 * ```ts
 * const [a, b] = [leafHash(utf8("a")), leafHash(utf8("b"))]
 * verifyConsistency({ oldSize: 1, newSize: 2, oldRoot: a, newRoot: nodeHash(a, b), proof: [b] }) // true
 * ```
 */
export function verifyConsistency(check: ConsistencyCheck): true {
  const { oldSize, newSize } = check
  assertGrowth(oldSize, newSize)
  const oldRoot = hashBytes(check.oldRoot, "oldRoot", "ROOT_HASH_MALFORMED")
  const newRoot = hashBytes(check.newRoot, "newRoot", "ROOT_HASH_MALFORMED")
  const proof = proofHashes(check.proof)
  if (oldSize === 0 || oldSize === newSize) {
    if (proof.length > 0) throw wrongLength()
    // A size has one root, and that of size 0 is known to everyone.
    if (oldSize === 0) assertConsistent(oldRoot, EMPTY_ROOT)
    if (newSize === oldSize) assertConsistent(oldRoot, newRoot)
    return true
  }
  const roots = rebuildRoots(oldSize, newSize, oldRoot, proof)
  assertConsistent(roots.old, oldRoot)
  assertConsistent(roots.new, newRoot)
  return true
}

function rebuildRoots(
  oldSize: number,
  newSize: number,
  oldRoot: Uint8Array,
  proof: readonly Uint8Array[],
): { old: Uint8Array; new: Uint8Array } {
  const climb = new Climb(oldSize - 1, newSize - 1)
  while (climb.followed % 2 === 1) climb.up()
  // The walk reached node 0 of its level: the old tree is one perfect subtree, and its root is not in the proof.
  const hashes = climb.followed === 0 ? [oldRoot, ...proof] : proof
  let [oldHash, newHash] = [hashes[0], hashes[0]]
  if (oldHash === undefined || newHash === undefined) throw wrongLength()
  for (const sibling of hashes.slice(1)) {
    if (climb.joinsLeft()) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
    } else {
      newHash = nodeHash(newHash, sibling)
    }
  }
  climb.assertDone()
  return { old: oldHash, new: newHash }
}

function assertConsistent(rebuilt: Uint8Array, claimed: Uint8Array): void {
  if (equalBytes(rebuilt, claimed)) return
  throw new AuditError("CONSISTENCY_PROOF_WRONG", "the newer tree does not extend the older one")
}
