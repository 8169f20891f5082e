/**
 * What a read asked for, as it may be written into the log: every field by its name, and a value only where it cannot be
 * a person's identifier. Pure.
 * @module
 */
import { canonicalRegulation, isArray, isRecord } from "../event/index.ts"
import { parseTimeBound } from "./time-bound.ts"

/** Stands for a value that is not written down. */
export const GIVEN = "given"

/** More values of one field than this are not listed. */
const MOST_VALUES = 20
/** Ids that are random, whoever they belong to. */
const RANDOM_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/i
/** A name as programs give them: one word with a letter in it, and nothing that addresses or numbers of people have. */
const PROGRAM_NAME = /^(?=.*[A-Za-z])[\w.:/+-]{1,128}$/

type Writer = (value: unknown) => unknown

const randomId: Writer = (value) => (typeof value === "string" && RANDOM_ID.test(value) ? value : GIVEN)
const programName: Writer = (value) => (typeof value === "string" && PROGRAM_NAME.test(value) ? value : GIVEN)
const plain: Writer = (value) => (typeof value === "number" || typeof value === "boolean" ? value : programName(value))

/** Fields whose values are written. What is not here is only named: `user`, `text`, `requestId`, and whatever comes later. */
const WRITERS: { readonly [field: string]: Writer } = {
  eventId: randomId,
  operationId: randomId,
  parentOperationId: randomId,
  traceId: randomId,
  eventType: programName,
  operationName: programName,
  datasetName: programName,
  modelId: programName,
  regulation: (value) => (typeof value === "string" ? (canonicalRegulation(value) ?? programName(value)) : GIVEN),
  status: programName,
  result: plain,
  startTime: timeText,
  endTime: timeText,
  order: plain,
  limit: plain,
  index: plain,
  by: plain,
  proofs: plain,
}

/**
 * The fields of a query, in the spelling of the log.
 *
 * @example
 * ```ts
 * askedFor({ eventType: "data_access", user: "jane" }) // { event_type: "data_access", user: "given" }
 * ```
 */
export function askedFor(query: object): Record<string, unknown> {
  const fields = Object.entries(query).filter(([field, value]) => field !== "logDir" && value !== undefined)
  return Object.fromEntries(fields.map(([field, value]) => [inSnakeCase(field), written(field, value)]))
}

function written(field: string, value: unknown): unknown {
  if (field === "not" && isRecord(value)) return askedFor(value)
  const writer = Object.hasOwn(WRITERS, field) ? WRITERS[field]! : () => GIVEN
  if (!isArray(value)) return writer(value)
  const values = value as readonly unknown[]
  if (values.length > MOST_VALUES) return GIVEN
  return values.map(writer)
}

function timeText(value: unknown): unknown {
  try {
    const { firstMs } = parseTimeBound(value as Date | string, "time")
    return typeof value === "string" ? value : new Date(firstMs).toISOString()
  } catch {
    // The read refuses it, and says why.
    return GIVEN
  }
}

function inSnakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
