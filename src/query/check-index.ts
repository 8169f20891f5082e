/**
 * Whether the query index says what the log says. The index proves nothing and no answer is taken from it alone, but one
 * that was doctored could hide records from a query.
 * @module
 */
import { TILE_WIDTH } from "../proof/index.ts"
import { BLOCK_ENTRIES, type DailyCount, LocalIndex, type Postings, Slices } from "../store/index.ts"
import type { Finding } from "./findings.ts"
import { Batch, type Published, standsFor, treeNow } from "./index-build.ts"
import { HISTOGRAM_KEYS } from "./index-terms.ts"
import { quietly } from "./sealed.ts"
import type { Snapshot } from "./snapshot.ts"

const BLOCK_BUNDLES = BLOCK_ENTRIES / TILE_WIDTH
const TOUCHED =
  "the query index was copied or changed by something else, or is of another history: it is not used, and made anew"
const DIFFERS = "the query index does not say what the log says: run secureml audit reindex, and ask who changed it"

/**
 * Looks at the index of a log.
 * @param whole - Compares every row of it with the log; else only whether it was touched.
 */
export async function checkIndex(snapshot: Snapshot, whole: boolean): Promise<Finding[]> {
  const finding = (message: string): Finding[] => [{ code: "index_differs", message, path: ".state/index" }]
  if (!snapshot.privateState) return []
  if (quietly(() => LocalIndex.wasTouched(snapshot.root)) !== false) return finding(TOUCHED)
  const index = quietly(() => LocalIndex.open(snapshot.root))
  const state = quietly(() => index?.state)
  if (index === undefined) return []
  const tree = await treeNow(snapshot, state?.position ?? 0)
  if (state === undefined || !(await standsFor(state, tree))) return finding(TOUCHED)
  if (!whole || (await isTrue(index, state.position, tree))) return []
  // Somebody who added to it meanwhile is no difference: look again.
  const now = quietly(() => LocalIndex.open(snapshot.root)?.state)
  return now?.position === state.position ? finding(DIFFERS) : checkIndex(snapshot, whole)
}

async function isTrue(index: LocalIndex, position: number, tree: Published): Promise<boolean> {
  const slices = new Slices()
  const daily = new Map<string, number>()
  const bundles = position / TILE_WIDTH
  for (let block = 0; block * BLOCK_BUNDLES < bundles; block++) {
    const batch = new Batch(block)
    const end = Math.min(bundles, (block + 1) * BLOCK_BUNDLES)
    for (let bundle = block * BLOCK_BUNDLES; bundle < end; bundle++) await batch.read(tree, bundle, slices)
    for (const row of batch.daily) daily.set(placeOf(row), (daily.get(placeOf(row)) ?? 0) + row.count)
    if ((await quietlyAsync(() => sameBlock(index, batch, slices))) !== true) return false
  }
  const rows = quietly(() => HISTOGRAM_KEYS.flatMap((_, key) => index.daily(key)))
  if (rows === undefined) return false
  const found = new Map<string, number>()
  for (const row of rows) found.set(placeOf(row), (found.get(placeOf(row)) ?? 0) + row.count)
  return found.size === daily.size && [...daily].every(([place, count]) => found.get(place) === count)
}

function placeOf({ key, day, value }: DailyCount): string {
  return `${key}\0${day}\0${value}`
}

/** Whether a block has the postings and times of the log, and no others. */
async function sameBlock(index: LocalIndex, { block, postings, spans }: Batch, slices: Slices): Promise<boolean> {
  let total = 0
  for (const [term, offsets] of postings) {
    const wanted = typeof offsets === "number" ? [offsets] : offsets
    if (!sameOffsets(index.read(term, block), wanted)) return false
    total += wanted.length
    await slices.turn()
  }
  const found = index.bundleSpans(block)
  const whole = [...spans.values()]
  const span = index.spans().get(block)
  return (
    total === index.postingsIn(block) &&
    found.size === spans.size &&
    [...spans].every(
      ([bundle, [first, last]]) => found.get(bundle)?.[0] === first && found.get(bundle)?.[1] === last,
    ) &&
    span?.first === Math.min(...whole.map(([first]) => first)) &&
    span.last === Math.max(...whole.map(([, last]) => last))
  )
}

function sameOffsets(postings: Postings, wanted: readonly number[]): boolean {
  if ("offsets" in postings)
    return postings.offsets.length === wanted.length && wanted.every((offset, n) => postings.offsets[n] === offset)
  let count = 0
  for (const byte of postings.bits) for (let bits = byte; bits > 0; bits &= bits - 1) count += 1
  return count === wanted.length && wanted.every((offset) => ((postings.bits[offset >> 3]! >> (offset & 7)) & 1) === 1)
}

/** What a reading of the index comes to; undefined when it fails. */
async function quietlyAsync<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch {
    return undefined
  }
}
