/**
 * Random bytes in small pieces: asking the system for each costs more than encrypting with it.
 * @module
 */
import { randomFillSync } from "node:crypto"

const pool: Buffer = Buffer.allocUnsafeSlow(4096)
let used = pool.length

/** Some random bytes that nobody was given before, and nobody is given again; at most 4,096. */
export function freshBytes(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + length))
  pool.fill(0, used, used + length)
  used += length
  return bytes
}
