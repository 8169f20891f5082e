/**
 * How long something took, for people. Pure.
 * @module
 */

const STEPS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
]

/**
 * A duration in its two largest units.
 *
 * @example
 * ```ts
 * durationText(192_000) // "3m 12s"
 * durationText(1_240) // "1.2s"
 * ```
 */
export function durationText(ms: number): string {
  if (ms < 0) return `-${durationText(-ms)}`
  if (ms < 1_000) return `${Math.round(ms)}ms`
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`
  const at = STEPS.findIndex(([, unitMs]) => ms >= unitMs)
  const [unit, unitMs] = STEPS[at]!
  const first = `${Math.floor(ms / unitMs)}${unit}`
  const [smaller, smallerMs] = STEPS[at + 1] ?? ["", 0]
  const rest = smallerMs === 0 ? 0 : Math.floor((ms % unitMs) / smallerMs)
  return rest === 0 ? first : `${first} ${rest}${smaller}`
}
