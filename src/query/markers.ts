/**
 * Markers that stand in an entry for values which are kept beside the log. Pure.
 * @module
 */

/** A marker, and the commitment in it. */
export interface Marker {
  /** RFC 6901. */
  readonly pointer: string
  readonly commitment: string
}

/** Where to look, and the pointer of that place. */
export interface Place {
  readonly value: unknown
  readonly pointer: string
}

/** All markers of a kind at and below some places, in the order of the text. */
export function markersOf(kind: string, places: readonly Place[]): Marker[] {
  const found: Marker[] = []
  // A list of its own, since an entry of another's making may be nested deeper than the stack.
  const open = [...places].reverse()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, pointer } = next
    if (typeof value !== "object" || value === null) continue
    const { $secureml: tag, commitment } = value as { $secureml?: unknown; commitment?: unknown }
    if (tag === kind && typeof commitment === "string") found.push({ pointer, commitment })
    else
      for (const [key, member] of Object.entries(value).reverse())
        open.push({ value: member, pointer: `${pointer}/${escapedKey(key)}` })
  }
  return found
}

function escapedKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1")
}
