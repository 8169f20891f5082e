/**
 * Restrictions: whose values are not to be used, in `.state/restrictions/`. A list names keys, never a person.
 * @module
 */
import { utf8Text } from "../bytes.ts"
import { parseObject } from "./identity.ts"
import type { ListFormat } from "./lists.ts"

/** One restriction. */
export interface Restriction {
  readonly id: string
  /** Keys of the person. */
  readonly keys: readonly string[]
  /** The event that says so; undefined while it is not recorded. */
  readonly startedBy?: string
  /** The event that ended it. */
  readonly liftedBy?: string
  /** What the event says; nothing of the person. */
  readonly request: Readonly<Record<string, unknown>>
}

/** How they are written. */
export const RESTRICTIONS: ListFormat<Restriction> = {
  kind: "restrictions",
  parse: (id, bytes) => {
    const { keys, started_by, lifted_by, request } = parseObject(utf8Text(bytes))
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) return undefined
    return {
      id,
      keys: keys as string[],
      request: typeof request === "object" && request !== null ? (request as Record<string, unknown>) : {},
      ...(typeof started_by === "string" ? { startedBy: started_by } : {}),
      ...(typeof lifted_by === "string" ? { liftedBy: lifted_by } : {}),
    }
  },
  format: ({ keys, startedBy, liftedBy, request }) => {
    const acts = {
      ...(startedBy === undefined ? {} : { started_by: startedBy }),
      ...(liftedBy === undefined ? {} : { lifted_by: liftedBy }),
    }
    return JSON.stringify({ v: 1, keys, request, ...acts })
  },
  isEnded: ({ liftedBy }) => liftedBy !== undefined,
}
