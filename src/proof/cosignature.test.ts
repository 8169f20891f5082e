import { describe, expect, test } from "vitest"
import { concatBytes, fromHex, toBase64 } from "../bytes.ts"
import { encodeTimedSignature } from "./cosigned-message.ts"
import {
  cosignedMessage,
  EMPTY_ROOT,
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  type SignerKey,
  signCheckpoint,
  verifierKeyId,
  verifierKeyOf,
  verifyCheckpoint,
  verifyCosignature,
} from "./index.ts"
import { COSIGNATURE_V1 } from "./key.ts"

const ORIGIN = "example.org/log"
const keyNamed = async (name: string, fill: number): Promise<SignerKey> =>
  parseSignerKey(await formatSignerKey(name, new Uint8Array(32).fill(fill)))
const key = await keyNamed(ORIGIN, 1)
const stranger = await keyNamed("example.org/other", 2)
const vkey = verifierKeyOf(key)

const signed = await signCheckpoint({ origin: ORIGIN, treeSize: 0, rootHash: EMPTY_ROOT }, [key])
const codeOf = async (outcome: Promise<unknown>): Promise<string | undefined> =>
  outcome.then(
    () => undefined,
    (error) => error.code ?? String(error),
  )
const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

/** What a witness does; the product itself only checks cosignatures. */
async function cosign(
  note: string,
  name: string,
  signer: SignerKey,
  timestamp: number,
): Promise<{ note: string; vkey: string }> {
  const text = note.slice(0, note.lastIndexOf("\n\n") + 1)
  const keyId = verifierKeyId(name, COSIGNATURE_V1, signer.publicKey)
  const signature = encodeTimedSignature({ timestamp, signature: await signer.sign(cosignedMessage(timestamp, text)) })
  const line = `— ${name} ${toBase64(concatBytes(fromHex(keyId)!, signature))}\n`
  return {
    note: note + line,
    vkey: formatVerifierKey({ name, keyId, type: COSIGNATURE_V1, publicKey: signer.publicKey }),
  }
}

describe("cosignatures", () => {
  test("a witness's cosignature verifies beside the log's own signature", async () => {
    const { note, vkey: witness } = await cosign(signed.note, "witness.example", stranger, 1767139200)
    const cosigned = { name: "witness.example", timestamp: 1767139200, checkpoint: { ...signed, note } }
    expect(await verifyCosignature(note, witness)).toEqual(cosigned)
    expect(await verifyCheckpoint(note, vkey)).toEqual({ ...signed, note })
    expect(await codeOf(verifyCosignature(signed.note, witness))).toBe("NOTE_UNSIGNED")
  })

  test("every flipped bit of a cosignature's time is refused", async () => {
    const name = "witness.example"
    const { note, vkey: witness } = await cosign(signed.note, name, stranger, 1767139200)
    const payload = new Uint8Array(Buffer.from(note.trimEnd().split(" ").at(-1)!, "base64"))
    for (let bit = 32; bit < payload.length * 8; bit++) {
      const bad = `${signed.note}— ${name} ${toBase64(flip(payload, bit))}\n`
      const tooLarge = bit < 48 && (bit >> 3 === 4 || (bit & 7) >= 5)
      expect(await codeOf(verifyCosignature(bad, witness))).toBe(
        tooLarge ? "COSIGNATURE_MALFORMED" : "NOTE_SIGNATURE_WRONG",
      )
    }
    const short = `${signed.note}— ${name} ${toBase64(payload.slice(0, -1))}\n`
    expect(await codeOf(verifyCosignature(short, witness))).toBe("COSIGNATURE_MALFORMED")
  })

  test("of two cosignatures by one witness the first gives the time", async () => {
    const once = await cosign(signed.note, "witness.example", stranger, 5)
    const twice = await cosign(once.note, "witness.example", stranger, 6)
    expect((await verifyCosignature(twice.note, once.vkey)).timestamp).toBe(5)
  })

  test("a log's key is no cosigner's, and the reverse", async () => {
    const { note, vkey: witness } = await cosign(signed.note, ORIGIN, key, 1)
    expect(await codeOf(verifyCosignature(note, vkey))).toBe("VERIFIER_KEY_TYPE_WRONG")
    expect(await codeOf(verifyCheckpoint(note, witness))).toBe("VERIFIER_KEY_TYPE_WRONG")
  })
})
