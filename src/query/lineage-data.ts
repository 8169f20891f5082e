/**
 * The data that went into a training: from what the training names, back through the transformations that made it, to
 * the accesses that read it.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import type { AuditFilters } from "./filter.ts"
import { type Clues, dataClues, joined, type Match, matchData, transformedClues } from "./lineage-clues.ts"
import {
  type Gathered,
  gather,
  isBefore,
  type Link,
  MOST_LINKS,
  operationFieldOf,
  operationsAround,
  placeOf,
} from "./lineage-search.ts"

/** Names, ids and digests that are asked for, on the way back through transformations. */
const MOST_ASKED = 64

/** Accesses and transformations before a training that gave its data, in ledger order. */
export async function dataOf(training: AuditRecord, logDir: string): Promise<Gathered> {
  const around = operationsAround(training)
  const links = new Map<string, Link>()
  const asked = new Set<string>()
  let wanted = dataClues(training)
  let isCut = false
  for (let sources: AuditFilters[] = [{ operationId: around }]; ; sources = []) {
    const texts = textsOf(wanted).filter((text) => !asked.has(text))
    isCut ||= asked.size + texts.length > MOST_ASKED
    for (const text of texts.slice(0, MOST_ASKED - asked.size)) sources.push({ text })
    if (sources.length === 0) break
    for (const text of texts) asked.add(text)
    const known = wanted
    const gathered = await gather({ eventType: ["data_access", "data_transformation"] }, sources, logDir, (record) =>
      isBefore(record, training) ? matchOf(known, record, around) : undefined,
    )
    isCut ||= gathered.isCut
    for (const link of gathered.found) {
      links.set(placeOf(link.record), link)
      if (isMaker(link)) wanted = joined(wanted, transformedClues(link.record, "input_data"))
    }
  }
  const found = [...links.values()].sort((a, b) => (isBefore(a.record, b.record) ? -1 : 1))
  return { found: found.slice(-MOST_LINKS), isCut: isCut || found.length > MOST_LINKS }
}

/** A transformation that made what is wanted; of one in the same operation that alone says nothing. */
function isMaker({ record, matched, conflicts }: Link): boolean {
  const says = matched.some((field) => field.startsWith("details."))
  return record.event_type === "data_transformation" && says && conflicts.length === 0
}

function matchOf(wanted: Clues, record: AuditRecord, around: readonly string[]): Match | undefined {
  const operationField = operationFieldOf(record, around)
  if (record.event_type === "data_access") return matchData(wanted, dataClues(record), operationField)
  // What a transformation made, under a name or digest of its own or as its evidence has it.
  return matchData(wanted, joined(transformedClues(record, "output_data"), dataClues(record)), operationField)
}

function textsOf({ digests, ids, names }: Clues): string[] {
  return [...new Set([...digests, ...ids, ...names].map(({ value }) => value))]
}
