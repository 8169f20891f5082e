/**
 * Ed25519 (RFC 8032, pure): node:crypto where there is one, else WebCrypto. Always promises, so that a program reads
 * the same on every platform. No I/O; signatures are deterministic, so no randomness either.
 * @module
 */

import { concatBytes, equalBytes, fromBase64, fromHex } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { type NodeCrypto, type NodeKey, nodeCrypto, webCrypto } from "./platform.ts"

/** Bytes in a public key and in a private seed. */
export const KEY_BYTES = 32
/** Bytes in a signature. */
export const SIGNATURE_BYTES = 64

// RFC 8410: what comes before the 32 raw bytes in a SubjectPublicKeyInfo and in a PKCS #8 private key.
const SPKI_PREFIX = fromHex("302a300506032b6570032100")!
const PKCS8_PREFIX = fromHex("302e020100300506032b657004220420")!

/** A private key ready to sign; the seed stays inside. */
export type Ed25519Signer = {
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>
}

/**
 * Whether a signature is by this key over this message. A point or scalar that is not canonical makes it false.
 *
 * @throws {@link AuditError} `PLATFORM_UNSUPPORTED` where there is no Ed25519.
 */
export async function ed25519Verify(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const node = nodeCrypto()
  if (node !== undefined) return node.verify(null, message, nodeKeyOf(node, publicKey), signature)
  const web = requireWebCrypto()
  try {
    const key = await web.importKey("raw", publicKey, "Ed25519", false, ["verify"])
    return await web.verify("Ed25519", key, signature, message)
  } catch (error) {
    throw unsupportedOr(error)
  }
}

// Importing a key takes nearly as long as a verification, and whoever checks many proofs has one key.
let lastKey: { readonly publicKey: Uint8Array; readonly key: NodeKey } | undefined

function nodeKeyOf(node: NodeCrypto, publicKey: Uint8Array): NodeKey {
  if (lastKey === undefined || !equalBytes(lastKey.publicKey, publicKey)) {
    const key = node.createPublicKey({ key: concatBytes(SPKI_PREFIX, publicKey), format: "der", type: "spki" })
    lastKey = { publicKey: publicKey.slice(), key }
  }
  return lastKey.key
}

/**
 * A signer from a 32-byte seed.
 *
 * @throws {@link AuditError} `PLATFORM_UNSUPPORTED` where there is no Ed25519.
 */
export async function ed25519Signer(seed: Uint8Array): Promise<Ed25519Signer> {
  const pkcs8 = concatBytes(PKCS8_PREFIX, seed)
  const node = nodeCrypto()
  if (node === undefined) return webSigner(pkcs8)
  const key = node.createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" })
  const spki = node.createPublicKey(key).export({ format: "der", type: "spki" })
  return {
    publicKey: Uint8Array.from(spki.subarray(SPKI_PREFIX.length)),
    sign: async (message) => Uint8Array.from(node.sign(null, message, key)),
  }
}

async function webSigner(pkcs8: Uint8Array): Promise<Ed25519Signer> {
  const web = requireWebCrypto()
  try {
    const readable = await web.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"])
    // WebCrypto gives the public half of a private key only inside a JSON Web Key, in unpadded base64url.
    const { x = "" } = await web.exportKey("jwk", readable)
    const publicKey = fromBase64(`${x.replaceAll("-", "+").replaceAll("_", "/")}=`)
    if (publicKey?.length !== KEY_BYTES) throw unsupported("this platform gives no public key for a private one")
    const key = await web.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"])
    return { publicKey, sign: async (message) => new Uint8Array(await web.sign("Ed25519", key, message)) }
  } catch (error) {
    throw unsupportedOr(error)
  }
}

function requireWebCrypto(): NonNullable<ReturnType<typeof webCrypto>> {
  const web = webCrypto()
  if (web === undefined) throw unsupported("no node:crypto and no crypto.subtle here (browsers need HTTPS for it)")
  return web
}

function unsupported(message: string, cause?: unknown): AuditError {
  return new AuditError("PLATFORM_UNSUPPORTED", message, cause === undefined ? undefined : { cause })
}

function unsupportedOr(error: unknown): unknown {
  return errorName(error) === "NotSupportedError" ? unsupported("crypto.subtle has no Ed25519 here", error) : error
}

function errorName(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined
}
