/**
 * The nouns: event types with the shape of their details, an entry, and a record as readers get it.
 * Keys are snake_case, as they stand in the log. Types only, but for the guard {@link isEvent}.
 * @module
 */

/** A JSON value, as parsed from an entry. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** A JSON object, as parsed from an entry. */
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/**
 * Event types and the keys under their `details`. Open to declaration merging, so that `logEvent`, `isEvent` and a
 * literal `eventType` filter know your own types too.
 *
 * @example
 * ```ts
 * declare module "secureml/audit" {
 *   interface AuditEventMap {
 *     model_deployed: { model_id: string; region: string }
 *   }
 * }
 * audit.logEvent("model_deployed", { model_id: "m1", region: "eu" }) // checked
 * ```
 */
export interface AuditEventMap {
  audit_started: { start_time: string; regulations: readonly string[] }
  audit_closed: { status: string; end_time: string; details?: unknown }
  data_access: {
    dataset_name: string
    columns_accessed: readonly string[]
    num_records: number
    purpose: string
    user?: string
  }
  data_transformation: {
    transformation_type: string
    input_data: unknown
    output_data: unknown
    parameters: unknown
  }
  model_training: {
    model_type: string
    dataset_name: string
    parameters: unknown
    metrics?: unknown
    privacy_parameters?: unknown
  }
  model_inference: { model_id: string; input_data: unknown; output: unknown; confidence?: number }
  compliance_check: { check_type: string; regulation: string; result: boolean | string; details: unknown }
  user_request: { request_type: string; user_id: string; details: unknown; status: string }
  error: { error_type: string; message: string; details?: unknown }
  /** `arguments` is absent where nothing is captured. */
  function_call: { function: string; arguments?: unknown }
  /** `execution_time` in seconds. Streams and generators say how much came, and whether all of it. */
  function_return: {
    status: string
    execution_time: number
    result?: unknown
    chunks?: number
    bytes?: number
    completed?: boolean
  }
  /** `filters` names what was asked for; a value that could be a person's is "given". */
  audit_read: { function: string; filters: unknown; records: number; completed: boolean; error?: string }
  /** Somebody took records out of this log. `complete` is false when not everything that was asked for went out. */
  audit_exported: {
    format: string
    filters?: unknown
    event_id?: string
    records: number
    unsealed: number
    last_index?: number
    complete: boolean
  }
  /** Personal values are about to leave this log; an `audit_exported` event follows. */
  audit_disclosed: { reason: string; format: string; filters?: unknown }
  /** The query index was made anew. */
  audit_index_rebuilt: { tree_size: number; indexed: number; bytes: number }
  /** A person is being erased; neither the person nor the events are named. */
  erasure_started: { erasure_id: string; request_id?: string; reason: string; continues?: string }
  /** A person was erased. `destroyed_keys` are random ids that nothing else refers to. */
  erasure_completed: {
    erasure_id: string
    request_id?: string
    reason: string
    /** The erasure that had to leave what this one deleted. */
    continues?: string
    result: "erased" | "partly_erased" | "refused"
    started_at: string
    values: number
    events: number
    /** `from` where the first of them is due earlier than the last. */
    kept: readonly { events: number; until: string | null; from?: string; sources: readonly string[] }[]
    stores: readonly string[]
    method: string
    destroyed_keys: readonly string[]
    list_commitment: string
    out_of_reach: readonly string[]
  }
  /** The values of a person are not to be used; the person is not named. */
  restriction_started: { restriction_id: string; ground: string; request_id?: string }
  restriction_lifted: { restriction_id: string; reason: string; request_id?: string; notified_at?: string }
  /** Values beside entries went, because they were not to be kept for longer; the entries stay. */
  retention_expired: {
    policy: { id: string; digest: string }
    values: number
    rules: readonly { class: string; event_types: readonly string[]; regulations: readonly string[]; before: string }[]
  }
  /** A value of an earlier event is wrong, and what it should be. */
  correction_recorded: { corrects: string; pointer: string; value: unknown; reason: string; request_id?: string }
  /** A key takes over; by `statement`, signed by the old one, whoever knows that one follows. Both sign meanwhile. */
  key_rotated: { old_key: string; new_key: string; statement: string; reason?: string }
  /** The one before signs no more. */
  key_retired: { retired_key: string; key: string; reason?: string }
  /** The keys were stolen: what they have signed from `from_index` up to `tree_size` entries is in doubt. */
  key_revoked: {
    revoked_keys: readonly string[]
    new_key: string
    from_index: number
    tree_size: number
    since: string
    reason: string
  }
  /** The key of a log was lost, and this one goes on in its place; its first entry says how far that one had come. */
  key_succeeded: {
    former_origin: string
    former_key: string
    key: string
    predecessor: string
    checkpoint: string | null
    reason: string
  }
  /** Keys left in a file; a vault in it (`what` is "signing_key_and_vault") is out of the reach of later erasures. */
  key_exported: { what: string; keys: readonly string[]; persons?: number; root_key?: boolean }
  /** Keys came back from such a file. Of persons that were erased none did. */
  key_imported: {
    what: string
    keys: readonly string[]
    persons?: { added: number; erased: number }
  }
  /** Entries may not be pruned until the hold is released; see docs/guides/retention.md. */
  hold_added: { scope: JsonObject; reason: string; authority: string }
  hold_released: { hold_id: string; reason: string; authority: string }
  /** What was below `minimum_index` may be gone. */
  pruned: {
    minimum_index: number
    first_index: number
    last_index: number
    entries: number
    root: string
    oldest: string | null
    newest: string | null
    policy: { id: string; digest: string; overrides?: readonly string[] }
    classes: JsonObject
    holds_checked: readonly string[]
    holds: number
    verdict: string
    earlier?: readonly JsonValue[]
    earlier_dropped?: number
  }
  /** Something that was asked to go has to stay. */
  prune_refused: {
    asked_below: number
    index: number
    reason: string
    source: string
    until: string | null
    policy: { id: string; digest: string }
  }
  events_lost: { count: number; first_at: string; last_at: string; code: string }
  /** Another entry was redacted; `kept` is all that is left of it. See docs/format.md, "Redacted entries". */
  entry_redacted: { index: number; leaf_hash: string; reason: string; kept: JsonObject }
  /** An entry that was to be redacted has to stay. */
  redaction_refused: { index: number; source: string }
  /** What stands in the place of a redacted entry: `by` is the index of the event that says so. */
  redacted: { by: number }
}

/** Who acted. */
export interface Actor {
  readonly id: string
  readonly type?: string
  readonly role?: string
}

/** The instance that wrote an entry, and the entry's place in its journal, from 0 and gapless. */
export interface EntryWriter {
  readonly id: string
  readonly seq: number
  /** Only in the first entry of a writer that replaces another: the old id, and the first seq the old one would have used. */
  readonly continues?: { readonly id: string; readonly seq: number }
}

/** One entry of the log, as parsed. Keys are in the order in which they are written. */
export interface AuditEntry {
  readonly v: 1
  /** UUIDv7. */
  readonly event_id: string
  readonly event_type: string
  /** Our clock, UTC, with `Z`. */
  readonly timestamp: string
  readonly operation_id: string
  readonly operation_name: string
  /** Counts within the operation, from 0 and gapless. */
  readonly sequence: number
  readonly writer: EntryWriter
  readonly actor?: Actor
  /** When the caller says that it happened. */
  readonly occurred_at?: string
  readonly parent_operation_id?: string
  readonly trace_id?: string
  readonly span_id?: string
  readonly regulations?: readonly string[]
  readonly context?: JsonObject
  readonly details: JsonObject
}

/** An entry as readers get it: with its place in the ledger. */
export interface AuditRecord extends AuditEntry {
  /** Ledger index from 0; null while the entry is not sealed. */
  readonly index: number | null
  /** True once a signed checkpoint covers the entry. */
  readonly sealed: boolean
  /** What was said later of values in it; left out where nothing was. */
  readonly corrections?: readonly Correction[]
}

/** What a value of an entry should be, as a later event says. */
export interface Correction {
  /** The event that says so. */
  readonly by: string
  /** When it was recorded; ISO 8601, UTC. */
  readonly at: string
  /** RFC 6901 pointer of the value inside the entry that is corrected. */
  readonly pointer: string
  readonly value: JsonValue
  readonly reason: string
}

/** A record of one known type, with typed details. Markers (see docs/format.md) may stand in for a value. */
export type EventRecord<T extends keyof AuditEventMap = keyof AuditEventMap> = Omit<
  AuditRecord,
  "event_type" | "details"
> & { readonly event_type: T; readonly details: AuditEventMap[T] }

/**
 * Narrows a record to one event type. It compares the type alone; details of a hostile log may still lack a key.
 *
 * @example
 * ```ts
 * if (isEvent(record, "data_access")) record.details.num_records // number
 * ```
 */
export function isEvent<T extends keyof AuditEventMap>(
  record: { readonly event_type: string },
  eventType: T,
): record is EventRecord<T> {
  return record.event_type === eventType
}
