/**
 * What queries must answer, worked out from all records in the plainest way; shares nothing with the query side.
 * @module
 */
import type { AuditQuery, AuditRecord, HistogramBucket, HistogramKey } from "../src/audit.ts"

type Read = (record: AuditRecord) => readonly unknown[]

const READ: Readonly<Record<string, Read>> = {
  operationId: (record) => [record.operation_id],
  operationName: (record) => [record.operation_name],
  eventType: (record) => [record.event_type],
  user: (record) => [record.details["user"], record.actor?.id],
  datasetName: (record) => [record.details["dataset_name"]],
  modelId: (record) => [record.details["model_id"]],
  regulation: (record) =>
    [...(record.regulations ?? []), record.details["regulation"]].map((name) => String(name).toUpperCase()),
  result: (record) => [record.details["result"]].map((value) => (value === undefined ? value : String(value))),
}

/** The records that a query asks for, in its order. */
export function answers(records: readonly AuditRecord[], query: AuditQuery): AuditRecord[] {
  const found = records.filter((record) => {
    const fields = Object.entries(query).filter(([field]) => field in READ)
    if (!fields.every(([field, wanted]) => has(record, field, wanted))) return false
    if (Object.entries(query.not ?? {}).some(([field, wanted]) => has(record, field, wanted))) return false
    const { startTime, endTime, text } = query
    if (startTime !== undefined && record.timestamp < padded(startTime as string, "000")) return false
    if (endTime !== undefined && record.timestamp > padded(endTime as string, "999")) return false
    return text === undefined || text.split(/\s+/).every((part) => part === "" || holds(record, part))
  })
  return query.order === "desc" ? found.reverse() : found
}

function has(record: AuditRecord, field: string, wanted: unknown): boolean {
  const norm = (value: unknown): string => (field === "regulation" ? String(value).toUpperCase() : String(value))
  const any = (Array.isArray(wanted) ? wanted : [wanted]).map(norm)
  return READ[field]!(record).some((value) => value !== undefined && any.includes(norm(value)))
}

/** An ISO time in UTC, filled up to milliseconds with the first or the last of what it leaves open. */
function padded(time: string, ms: "000" | "999"): string {
  const full = ms === "000" ? "T00:00:00.000Z" : "T23:59:59.999Z"
  return time.replace(/Z$/, "") + full.slice(time.replace(/Z$/, "").length - 10)
}

function holds(record: AuditRecord, part: string): boolean {
  const escaped = part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  const before = /^[a-z0-9]/i.test(part) ? "(?<![a-z0-9])" : ""
  const behind = /[a-z0-9]$/i.test(part) ? "(?![a-z0-9])" : ""
  const pattern = new RegExp(before + escaped + behind, "i")
  return texts([
    record.event_type,
    record.operation_name,
    record.actor?.id ?? "",
    record.context ?? {},
    record.details,
  ]).some((text) => pattern.test(text))
}

function texts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(texts)
  if (typeof value !== "object" || value === null) return [String(value)]
  return Object.entries(value).flatMap(([key, item]) => [key, ...texts(item)])
}

/** A histogram of records. */
export function buckets(records: readonly AuditRecord[], by: HistogramKey): HistogramBucket[] {
  const counts = new Map<string, number>()
  for (const record of records) {
    for (const value of valuesOf(record, by)) {
      const key = JSON.stringify([record.timestamp.slice(0, 10), value])
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return [...counts]
    .map(([key, count]) => {
      const [day, value] = JSON.parse(key) as [string, string | null]
      return { day, value, count }
    })
    .sort((a, b) =>
      a.day < b.day ? -1 : a.day > b.day ? 1 : b.count - a.count || ((a.value ?? "") < (b.value ?? "") ? -1 : 1),
    )
}

function valuesOf(record: AuditRecord, by: HistogramKey): readonly (string | null)[] {
  const { details } = record
  const some = (values: readonly unknown[]): readonly (string | null)[] => {
    const known = [...new Set(values.filter((value) => value !== undefined))] as string[]
    return known.length === 0 ? [null] : known
  }
  switch (by) {
    case "day":
      return [null]
    case "type":
      return [record.event_type]
    case "operation":
      return [record.operation_name]
    case "user":
      return some([details["user"], record.actor?.id])
    case "regulation":
      return some(
        [...(record.regulations ?? []), details["regulation"]].map((name) => name && String(name).toUpperCase()),
      )
    default:
      if (typeof details["status"] === "string") return [details["status"]]
      if (record.event_type === "compliance_check") return some([String(details["result"])])
      return [record.event_type === "error" ? "error" : null]
  }
}
