/**
 * A store that gives again what it gave lately: whatever lies beside each other needs the same files.
 * @module
 */
import type { BlobStore } from "../store/index.ts"

/**
 * The same store, which remembers what it read last.
 * @param most - Files that are kept.
 */
export function remembering(blobs: Pick<BlobStore, "get">, most: number): Pick<BlobStore, "get"> {
  const kept = new Map<string, Uint8Array | undefined>()
  return {
    get: async (path) => {
      const bytes = kept.has(path) ? kept.get(path) : await blobs.get(path)
      kept.delete(path)
      kept.set(path, bytes)
      if (kept.size > most) kept.delete(kept.keys().next().value!)
      return bytes
    },
  }
}
