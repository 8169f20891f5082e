/**
 * SHA-256 (FIPS 180-4), synchronous everywhere: node:crypto where there is one, else the implementation below,
 * because WebCrypto's digest is asynchronous. Pure, no I/O.
 * @module
 */

import { assertBytes } from "./arguments.ts"
import { nodeCrypto } from "./platform.ts"

/** Bytes in a SHA-256 hash. */
export const HASH_BYTES = 32

const BLOCK_BYTES = 64
// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
const ROUND_CONSTANTS = fractionalRoots(64, Math.cbrt)
// The same of the square roots of the first eight primes (5.3.3).
const INITIAL_STATE = fractionalRoots(8, Math.sqrt)
const schedule = new Int32Array(64)

/** The first 32 bits of the fractional part of the root of each of the first `count` primes. */
function fractionalRoots(count: number, root: (prime: number) => number): Int32Array {
  const words = new Int32Array(count)
  for (let found = 0, candidate = 2; found < count; candidate++) {
    let prime = true
    for (let factor = 2; factor * factor <= candidate && prime; factor++) prime = candidate % factor !== 0
    if (prime) words[found++] = Math.floor((root(candidate) % 1) * 2 ** 32)
  }
  return words
}

const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

function expandBlock(bytes: Uint8Array, offset: number): void {
  for (let t = 0, i = offset; t < 16; t++, i += 4) {
    schedule[t] = (bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!
  }
  for (let t = 16; t < 64; t++) {
    const w15 = schedule[t - 15]!
    const w2 = schedule[t - 2]!
    const sigma0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3)
    const sigma1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10)
    schedule[t] = (sigma1 + schedule[t - 7]! + sigma0 + schedule[t - 16]!) | 0
  }
}

/** One round of FIPS 180-4, 6.2.2 for each of the block's 64 schedule words. */
function compress(state: Int32Array, bytes: Uint8Array, offset: number): void {
  expandBlock(bytes, offset)
  let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!]
  let [e, f, g, h] = [state[4]!, state[5]!, state[6]!, state[7]!]
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[t]! + schedule[t]!) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
  state[4]! += e
  state[5]! += f
  state[6]! += g
  state[7]! += h
}

/** The message's last bytes, a 1 bit, zeros, and the length in bits as a 64-bit number (FIPS 180-4, 5.1.1). */
function paddedTail(message: Uint8Array, offset: number): Uint8Array {
  const left = message.length - offset
  const tail = new Uint8Array(left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES)
  tail.set(message.subarray(offset))
  tail[left] = 0x80
  // By division: the length in bits passes 2^32 while it is still an exact number.
  for (let i = tail.length - 1, bits = message.length * 8; bits > 0; i--, bits = Math.floor(bits / 256)) {
    tail[i] = bits % 256
  }
  return tail
}

function portableHashInto(message: Uint8Array, out: Uint8Array, outOffset: number): void {
  const state = INITIAL_STATE.slice()
  let offset = 0
  for (; offset + BLOCK_BYTES <= message.length; offset += BLOCK_BYTES) compress(state, message, offset)
  const tail = paddedTail(message, offset)
  for (let i = 0; i < tail.length; i += BLOCK_BYTES) compress(state, tail, i)
  for (let i = 0; i < HASH_BYTES; i++) out[outOffset + i] = state[i >> 2]! >>> (24 - 8 * (i & 3))
}

function chooseHash(): (message: Uint8Array, out: Uint8Array, outOffset: number) => void {
  const node = nodeCrypto()
  if (node?.hash === undefined) return portableHashInto
  return (message, out, outOffset) => {
    // Measured on Node 20: a one-shot hash to a Latin-1 string is more than twice as fast as to a Buffer.
    const text = node.hash!("sha256", message, "latin1")
    for (let i = 0; i < HASH_BYTES; i++) out[outOffset + i] = text.charCodeAt(i)
  }
}

/** Writes the SHA-256 hash of `message` to `out` at `outOffset`; checks nothing. For loops over many hashes. */
export const hashInto: (message: Uint8Array, out: Uint8Array, outOffset: number) => void = chooseHash()

/**
 * The SHA-256 hash of some bytes; 32 bytes.
 *
 * @throws TypeError when `bytes` is not a Uint8Array.
 * @example
 * ```ts
 * toHex(sha256(utf8("abc"))) // "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
 * ```
 */
export function sha256(bytes: Uint8Array): Uint8Array {
  assertBytes(bytes, "bytes")
  const hash = new Uint8Array(HASH_BYTES)
  hashInto(bytes, hash, 0)
  return hash
}
