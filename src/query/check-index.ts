/**
 * Whether the query index says what the log says. The index proves nothing and no answer is taken from it alone, but one
 * that was doctored could hide records from a query.
 * @module
 */
import { AuditError } from "../errors.ts"
import { TILE_WIDTH } from "../proof/index.ts"
import { BLOCK_ENTRIES, closeIndexesUnder, type DailyCount, errorCode, LocalIndex, Slices } from "../store/index.ts"
import type { Finding } from "./findings.ts"
import { Batch, type Published, standsFor, treeNow } from "./index-build.ts"
import { listOf } from "./index-search.ts"
import { HISTOGRAM_KEYS } from "./index-terms.ts"
import type { Snapshot } from "./snapshot.ts"

/** Postings that are compared at once; a block with more is read again for each part of its terms. */
const MOST_POSTINGS = 4_000_000
/** Terms that are looked up at once: sorting them takes a moment in which nothing else runs. */
const TERMS_AT_ONCE = 100_000
/** A writer that adds much locks readers out meanwhile; SQLite waits a second each time. */
const TRIES = 30
const PAUSE_MS = 500
/** Another has it locked, or it was closed in this thread because others were opened. */
const LOCKED = /locked|busy|was closed/
const PASSING = /unable to open|disk I\/O|out of memory/
const PASSING_CODES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "EIO", "ENOMEM"])
const { setTimeout: startTimer } = globalThis
const BLOCK_BUNDLES = BLOCK_ENTRIES / TILE_WIDTH
const TOUCHED =
  "the query index was copied or changed by something else, or is of another history: it is not used, and made anew"
const DIFFERS = "the query index does not say what the log says: run secureml audit reindex, and ask who changed it"

/**
 * Looks at the index of a log.
 * @param whole - Compares every row of it with the log; else only whether it was touched.
 * @throws {@link AuditError} `INDEX_UNAVAILABLE` where it is to be compared, and somebody has it locked all the time.
 */
export async function checkIndex(snapshot: Snapshot, whole: boolean): Promise<Finding[]> {
  if (!snapshot.privateState) return []
  let isSecondLook = false
  for (let left = TRIES; ; left--) {
    try {
      const findings = await findingsOf(snapshot, whole)
      if (findings?.length === 0 || (findings !== undefined && isSecondLook)) return findings
      // SQLite says of a disk that failed for once that the file is malformed.
      isSecondLook = findings !== undefined
      closeIndexesUnder(snapshot.root.path)
    } catch (error) {
      if (!LOCKED.test(String(error))) throw error
      // It proves nothing about the log, which is not held up by it.
      if (!whole) return []
      if (left <= 0)
        throw new AuditError("INDEX_UNAVAILABLE", "the index cannot be compared: somebody has it locked; try again", {
          cause: error,
        })
      await new Promise((resolve) => startTimer(resolve, PAUSE_MS))
    }
  }
}

/** What is to be said of it; undefined when somebody added to it meanwhile, or made it anew: look again. */
async function findingsOf(snapshot: Snapshot, whole: boolean): Promise<Finding[] | undefined> {
  const { root } = snapshot
  const finding = (message: string): Finding[] => [{ code: "index_differs", message, path: ".state/index" }]
  if (unlessDamaged(() => LocalIndex.wasTouched(root)) !== false) return finding(TOUCHED)
  const index = unlessDamaged(() => LocalIndex.open(root))
  if (index === undefined) return []
  const isAsBefore = (position: number | undefined): boolean =>
    unlessDamaged(() => LocalIndex.open(root)) === index && unlessDamaged(() => index.state)?.position === position
  const state = unlessDamaged(() => index.state)
  if (state === undefined && LocalIndex.isBeingWritten(root)) return []
  const tree = await treeNow(snapshot, state?.position ?? 0)
  if (state === undefined || !(await standsFor(state, tree))) {
    const isHistory = isAsBefore(state?.position) && unlessDamaged(() => LocalIndex.wasTouched(root)) === false
    return isHistory ? finding(TOUCHED) : undefined
  }
  if (!whole) return []
  const letGo = index.hold()
  try {
    if (await isTrue(index, state.position, tree)) return []
  } finally {
    letGo()
  }
  return isAsBefore(state.position) ? finding(DIFFERS) : undefined
}

/** What a reading comes to; undefined when the index is damaged. That it cannot be read just now proves nothing. */
function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isPassing(error)) throw error
    return undefined
  }
}

/** Whether an error says that something could not be read just now. */
function isPassing(error: unknown): boolean {
  return PASSING_CODES.has(errorCode(error)) || LOCKED.test(String(error)) || PASSING.test(String(error))
}

async function isTrue(index: LocalIndex, position: number, tree: Published): Promise<boolean> {
  const slices = new Slices()
  const daily = new Map<string, number>()
  const bundles = position / TILE_WIDTH
  const first = (tree.pruning?.minimumIndex ?? 0) / TILE_WIDTH
  for (let block = Math.floor(first / BLOCK_BUNDLES); block * BLOCK_BUNDLES < bundles; block++) {
    const end = Math.min(bundles, (block + 1) * BLOCK_BUNDLES)
    const { postings, own } = unlessDamaged(() => index.rowsOf(block)) ?? { postings: 0, own: new Set<number>() }
    const parts = Math.max(1, Math.ceil(postings / MOST_POSTINGS))
    let total = 0
    for (let part = 0; part < parts; part++) {
      const takes = (term: string): boolean => unlessDamaged(() => index.keyOf(term, block) % parts === part) ?? true
      const batch = new Batch(block, parts === 1 ? undefined : takes)
      for (let bundle = Math.max(first, block * BLOCK_BUNDLES); bundle < end; bundle++) {
        await batch.read(tree, bundle, slices)
        // A log with many more than the index has.
        if (batch.postings.size > 2 * MOST_POSTINGS) return false
      }
      if (part === 0) for (const row of batch.daily) daily.set(placeOf(row), (daily.get(placeOf(row)) ?? 0) + row.count)
      const same = await unlessDamagedAsync(
        async () => sameSpans(index, batch) && (await samePostings(index, batch, own, slices)),
      )
      if (same === undefined || same === false) return false
      total += same
    }
    if (total !== postings) return false
  }
  const rows = unlessDamaged(() => HISTOGRAM_KEYS.flatMap((_, key) => index.daily(key)))
  if (rows === undefined) return false
  const found = new Map<string, number>()
  for (const row of rows) found.set(placeOf(row), (found.get(placeOf(row)) ?? 0) + row.count)
  return found.size === daily.size && [...daily].every(([place, count]) => found.get(place) === count)
}

function placeOf({ key, day, value }: DailyCount): string {
  return `${key}\0${day}\0${value}`
}

/**
 * Whether the terms of the log have the postings that they have there.
 * @returns How many postings they have together; false when one has too few, or some that are no other's either.
 */
async function samePostings(
  index: LocalIndex,
  { block, postings }: Batch,
  own: ReadonlySet<number>,
  slices: Slices,
): Promise<number | false> {
  let total = 0
  /** What terms have beside their own, by the part of the hash that they may share with another. */
  const beside = new Map<number, Set<number>>()
  for (const [term, found, offsets] of foundIn(index, block, postings, own)) {
    const wanted = typeof offsets === "number" ? [offsets] : offsets
    if (!isSame(found, wanted)) {
      const own = new Set(wanted)
      const others = found.filter((offset) => !own.delete(offset))
      if (own.size > 0) return false
      const key = index.keyOf(term, block)
      beside.set(key, new Set([...(beside.get(key) ?? []), ...others]))
    }
    total += wanted.length
    await slices.turn()
  }
  if (beside.size > 0) {
    for (const [term, offsets] of postings) {
      const others = beside.get(index.keyOf(term, block))
      for (const offset of typeof offsets === "number" ? [offsets] : offsets) others?.delete(offset)
      await slices.turn()
    }
  }
  return [...beside.values()].every(({ size }) => size === 0) && total
}

/** The terms of a block, what the index has for each, and what the log has. */
function* foundIn(
  index: LocalIndex,
  block: number,
  postings: Batch["postings"],
  own: ReadonlySet<number>,
): Generator<readonly [term: string, found: number[], wanted: number | number[]]> {
  const terms = [...postings.keys()]
  for (let n = 0; n < terms.length; n += TERMS_AT_ONCE) {
    for (const [term, found] of index.readEach(terms.slice(n, n + TERMS_AT_ONCE), block, own))
      yield [term, listOf(found), postings.get(term)!]
  }
}

function isSame(found: readonly number[], wanted: readonly number[]): boolean {
  return found.length === wanted.length && found.every((offset, n) => offset === wanted[n])
}

/** Whether a block has the times of the log, and no others. */
function sameSpans(index: LocalIndex, { block, spans }: Batch): boolean {
  const found = index.bundleSpans(block)
  const whole = [...spans.values()]
  const span = index.spans().get(block)
  return (
    found.size === spans.size &&
    [...spans].every(
      ([bundle, [first, last]]) => found.get(bundle)?.[0] === first && found.get(bundle)?.[1] === last,
    ) &&
    (span?.first ?? Number.POSITIVE_INFINITY) === Math.min(...whole.map(([first]) => first)) &&
    (span?.last ?? Number.NEGATIVE_INFINITY) === Math.max(...whole.map(([, last]) => last))
  )
}

/** The same for a reading that takes a while. */
async function unlessDamagedAsync<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isPassing(error)) throw error
    return undefined
  }
}
