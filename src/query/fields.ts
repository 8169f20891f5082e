/**
 * What each filter of a query reads in an entry. Filters and the index both ask here, so they cannot disagree. Pure.
 * @module
 */
import type { AuditEntry } from "../event/index.ts"

/** Filters that compare a whole value, in the order in which the documents name them. */
export const EXACT_FIELDS = [
  "operationId",
  "operationName",
  "parentOperationId",
  "traceId",
  "eventType",
  "user",
  "datasetName",
  "modelId",
  "regulation",
  "status",
  "result",
  "requestId",
] as const

/** A filter that compares a whole value. */
export type ExactField = (typeof EXACT_FIELDS)[number]

const READERS: { readonly [F in ExactField]: (entry: AuditEntry) => readonly unknown[] } = {
  operationId: (entry) => [entry.operation_id],
  operationName: (entry) => [entry.operation_name],
  parentOperationId: (entry) => [entry.parent_operation_id],
  traceId: (entry) => [entry.trace_id],
  eventType: (entry) => [entry.event_type],
  user: (entry) => [entry.details["user"], entry.actor?.id],
  datasetName: (entry) => [entry.details["dataset_name"]],
  modelId: (entry) => [entry.details["model_id"]],
  regulation: (entry) => [...(entry.regulations ?? []), entry.details["regulation"]],
  status: (entry) => [entry.details["status"]],
  result: (entry) => [entry.details["result"]],
  requestId: (entry) => [entry.details["request_id"]],
}

/** The values of an entry that a filter compares with, each once, as {@link wantedValue} writes them. */
export function valuesOf(entry: AuditEntry, field: ExactField): readonly string[] {
  const values = new Set<string>()
  for (const value of READERS[field](entry)) {
    if (typeof value === "string") values.add(wantedValue(field, value))
    else if (typeof value === "boolean" && field === "result") values.add(String(value))
  }
  return [...values]
}

/** A value that is asked for, as it is compared: names of regulations match whatever their case. */
export function wantedValue(field: ExactField, value: string | boolean): string {
  return field === "regulation" ? String(value).toLowerCase() : String(value)
}

/**
 * What came of it, in one word: the status of the details, else the result of a check, else "error" for an error.
 * Undefined where the entry says nothing of it.
 */
export function outcomeOf({ event_type, details }: AuditEntry): string | undefined {
  const { status, result } = details
  if (typeof status === "string") return status
  if (event_type === "compliance_check" && (typeof result === "string" || typeof result === "boolean"))
    return String(result)
  return event_type === "error" ? "error" : undefined
}
