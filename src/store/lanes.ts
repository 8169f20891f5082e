/**
 * Work on many items, a few at a time: enough to keep a disk busy, few enough to leave the thread pool of the process
 * to others. Pure.
 * @module
 */

/** File operations under way at once; Node's thread pool has four threads, which it shares with everyone. */
export const LANES = 4

/**
 * Does some work for each item and resolves with the results in the order of the items. After a failure nothing more is
 * begun; what is under way settles before the failure is thrown.
 */
export async function inLanes<T, R>(items: readonly T[], work: (item: T, n: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const failures: unknown[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const n = next++
      try {
        results[n] = await work(items[n]!, n)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  if (failures.length > 0) throw failures[0]
  return results
}
