/**
 * Erasures: what each one took, in `.state/erasures/`. A list is written before anything is deleted, so that an erasure
 * that was cut off is finished, and it stays: it tells an erased value from one that is missing, and cleans a store that
 * was restored from before. It names keys and events, never a person. Does I/O.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import type { KeyVault, LogFiles, SealedPart } from "../store/index.ts"
import { parseObject } from "./identity.ts"
import { type ListFormat, readLists, writeList } from "./lists.ts"

/** Values that an erasure must not take yet. */
export interface Kept {
  /** The key that they are encrypted under now. */
  readonly key: string
  /** When the last period ends that they have to be kept for, ISO 8601; null while nobody can say. */
  readonly until: string | null
  /** Holds that cover them, by id. */
  readonly holds: readonly string[]
  /** Classes of the policy whose period has no declared beginning, by id. */
  readonly classes: readonly string[]
  /** Provisions and holds, as people read them. */
  readonly sources: readonly string[]
  readonly events: readonly string[]
}

/** One erasure. */
export interface Erasure {
  readonly id: string
  /** Keys that it destroyed. */
  readonly keys: readonly string[]
  /** Events with values under these keys, and where in them; all of an event's values where that is not known. */
  readonly values: Readonly<Record<string, readonly string[] | null>>
  /** Values of these persons that have to stay, under keys of their own. */
  readonly kept: readonly Kept[]
  /** Events whose values were deleted after the list was made: a writer was stopped while it wrote them. */
  readonly late: readonly string[]
  /** Set until what has to stay is under its own keys: nothing is deleted before. */
  readonly preparing?: true
  /** The event that said it was done; undefined while it is not. */
  readonly completedBy?: string
  /** What the events that tell of it need; nothing of the person. */
  readonly request: Readonly<Record<string, unknown>>
}

/** How they are written. */
export const ERASURES: ListFormat<Erasure> = {
  kind: "erasures",
  parse: (id, bytes) => {
    const { keys, values, kept, late, preparing, completed_by, request } = parseObject(utf8Text(bytes))
    if (!areTexts(keys) || !arePlaces(values)) return undefined
    return {
      id,
      keys,
      values,
      kept: Array.isArray(kept) ? kept.filter(isKept) : [],
      late: areTexts(late) ? late : [],
      request: typeof request === "object" && request !== null ? (request as Record<string, unknown>) : {},
      ...(preparing === true ? { preparing } : {}),
      ...(typeof completed_by === "string" ? { completedBy: completed_by } : {}),
    }
  },
  format: ({ id: _, completedBy, ...rest }) =>
    JSON.stringify({ v: 1, ...rest, ...(completedBy === undefined ? {} : { completed_by: completedBy }) }),
  isEnded: ({ completedBy }) => completedBy !== undefined,
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string")
}

function arePlaces(value: unknown): value is Erasure["values"] {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value)
  return isObject && Object.values(value).every((places) => places === null || areTexts(places))
}

function isKept(value: unknown): value is Kept {
  const { key, until, holds, classes, sources, events } = (value ?? {}) as Record<string, unknown>
  const isTimed = until === null || (typeof until === "string" && !Number.isNaN(Date.parse(until)))
  return typeof key === "string" && isTimed && [holds, classes, sources, events].every(areTexts)
}

/**
 * Adds to the lists the events of parts that they do not name yet.
 * @param erased - Which erasure destroys a key.
 */
export async function addLate(
  root: LogFiles,
  vault: KeyVault,
  erased: ReadonlyMap<string, string>,
  parts: readonly Pick<SealedPart, "eventId" | "keys">[],
): Promise<void> {
  const events = new Map<string, Set<string>>()
  for (const { eventId, keys } of parts) {
    const id = keys.map((key) => erased.get(key)).find((one) => one !== undefined)
    if (id !== undefined) events.set(id, (events.get(id) ?? new Set()).add(eventId))
  }
  if (events.size === 0) return
  for (const erasure of await readLists(root, ERASURES, vault)) {
    // What had to stay and is there under a destroyed key was restored from before: it is lost, and nobody asked for that.
    const kept = erasure.kept.flatMap(({ events: ids }) => ids)
    const known = new Set([...Object.keys(erasure.values), ...kept, ...erasure.late])
    const late = [...(events.get(erasure.id) ?? [])].filter((event) => !known.has(event))
    if (late.length > 0) await writeList(root, ERASURES, { ...erasure, late: [...erasure.late, ...late] }, vault)
  }
}

/** Which erasure destroys a key; one that still puts aside what has to stay destroys none. */
export function erasedKeys(erasures: readonly Erasure[]): ReadonlyMap<string, string> {
  const ready = erasures.filter(({ preparing }) => preparing !== true)
  return new Map(ready.flatMap(({ id, keys }) => keys.map((key) => [key, id] as const)))
}
