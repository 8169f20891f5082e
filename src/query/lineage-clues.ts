/**
 * By what an event says which model or which data it is about, and how certain two events speak of the same one. Pure.
 * The keys are documented in docs/guides/tracing.md.
 * @module
 */
import type { AuditRecord, JsonObject, JsonValue } from "../event/index.ts"

/**
 * How certain it is that two events belong together, the most certain first: the same digest, the same id, the same
 * operation (which says nothing of the model or data itself), a name alone.
 */
export const CERTAINTIES = ["digest", "id", "operation", "name"] as const

/** One of {@link CERTAINTIES}. */
export type LinkCertainty = (typeof CERTAINTIES)[number]

/** A value that identifies something, and where it stands in its event. */
export interface Clue {
  readonly field: string
  readonly value: string
}

/** What an event says of a model or of data. */
export interface Clues {
  readonly digests: readonly Clue[]
  readonly ids: readonly Clue[]
  readonly names: readonly Clue[]
  readonly versions: readonly Clue[]
}

/** Why two events belong together. */
export interface Match {
  readonly certainty: LinkCertainty
  /** Fields of the found event that say so. */
  readonly matched: readonly string[]
  /** What speaks against it, such as "model_version": both name one, and it is another. */
  readonly conflicts: readonly string[]
}

const DATASET_DIGESTS = ["dataset_digest", "dataset_sha256"]
const TRAINING_DIGESTS = ["training_data_digest", "training_data_sha256"]
const DIGESTS_OF_VALUE = ["digest", "sha256"]

/** What an event says of a model: in its details, those of a check, and the context of its trail. */
export function modelClues({ details, context }: AuditRecord): Clues {
  const places: readonly (readonly [string, JsonValue | undefined])[] = [
    ["details", details],
    ["details.details", details["details"]],
    ["context", context],
  ]
  const among = (keys: readonly string[]): Clue[] => places.flatMap(([name, place]) => cluesIn(name, place, keys))
  return {
    digests: among(["model_digest", "model_sha256"]),
    ids: among(["model_id"]),
    names: among(["model_name", "model_type"]),
    versions: among(["model_version"]),
  }
}

/** What a training says of its data, and what a data access says of what was read. */
export function dataClues({ details }: AuditRecord): Clues {
  return {
    digests: cluesIn("details", details, [...DATASET_DIGESTS, ...TRAINING_DIGESTS]),
    ids: cluesIn("details", details, ["dataset_id"]),
    names: cluesIn("details", details, ["dataset_name"]),
    versions: [],
  }
}

/** What a transformation says of the data that went in, or came out. */
export function transformedClues({ details }: AuditRecord, side: "input_data" | "output_data"): Clues {
  const value = details[side]
  const name = typeof value === "string" && value.trim() !== "" ? [{ field: `details.${side}`, value }] : []
  return {
    digests: cluesIn(`details.${side}`, value, [...DIGESTS_OF_VALUE, ...DATASET_DIGESTS]),
    ids: cluesIn(`details.${side}`, value, ["dataset_id"]),
    names: [...name, ...cluesIn(`details.${side}`, value, ["dataset_name", "dataset"])],
    versions: [],
  }
}

/** Whether a found event speaks of the model that is wanted; undefined when nothing says so. */
export function matchModel(wanted: Clues, found: Clues, operationField: string | undefined): Match | undefined {
  const ids = shared(wanted.ids, found.ids)
  const digests = shared(wanted.digests, found.digests)
  const versions = shared(wanted.versions, found.versions)
  const differs = {
    model_id: ids.length === 0 && bothSay(wanted.ids, found.ids),
    model_digest: digests.length === 0 && bothSay(wanted.digests, found.digests),
    model_version: versions.length === 0 && bothSay(wanted.versions, found.versions),
  }
  const conflicts = Object.entries(differs).flatMap(([field, isOther]) => (isOther ? [field] : []))
  if (digests.length > 0) return { certainty: "digest", matched: [...digests, ...ids, ...versions], conflicts }
  if (ids.length > 0) return { certainty: "id", matched: [...ids, ...versions], conflicts }
  // What names another model is about that one, wherever it was recorded.
  if (differs.model_id) return undefined
  const names = shared([...wanted.ids, ...wanted.names], [...found.ids, ...found.names])
  if (operationField !== undefined)
    return { certainty: "operation", matched: [operationField, ...names, ...versions], conflicts }
  return names.length > 0 ? { certainty: "name", matched: [...names, ...versions], conflicts } : undefined
}

/** Whether a found event gave the data that is wanted; undefined when nothing says so. */
export function matchData(wanted: Clues, found: Clues, operationField: string | undefined): Match | undefined {
  const digests = shared(wanted.digests, found.digests)
  const ids = shared(wanted.ids, found.ids)
  const names = shared(wanted.names, found.names)
  const isOther = digests.length === 0 && bothSay(datasetDigests(wanted), datasetDigests(found))
  const conflicts = isOther ? ["dataset_digest"] : []
  if (digests.length > 0) return { certainty: "digest", matched: [...digests, ...ids, ...names], conflicts }
  if (ids.length > 0) return { certainty: "id", matched: [...ids, ...names], conflicts }
  if (operationField !== undefined) return { certainty: "operation", matched: [operationField, ...names], conflicts }
  return names.length > 0 ? { certainty: "name", matched: names, conflicts } : undefined
}

/** The clues of two together. */
export function joined(a: Clues, b: Clues): Clues {
  return {
    digests: [...a.digests, ...b.digests],
    ids: [...a.ids, ...b.ids],
    names: [...a.names, ...b.names],
    versions: [...a.versions, ...b.versions],
  }
}

/** A digest of a split, or of what was made of a data set, is no other digest of the data set. */
function datasetDigests({ digests }: Clues): readonly Clue[] {
  return digests.filter(({ field }) => DATASET_DIGESTS.some((key) => field.endsWith(`.${key}`)))
}

/** Fields of the found clues whose value is wanted. */
function shared(wanted: readonly Clue[], found: readonly Clue[]): string[] {
  const values = new Set(wanted.map(({ value }) => value))
  return found.filter(({ value }) => values.has(value)).map(({ field }) => field)
}

function bothSay(a: readonly Clue[], b: readonly Clue[]): boolean {
  return a.length > 0 && b.length > 0
}

function cluesIn(name: string, place: JsonValue | undefined, keys: readonly string[]): Clue[] {
  if (typeof place !== "object" || place === null || Array.isArray(place)) return []
  return keys.flatMap((key) => {
    const value = Object.hasOwn(place, key) ? (place as JsonObject)[key] : undefined
    return typeof value === "string" && value.trim() !== "" ? [{ field: `${name}.${key}`, value }] : []
  })
}
