/**
 * Where to look for records that match, by the index: bundles, and places in them. It may name too many places, never
 * too few: whoever asks reads the entries themselves.
 * @module
 */
import { TILE_WIDTH } from "../proof/index.ts"
import { BLOCK_ENTRIES, type LocalIndex, type Postings } from "../store/index.ts"
import type { Filter } from "./filter.ts"
import { ANY, MANY_WORDS, termOf, wordTerm } from "./index-terms.ts"

const BLOCK_BUNDLES = BLOCK_ENTRIES / TILE_WIDTH

/** Places in one bundle, in the order asked for. */
export interface BundlePlaces {
  readonly bundle: number
  /** Places within the bundle. */
  readonly places: readonly number[]
  /** Whether every entry of the bundle is within the times that are asked for. */
  readonly isWithinTimes: boolean
}

/** Terms of which a match has at least one, and how often they occur in each block. */
interface Condition {
  readonly terms: readonly string[]
  readonly counts: ReadonlyMap<number, number>
  readonly total: number
}

/** Whether the index can narrow anything down. */
export function canSearch({ terms, words, fromMs, toMs, events }: Filter): boolean {
  return (
    events !== undefined ||
    terms.length > 0 ||
    words.length > 0 ||
    fromMs !== Number.NEGATIVE_INFINITY ||
    toMs !== Number.POSITIVE_INFINITY
  )
}

/** The bundles with places that may match, between two indexes (the second not included). */
export function* searchIndex(
  index: LocalIndex,
  filter: Filter,
  order: "asc" | "desc",
  from: number,
  to: number,
): Generator<BundlePlaces> {
  if (filter.events !== undefined) return yield* bundlesAt(index, filter.events.timesMs, order, from, to)
  const conditions = conditionsOf(index, filter)
  const spans = index.spans()
  const blocks = [...conditions[0]!.counts.keys()].sort((a, b) => a - b)
  for (const block of order === "asc" ? blocks : blocks.reverse()) {
    const span = spans.get(block)
    if (span === undefined || span.last < filter.fromMs || span.first > filter.toMs) continue
    if ((block + 1) * BLOCK_ENTRIES <= from || block * BLOCK_ENTRIES >= to) continue
    if (conditions.some(({ counts }) => !counts.has(block))) continue
    const isWithin = span.first >= filter.fromMs && span.last <= filter.toMs
    const offsets = offsetsIn(index, conditions, block)
    const times = isWithin ? undefined : index.bundleSpans(block)
    yield* bundlesOf(block, offsets, times, filter, order, from, to)
  }
}

/** The bundles whose times have some moments in them; any of their entries may be meant. */
function* bundlesAt(
  index: LocalIndex,
  timesMs: readonly number[],
  order: "asc" | "desc",
  from: number,
  to: number,
): Generator<BundlePlaces> {
  const places = Array.from({ length: TILE_WIDTH }, (_, n) => (order === "asc" ? n : TILE_WIDTH - 1 - n))
  const hasTimeIn = (first: number, last: number): boolean => {
    let [low, high] = [0, timesMs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (timesMs[middle]! < first) low = middle + 1
      else high = middle
    }
    return low < timesMs.length && timesMs[low]! <= last
  }
  const spans = [...index.spans()].sort(([a], [b]) => (order === "asc" ? a - b : b - a))
  for (const [block, { first, last }] of spans) {
    if ((block + 1) * BLOCK_ENTRIES <= from || block * BLOCK_ENTRIES >= to || !hasTimeIn(first, last)) continue
    const bundles = [...index.bundleSpans(block)].sort(([a], [b]) => (order === "asc" ? a - b : b - a))
    for (const [bundle, [start, end]] of bundles) {
      const isAsked = (bundle + 1) * TILE_WIDTH > from && bundle * TILE_WIDTH < to
      if (isAsked && hasTimeIn(start, end)) yield { bundle, places, isWithinTimes: false }
    }
  }
}

function conditionsOf(index: LocalIndex, { terms, words }: Filter): Condition[] {
  const wanted = terms.map(({ field, values }) => values.map((value) => termOf(field, value)))
  for (const word of new Set(words)) wanted.push([wordTerm(word), MANY_WORDS])
  if (wanted.length === 0) wanted.push([ANY])
  const conditions = wanted.map((any) => {
    const counts = new Map<number, number>()
    for (const term of new Set(any))
      for (const [block, n] of index.blocksOf(term)) counts.set(block, (counts.get(block) ?? 0) + n)
    return { terms: [...new Set(any)], counts, total: [...counts.values()].reduce((sum, n) => sum + n, 0) }
  })
  // The rarest first: the others are only asked about its blocks.
  return conditions.sort((a, b) => a.total - b.total)
}

/** Offsets in a block which meet all conditions. */
function offsetsIn(index: LocalIndex, conditions: readonly Condition[], block: number): number[] {
  let offsets: number[] | undefined
  for (const { terms, counts } of conditions) {
    if (offsets?.length === 0) return offsets
    const found = terms.map((term) => index.read(term, block))
    if (offsets !== undefined) offsets = offsets.filter(holderOf(found, counts.get(block) ?? 0, offsets.length))
    else offsets = found.length === 1 ? listOf(found[0]!) : [...new Set(found.flatMap(listOf))].sort((a, b) => a - b)
  }
  return offsets ?? []
}

/** Offsets, in order. */
export function listOf(postings: Postings): number[] {
  if ("offsets" in postings) return [...postings.offsets]
  const list: number[] = []
  for (const [n, byte] of postings.bits.entries())
    for (let bit = 0; byte >> bit > 0; bit++) if ((byte >> bit) & 1) list.push(n * 8 + bit)
  return list
}

/** A test whether an offset is in any of some postings. */
function holderOf(postings: readonly Postings[], count: number, asked: number): (offset: number) => boolean {
  const bits = postings.flatMap((one) => ("bits" in one ? [one.bits] : []))
  const lists = postings.flatMap((one) => ("offsets" in one ? [one.offsets] : []))
  // A few questions are answered by searching the lists; for many the lists become a set.
  const set = asked * 16 > count ? new Set(lists.flatMap((list) => [...list])) : undefined
  return (offset) =>
    bits.some((one) => (one[offset >> 3]! >> (offset & 7)) & 1) ||
    (set === undefined ? lists.some((list) => includesSorted(list, offset)) : set.has(offset))
}

function includesSorted(list: Uint16Array, wanted: number): boolean {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return list[low] === wanted
}

function* bundlesOf(
  block: number,
  offsets: readonly number[],
  times: ReadonlyMap<number, readonly [number, number]> | undefined,
  { fromMs, toMs }: Filter,
  order: "asc" | "desc",
  from: number,
  to: number,
): Generator<BundlePlaces> {
  const base = block * BLOCK_ENTRIES
  const groups = new Map<number, number[]>()
  for (const offset of offsets) {
    if (base + offset < from || base + offset >= to) continue
    const group = groups.get(offset >> 8)
    if (group === undefined) groups.set(offset >> 8, [offset & 255])
    else group.push(offset & 255)
  }
  for (const [n, places] of order === "asc" ? groups : [...groups].reverse()) {
    const bundle = block * BLOCK_BUNDLES + n
    const span = times?.get(bundle)
    if (times !== undefined && (span === undefined || span[1] < fromMs || span[0] > toMs)) continue
    const isWithinTimes = span === undefined || (span[0] >= fromMs && span[1] <= toMs)
    yield { bundle, places: order === "asc" ? places : places.reverse(), isWithinTimes }
  }
}
