/**
 * Erasures: what each one took, in `.state/erasures/`. A list is written before anything is deleted, so that an erasure
 * that was cut off is finished, and it stays: it tells an erased value from one that is missing, and cleans a store that
 * was restored from before. It names keys and events, never a person. Does I/O.
 * @module
 */
import { equalBytes, utf8, utf8Text } from "../bytes.ts"
import { ERASURES_DIRECTORY, type KeyVault, type LogFiles, type SealedPart } from "../store/index.ts"
import { parseObject } from "./identity.ts"

/** One erasure. */
export interface Erasure {
  readonly id: string
  /** Keys that it destroyed. */
  readonly keys: readonly string[]
  /** Events with values under these keys, and where in them; all of an event's values where that is not known. */
  readonly values: Readonly<Record<string, readonly string[] | null>>
  /** Events whose values were deleted after the list was made: a writer was stopped while it wrote them. */
  readonly late: readonly string[]
  /** The event that said it was done; undefined while it is not. */
  readonly completedBy?: string
  /** What the events that tell of it need; nothing of the person. */
  readonly request: Readonly<Record<string, unknown>>
}

const NAME = /^([0-9a-f-]{36})\.json$/

/** All erasures of a log, begun or completed. */
export async function readErasures(root: Pick<LogFiles, "read" | "names">): Promise<Erasure[]> {
  const found: Erasure[] = []
  for (const name of await root.names(ERASURES_DIRECTORY)) {
    const id = NAME.exec(name)?.[1]
    const bytes = id === undefined ? undefined : await root.read(`${ERASURES_DIRECTORY}/${name}`)
    const erasure = id === undefined || bytes === undefined ? undefined : parseErasure(id, bytes)
    if (erasure !== undefined) found.push(erasure)
  }
  return found
}

/** What a list says; undefined where it is none. */
export function parseErasure(id: string, bytes: Uint8Array): Erasure | undefined {
  const { keys, values, late, completed_by, request } = parseObject(utf8Text(bytes))
  const areKeys = Array.isArray(keys) && keys.every((key) => typeof key === "string")
  if (!areKeys || typeof values !== "object" || values === null) return undefined
  const done = typeof completed_by === "string" ? { completedBy: completed_by } : {}
  const known = typeof request === "object" && request !== null ? (request as Record<string, unknown>) : {}
  const added = Array.isArray(late) ? late.filter((event) => typeof event === "string") : []
  return { id, keys: keys as string[], values: values as Erasure["values"], late: added, request: known, ...done }
}

/** Once resolved the list survives power loss. */
export async function writeErasure(root: LogFiles, erasure: Erasure): Promise<void> {
  await root.replace(`${ERASURES_DIRECTORY}/${erasure.id}.json`, formatErasure(erasure))
}

/** The text of a list. */
export function formatErasure({ id: _, completedBy, ...rest }: Erasure): Uint8Array {
  const text = JSON.stringify({ v: 1, ...rest, ...(completedBy === undefined ? {} : { completed_by: completedBy }) })
  return utf8(`${text}\n`)
}

/** Lists are in the log and in the vault: what was restored from before gets those that it lacks from the other one. */
export async function shareErasures(root: LogFiles, vault: KeyVault): Promise<readonly Erasure[]> {
  const here = new Map((await readErasures(root)).map((erasure) => [erasure.id, erasure]))
  const there = vault.erasures()
  for (const [id, bytes] of there) {
    const erasure = here.has(id) ? undefined : parseErasure(id, bytes)
    if (erasure === undefined) continue
    await writeErasure(root, erasure)
    here.set(id, erasure)
  }
  for (const [id, erasure] of here) {
    const known = there.get(id)
    const list = formatErasure(erasure)
    // One that is completed is never taken back by one that was not.
    const isOlder = known !== undefined && erasure.completedBy === undefined
    if (!isOlder && (known === undefined || !equalBytes(known, list))) vault.keepErasure(id, list)
  }
  return [...here.values()]
}

/**
 * Adds to the lists the events of parts that they do not name yet.
 * @param erased - Which erasure destroys a key.
 */
export async function addLate(
  root: LogFiles,
  erased: ReadonlyMap<string, string>,
  parts: readonly Pick<SealedPart, "eventId" | "keys">[],
): Promise<void> {
  const events = new Map<string, Set<string>>()
  for (const { eventId, keys } of parts) {
    const id = keys.map((key) => erased.get(key)).find((one) => one !== undefined)
    if (id !== undefined) events.set(id, (events.get(id) ?? new Set()).add(eventId))
  }
  if (events.size === 0) return
  for (const erasure of await readErasures(root)) {
    const known = new Set([...Object.keys(erasure.values), ...erasure.late])
    const late = [...(events.get(erasure.id) ?? [])].filter((event) => !known.has(event))
    if (late.length > 0) await writeErasure(root, { ...erasure, late: [...erasure.late, ...late] })
  }
}

/** Which erasure destroyed a key. */
export function erasedKeys(erasures: readonly Erasure[]): ReadonlyMap<string, string> {
  return new Map(erasures.flatMap(({ id, keys }) => keys.map((key) => [key, id] as const)))
}
