/**
 * Which cryptography this platform offers, found without importing anything: node:crypto through
 * `process.getBuiltinModule` (Node 20.16 and later), WebCrypto on `globalThis` elsewhere. Pure look-ups, no I/O.
 * The types are declared here by hand so that a browser project needs neither Node's types nor the DOM's.
 * @module
 */

/** A key held by node:crypto. */
export type NodeKey = { export(options: { format: "der"; type: "spki" }): Uint8Array }

/** The parts of node:crypto that this folder calls. */
export type NodeCrypto = {
  hash?(algorithm: "sha256", data: Uint8Array, encoding: "latin1"): string
  createPublicKey(key: { key: Uint8Array; format: "der"; type: "spki" } | NodeKey): NodeKey
  createPrivateKey(key: { key: Uint8Array; format: "der"; type: "pkcs8" }): NodeKey
  sign(algorithm: null, data: Uint8Array, key: NodeKey): Uint8Array
  verify(algorithm: null, data: Uint8Array, key: NodeKey, signature: Uint8Array): boolean
}

/** A key held by WebCrypto. */
export type WebKey = object

/** The parts of `crypto.subtle` that this folder calls. */
export type WebCrypto = {
  importKey(
    format: "raw" | "pkcs8",
    key: Uint8Array,
    algorithm: "Ed25519",
    extractable: boolean,
    usages: readonly ("sign" | "verify")[],
  ): Promise<WebKey>
  exportKey(format: "jwk", key: WebKey): Promise<{ x?: string }>
  sign(algorithm: "Ed25519", key: WebKey, data: Uint8Array): Promise<ArrayBuffer>
  verify(algorithm: "Ed25519", key: WebKey, signature: Uint8Array, data: Uint8Array): Promise<boolean>
}

type Platform = {
  process?: { getBuiltinModule?: (id: string) => unknown }
  crypto?: { subtle?: WebCrypto }
}

const platform = globalThis as unknown as Platform

/** node:crypto where there is one. */
export function nodeCrypto(): NodeCrypto | undefined {
  return platform.process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined
}

/** `crypto.subtle` where there is one; browsers hide it from pages not served over HTTPS. */
export function webCrypto(): WebCrypto | undefined {
  return platform.crypto?.subtle
}
