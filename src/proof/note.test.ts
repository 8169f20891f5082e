import { describe, expect, test } from "vitest"
import { concatBytes, fromHex, toBase64, utf8 } from "../bytes.ts"
import {
  formatSignerKey,
  formatVerifierKey,
  openNote,
  parseNote,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  signNote,
  type VerifierKey,
  verifierKeyId,
  verifierKeyOf,
} from "./index.ts"
import { COSIGNATURE_V1, ED25519 } from "./key.ts"

// golang.org/x/mod/sumdb/note, note_test.go: the key and the note of its example.
const GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
const GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
const GO_NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

const keyNamed = async (name: string, fill: number): Promise<SignerKey> =>
  parseSignerKey(await formatSignerKey(name, new Uint8Array(32).fill(fill)))
const [alice, bob, carol] = await Promise.all([keyNamed("alice", 1), keyNamed("bob", 2), keyNamed("carol", 3)])
const refusal = (code: string): object => expect.objectContaining({ name: "AuditError", code })
const lineOf = async (key: SignerKey, text: string): Promise<string> =>
  (await signNote(text, [key])).split("\n\n").at(-1)!

describe("Go's own note", () => {
  test("signs to the same bytes and opens", async () => {
    const key = await parseSignerKey(GO_SKEY)
    expect(verifierKeyOf(key)).toBe(GO_VKEY)
    expect(await signNote(parseNote(GO_NOTE).text, [key])).toBe(GO_NOTE)
    const opened = await openNote(utf8(GO_NOTE), [GO_VKEY])
    expect(opened.verified).toEqual([{ name: "PeterNeumann", keyId: "c74f20a3" }])
    expect(opened.unverifiedCount).toBe(0)
  })

  test("a signer key never shows its seed", async () => {
    const key = await parseSignerKey(GO_SKEY)
    expect(Object.keys(key).sort()).toEqual(["keyId", "name", "publicKey", "sign"])
  })

  test("the text may hold empty lines: it ends at the last one", async () => {
    const text = "a\n\n— bob AAAA\n\nb\n"
    expect((await openNote(await signNote(text, [alice]), [verifierKeyOf(alice)])).text).toBe(text)
  })
})

describe("whose signatures count", () => {
  const text = "hello\n"
  const vkeys = [verifierKeyOf(alice), verifierKeyOf(bob)]

  test("lines by unknown keys are ignored, even when name or id alone matches", async () => {
    const [id, name] = [alice.keyId, alice.name]
    const junk = new Uint8Array(64)
    const strangers = [
      `— ${name} ${toBase64(concatBytes(fromHex("00000000")!, junk))}\n`,
      `— nobody ${toBase64(concatBytes(fromHex(id)!, junk))}\n`,
      await lineOf(carol, text),
    ]
    const opened = await openNote((await signNote(text, [alice])) + strangers.join(""), vkeys)
    expect(opened).toEqual({ text, verified: [{ name, keyId: id }], unverifiedCount: 3 })
  })

  test("one bad signature by a known key refuses the whole note", async () => {
    const other = await lineOf(bob, "other\n")
    await expect(openNote((await signNote(text, [alice])) + other, vkeys)).rejects.toEqual(
      refusal("NOTE_SIGNATURE_WRONG"),
    )
    const repeated = (await signNote(text, [alice])) + (await lineOf(alice, "other\n"))
    await expect(openNote(repeated, vkeys)).rejects.toEqual(refusal("NOTE_SIGNATURE_WRONG"))
  })

  test("each known key counts once, in the order of the note", async () => {
    const note = await signNote(text, [bob, alice, bob])
    expect((await openNote(note, vkeys)).verified.map(({ name }) => name)).toEqual(["bob", "alice"])
  })

  test("without a known key the note counts for nothing", async () => {
    const note = await signNote(text, [carol])
    await expect(openNote(note, vkeys)).rejects.toEqual(refusal("NOTE_UNSIGNED"))
    await expect(openNote(note, [])).rejects.toEqual(refusal("NOTE_UNSIGNED"))
  })

  test("100 signatures are read, 101 are not", async () => {
    const line = await lineOf(carol, text)
    const signed = await signNote(text, [alice])
    expect((await openNote(signed + line.repeat(99), vkeys)).unverifiedCount).toBe(99)
    await expect(openNote(signed + line.repeat(100), vkeys)).rejects.toEqual(refusal("NOTE_TOO_MANY_SIGNATURES"))
  })
})

const sig = `— alice ${toBase64(new Uint8Array(68))}`
test.each([
  { name: "empty", note: "", code: "NOTE_MALFORMED" },
  { name: "no empty line", note: `text\n${sig}\n`, code: "NOTE_MALFORMED" },
  { name: "no signature line", note: "text\n\n", code: "NOTE_MALFORMED" },
  { name: "no last newline", note: `text\n\n${sig}`, code: "NOTE_MALFORMED" },
  { name: "carriage return", note: `text\r\n\n${sig}\n`, code: "NOTE_NOT_TEXT" },
  { name: "tab", note: `te\txt\n\n${sig}\n`, code: "NOTE_NOT_TEXT" },
  { name: "zero byte", note: `te\0xt\n\n${sig}\n`, code: "NOTE_NOT_TEXT" },
  { name: "lone surrogate", note: `te\ud800xt\n\n${sig}\n`, code: "NOTE_NOT_TEXT" },
  { name: "not UTF-8", note: new Uint8Array([0xff, 10, 10]), code: "NOTE_NOT_TEXT" },
  { name: "hyphen for the dash", note: `text\n\n-${sig.slice(1)}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "no space after the dash", note: `text\n\n—${sig.slice(2)}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "two spaces", note: `text\n\n${sig.replace("alice ", "alice  ")}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "trailing space", note: `text\n\n${sig} \n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "no name", note: `text\n\n${sig.replace("alice", "")}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "plus in the name", note: `text\n\n${sig.replace("alice", "a+b")}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  {
    name: "no-break space in the name",
    note: `text\n\n${sig.replace("alice", "a\u00a0b")}\n`,
    code: "NOTE_SIGNATURE_MALFORMED",
  },
  { name: "four bytes", note: "text\n\n— alice AAAAAA==\n", code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "no base64", note: "text\n\n— alice\n", code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "base64 without padding", note: `text\n\n${sig.replace(/=+$/, "")}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "base64 with stray bits", note: `text\n\n${sig.replace(/A=$/, "B=")}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "base64url", note: `text\n\n${sig.replace("AAAA", "__--")}\n`, code: "NOTE_SIGNATURE_MALFORMED" },
  { name: "text after the signatures", note: `text\n\n${sig}\nmore\n`, code: "NOTE_SIGNATURE_MALFORMED" },
])("note refused: $name", ({ note, code }) => {
  expect(() => parseNote(note)).toThrow(refusal(code) as Error)
})

describe("keys as text", () => {
  const publicKey = alice.publicKey
  const vkeyOf = (name: string, type: number, key: Uint8Array, id?: string): string =>
    `${name}+${id ?? verifierKeyId(name, type, key)}+${toBase64(concatBytes(new Uint8Array([type]), key))}`
  const good = vkeyOf("alice", ED25519, publicKey)

  test("verifier keys of both types are read and written back", () => {
    for (const vkey of [good, vkeyOf("witness.example", COSIGNATURE_V1, publicKey)]) {
      expect(formatVerifierKey(parseVerifierKey(vkey))).toBe(vkey)
    }
  })

  test.each([
    { name: "no plus", vkey: "alice", code: "VERIFIER_KEY_MALFORMED" },
    { name: "capital hex", vkey: good.replace(/\+(\w+)\+/, (id) => id.toUpperCase()), code: "VERIFIER_KEY_MALFORMED" },
    { name: "newline at the end", vkey: `${good}\n`, code: "VERIFIER_KEY_MALFORMED" },
    { name: "no key", vkey: "alice+00000000+", code: "VERIFIER_KEY_MALFORMED" },
    { name: "31 bytes", vkey: vkeyOf("alice", 1, publicKey.slice(1)), code: "VERIFIER_KEY_MALFORMED" },
    {
      name: "33 bytes",
      vkey: vkeyOf("alice", 1, concatBytes(publicKey, publicKey.slice(31))),
      code: "VERIFIER_KEY_MALFORMED",
    },
    { name: "empty name", vkey: vkeyOf("", 1, publicKey), code: "KEY_NAME_MALFORMED" },
    { name: "space in the name", vkey: vkeyOf("a b", 1, publicKey), code: "KEY_NAME_MALFORMED" },
    { name: "ideographic space", vkey: vkeyOf("a\u3000b", 1, publicKey), code: "KEY_NAME_MALFORMED" },
    { name: "newline in the name", vkey: vkeyOf("a\nb", 1, publicKey), code: "KEY_NAME_MALFORMED" },
    { name: "control character", vkey: vkeyOf("a\x01b", 1, publicKey), code: "KEY_NAME_MALFORMED" },
    { name: "ECDSA", vkey: vkeyOf("alice", 2, publicKey), code: "VERIFIER_KEY_TYPE_UNKNOWN" },
    { name: "ML-DSA-44", vkey: vkeyOf("alice", 6, new Uint8Array(1312)), code: "VERIFIER_KEY_TYPE_UNKNOWN" },
    { name: "id of another key", vkey: vkeyOf("alice", 1, publicKey, bob.keyId), code: "VERIFIER_KEY_ID_MISMATCH" },
    { name: "another name", vkey: good.replace("alice", "alicf"), code: "VERIFIER_KEY_ID_MISMATCH" },
  ])("verifier key refused: $name", ({ vkey, code }) => {
    expect(() => parseVerifierKey(vkey)).toThrow(refusal(code) as Error)
  })

  test("every prefix and every flipped bit of a verifier key is refused", () => {
    const codes = /^(VERIFIER_KEY_(MALFORMED|ID_MISMATCH|TYPE_UNKNOWN)|KEY_NAME_MALFORMED)$/
    for (let end = 0; end < GO_VKEY.length; end++) {
      expect(() => parseVerifierKey(GO_VKEY.slice(0, end))).toThrow(refusal("VERIFIER_KEY_MALFORMED") as Error)
    }
    for (let bit = 0; bit < GO_VKEY.length * 8; bit++) {
      const flipped = utf8(GO_VKEY).map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      const text = String.fromCharCode(...flipped)
      expect(() => parseVerifierKey(text)).toThrow(expect.objectContaining({ code: expect.stringMatching(codes) }))
    }
  })

  test("every prefix of a signer key is refused, and no message shows the seed", async () => {
    for (let end = 0; end < GO_SKEY.length; end++) {
      await expect(parseSignerKey(GO_SKEY.slice(0, end))).rejects.toEqual(refusal("SIGNER_KEY_MALFORMED"))
      const error: Error = await parseSignerKey(GO_SKEY.slice(0, end)).catch((reason) => reason)
      expect(error.message).not.toMatch(/YEKFALV/)
    }
  })

  test.each([
    { name: "no prefix", skey: GO_SKEY.slice(12), code: "SIGNER_KEY_MALFORMED" },
    { name: "newline at the end", skey: `${GO_SKEY}\n`, code: "SIGNER_KEY_MALFORMED" },
    { name: "another seed", skey: GO_SKEY.replace("YEKF", "YEKG"), code: "SIGNER_KEY_ID_MISMATCH" },
    { name: "another name", skey: GO_SKEY.replace("Peter", "Pater"), code: "SIGNER_KEY_ID_MISMATCH" },
    { name: "another id", skey: GO_SKEY.replace("c74f", "c74e"), code: "SIGNER_KEY_ID_MISMATCH" },
    { name: "another type", skey: GO_SKEY.replace("+AYEK", "+BIEK"), code: "SIGNER_KEY_TYPE_UNKNOWN" },
    { name: "no name", skey: GO_SKEY.replace("PeterNeumann", ""), code: "KEY_NAME_MALFORMED" },
  ])("signer key refused: $name", async ({ skey, code }) => {
    await expect(parseSignerKey(skey)).rejects.toEqual(refusal(code))
  })
})

test("what cannot be signed is refused", async () => {
  await expect(signNote("no newline", [alice])).rejects.toThrow(new RangeError("text must end in a newline"))
  await expect(signNote("hello\n", [])).rejects.toThrow(new RangeError("signerKeys must hold a key"))
  await expect(signNote("a\tb\n", [alice])).rejects.toEqual(refusal("NOTE_NOT_TEXT"))
  await expect(signNote("a\n", [{ ...alice, name: "a b" }])).rejects.toEqual(refusal("KEY_NAME_MALFORMED"))
  const short: SignerKey = { ...alice, sign: async () => new Uint8Array(63) }
  await expect(signNote("a\n", [short])).rejects.toEqual(refusal("NOTE_SIGNATURE_MALFORMED"))
  await expect(formatSignerKey("a b", new Uint8Array(32))).rejects.toEqual(refusal("KEY_NAME_MALFORMED"))
  await expect(formatSignerKey("a", new Uint8Array(31))).rejects.toThrow(new RangeError("seed must be 32 bytes"))
})

test("two different keys with one name and id are refused, not chosen from", async () => {
  // An id has 32 bits, so two of some 80,000 keys share one; it needs no key that anyone holds.
  const seen = new Map<string, Uint8Array>()
  const colliding: VerifierKey[] = []
  for (let n = 0; colliding.length === 0; n++) {
    const publicKey = new Uint8Array(new Uint32Array(8).fill(n).buffer)
    const keyId = verifierKeyId("alice", ED25519, publicKey)
    const other = seen.get(keyId)
    const named = { name: "alice", keyId, type: ED25519 } as const
    if (other !== undefined) colliding.push({ ...named, publicKey: other }, { ...named, publicKey })
    seen.set(keyId, publicKey)
  }
  const note = await signNote("a\n", [alice])
  await expect(openNote(note, colliding)).rejects.toThrow(/must not hold two different keys/)
  await expect(openNote(note, [...colliding.slice(1), ...colliding.slice(1)])).rejects.toEqual(refusal("NOTE_UNSIGNED"))
})
