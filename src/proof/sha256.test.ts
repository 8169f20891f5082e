import { createHash } from "node:crypto"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { toHex, utf8 } from "../bytes.ts"

type Hash = (bytes: Uint8Array) => Uint8Array

const getBuiltinModule = process.getBuiltinModule
const hideNode = (hidden: boolean): unknown =>
  Object.defineProperty(process, "getBuiltinModule", { value: hidden ? undefined : getBuiltinModule })

async function freshSha256(hidden: boolean): Promise<Hash> {
  hideNode(hidden)
  vi.resetModules()
  return (await import("./sha256.ts")).sha256
}

// FIPS 180-4 examples and NIST CAVP SHA256ShortMsg, as published.
const published = [
  { message: utf8(""), hash: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
  { message: utf8("abc"), hash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
  {
    message: utf8("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
    hash: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  },
  {
    message: utf8(
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
    ),
    hash: "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
  },
  {
    message: utf8("a".repeat(1_000_000)),
    hash: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  },
  { message: new Uint8Array([0xd3]), hash: "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1" },
  { message: new Uint8Array([0x11, 0xaf]), hash: "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98" },
]

describe.each([
  { name: "node:crypto", hidden: false },
  { name: "our own SHA-256", hidden: true },
])("$name", ({ hidden }) => {
  let sha256: Hash
  beforeAll(async () => {
    sha256 = await freshSha256(hidden)
  })
  afterAll(() => {
    hideNode(false)
  })

  test.each(published)("published vector $#", ({ message, hash }) => {
    expect(toHex(sha256(message))).toBe(hash)
  })

  test("every length around the block boundaries agrees with createHash", () => {
    for (let sizeBytes = 0; sizeBytes <= 260; sizeBytes++) {
      const message = new Uint8Array(sizeBytes).map((_, i) => i * 7 + sizeBytes)
      expect(toHex(sha256(message))).toBe(createHash("sha256").update(message).digest("hex"))
    }
  })

  test("random messages agree with createHash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (message) => {
        expect(toHex(sha256(message))).toBe(createHash("sha256").update(message).digest("hex"))
      }),
    )
  })

  test("a view in the middle of a buffer is hashed alone, and the input is left as it was", () => {
    const whole = new Uint8Array(200).fill(9)
    const view = whole.subarray(70, 150)
    expect(toHex(sha256(view))).toBe(createHash("sha256").update(view).digest("hex"))
    expect(whole).toEqual(new Uint8Array(200).fill(9))
  })
})

test.each([
  ["text", "abc"],
  ["nothing", undefined],
  ["an array", [1, 2]],
  ["words", new Uint16Array(2)],
])("%s in place of bytes is a TypeError", async (_, value) => {
  const sha256 = await freshSha256(false)
  expect(() => sha256(value as unknown as Uint8Array)).toThrow(new TypeError("bytes must be a Uint8Array"))
})
