/**
 * Which fields of which events the built-in catalogues ask for, and how each gets into an event.
 * @module
 */
import { builtInCatalogues, type Catalogue } from "../../src/compliance.ts"

/** Arguments of the typed methods, by the key under `details` that they become. */
export const ARGUMENTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  data_access: {
    dataset_name: "datasetName",
    columns_accessed: "columnsAccessed",
    num_records: "numRecords",
    purpose: "purpose",
    user: "user",
  },
  data_transformation: {
    transformation_type: "transformationType",
    input_data: "inputData",
    output_data: "outputData",
    parameters: "parameters",
  },
  model_training: {
    model_type: "modelType",
    dataset_name: "datasetName",
    parameters: "parameters",
    metrics: "metrics",
    privacy_parameters: "privacyParameters",
  },
  model_inference: { model_id: "modelId", input_data: "inputData", output: "output", confidence: "confidence" },
  compliance_check: { check_type: "checkType", regulation: "regulation", result: "result", details: "details" },
  user_request: { request_type: "requestType", user_id: "userId", details: "details", status: "status" },
}

const ENVELOPE = ["timestamp", "event_type", "event_id", "operation_id", "actor"]
const OURS = ["erasure_completed", "hold_added", "pruned", "audit_started", "audit_closed"]
const FIELD_KEYS = ["field", "from", "until", "than", "first", "then", "after", "key", "due_field", "notice"]
const FIELD_LISTS = ["fields", "needs", "late_with"]

type Used = Map<string, Set<string>>

/** How a field of an event is given: "argument …", "evidence", "envelope", "context or evidence", or "secureml" itself. */
export function howGiven(type: string, field: string): string {
  const [first = ""] = field.split(".")
  if (OURS.includes(type)) return "recorded by secureml"
  if (ENVELOPE.includes(first)) return first === "actor" ? "option actor" : "envelope"
  const argument = ARGUMENTS[type]?.[first]
  if (argument !== undefined) return `argument ${[argument, ...field.split(".").slice(1)].join(".")}`
  return ["system_id", "model_version", "jurisdiction"].includes(field)
    ? "evidence, or the trail's context"
    : "evidence"
}

/** Event type, then field, then how it is given; both sorted. */
export function fieldTable(): Record<string, Record<string, string>> {
  const used: Used = new Map()
  for (const catalogue of builtInCatalogues()) usedBy(catalogue, used)
  const types = [...used].filter(([type]) => type !== "*").sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    types.map(([type, fields]) => [
      type,
      Object.fromEntries([...fields].sort().map((field) => [field, howGiven(type, field)])),
    ]),
  )
}

function usedBy({ controls }: Catalogue, used: Used): void {
  for (const control of controls) {
    for (const { items, tests } of control.checks) {
      const types = "types" in items ? items.types : []
      visit(items, types, used)
      visit(tests, types, used)
      if ("jurisdiction" in items && items.jurisdiction !== undefined) add(used, types, "jurisdiction")
      visit(control.clocks, types, used)
    }
  }
}

/** Conditions and fields belong to the item, unless they stand in what names other events. */
function visit(value: unknown, types: readonly string[], used: Used): void {
  if (Array.isArray(value)) for (const one of value) visit(one, types, used)
  else if (typeof value === "object" && value !== null) {
    const part = value as Record<string, unknown>
    const joined = Array.isArray(part["event"]) ? (part["event"] as string[]) : undefined
    const own =
      Array.isArray(part["types"]) && !("each" in part) && !("is" in part) ? (part["types"] as string[]) : types
    for (const [key, one] of Object.entries(part)) {
      if (key === "on") {
        add(used, joined ?? [], ...Object.keys(one as object))
        add(used, types, ...Object.values(one as Record<string, string>))
      } else if (key === "match") add(used, types, ...Object.values(one as Record<string, string>))
      else if (key === "order") {
        const order = one as { field: string; than: string }
        add(used, joined ?? types, order.field)
        add(used, types, order.than)
      } else if (FIELD_KEYS.includes(key) && typeof one === "string") add(used, sideOf(key, joined, own), one)
      else if (FIELD_LISTS.includes(key))
        add(used, joined ?? own, ...(one as string[]).flatMap((name) => name.split("|")))
      else if (key === "where") visit(one, joined ?? own, used)
      else if (key !== "of" && key !== "declared") visit(one, types, used)
      else
        visit(
          (one as { match?: unknown }).match === undefined ? [] : { match: (one as { match: unknown }).match },
          types,
          used,
        )
    }
  }
}

function sideOf(key: string, joined: readonly string[] | undefined, own: readonly string[]): readonly string[] {
  return key === "field" && joined !== undefined ? joined : own
}

function add(used: Used, types: readonly string[], ...fields: readonly string[]): void {
  for (const type of types) {
    const known = used.get(type) ?? new Set()
    used.set(type, known)
    for (const field of fields) known.add(field)
  }
}
