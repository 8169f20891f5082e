/**
 * Signed notes and checkpoints, read a second time without the product's code.
 * @module
 */
import { createPublicKey, verify } from "node:crypto"
import { Objection, sha256 } from "./published-log.ts"

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex")

/** What a checkpoint says. */
export interface Head {
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly note: string
}

/** Signatures that were good. */
const opened = new Map<string, Head>()

/** The head of a note whose one signature is by this key. */
export function openHead(note: string, vkey: string): Head {
  const head = opened.get(`${vkey} ${note}`) ?? open(note, vkey)
  opened.set(`${vkey} ${note}`, head)
  return head
}

function open(note: string, vkey: string): Head {
  const [text, signatures] = [note.slice(0, note.indexOf("\n\n") + 1), note.slice(note.indexOf("\n\n") + 2)]
  const [origin, size, root] = text.split("\n")
  const [name, keyId, key] = splitKey(vkey)
  const match = /^— (\S+) (\S+)\n$/.exec(signatures)
  const signature = Buffer.from(match?.[2] ?? "", "base64")
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: "der", type: "spki" })
  if (match?.[1] !== name || name !== origin) throw new Objection(`a note of ${origin} is signed by ${match?.[1]}`)
  const isGood =
    signature.subarray(0, 4).equals(keyId) && verify(null, Buffer.from(text), publicKey, signature.subarray(4))
  if (!isGood) throw new Objection("the signature of the checkpoint is not good")
  return { origin, size: Number(size), root: root!, note }
}

function splitKey(vkey: string): [name: string, keyId: Buffer, key: Buffer] {
  const [name, id, body] = vkey.split("+", 2).concat(vkey.split("+").slice(2).join("+")) as [string, string, string]
  const bytes = Buffer.from(body, "base64")
  const keyId = sha256(Buffer.from(`${name}\n`), bytes).subarray(0, 4)
  if (bytes[0] !== 1 || keyId.toString("hex") !== id) throw new Objection("the verifier key is malformed")
  return [name, keyId, bytes.subarray(1)]
}
