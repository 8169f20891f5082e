/**
 * The file that keys leave a machine in and come back from: lines of JSON, the last of which says how many there are.
 * Pure but for the parsing of keys. What is read is untrusted. Format: docs/format.md, "Copies of keys".
 * @module
 */
import { fromBase64, toBase64, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import type { VaultCopy } from "../store/index.ts"
import { parseObject } from "./identity.ts"

/** Keys of a log, as they are copied. */
export interface KeyCopy {
  readonly origin: string
  /** Texts of signing keys; the one in use first. */
  readonly signingKeys: readonly string[]
  readonly vault?: VaultCopy & { readonly erasures: ReadonlyMap<string, Uint8Array> }
}

const KIND = "secureml-keys"
const HEX_32 = /^[0-9a-f]{32}$/
const HEX_64 = /^[0-9a-f]{64}$/
const SHARD = /^[0-9a-f]{2}$/
const ERASURE = /^[0-9a-f-]{36}$/
const KEY_ID = /^[A-Za-z0-9_-]{22}$/

/** The text of a copy. */
export function formatKeyCopy({ origin, signingKeys, vault }: KeyCopy): string {
  const lines: object[] = [{ v: 1, kind: KIND, origin, signing_keys: signingKeys }]
  if (vault !== undefined) {
    const { id, check, rootKey, destroyed, shards, erasures } = vault
    lines.push({ vault: id, check, root_key: rootKey ?? null, destroyed })
    for (const [shard, bytes] of shards) lines.push({ shard, records: toBase64(bytes) })
    for (const [erasure, bytes] of erasures) lines.push({ erasure, list: toBase64(bytes) })
  }
  return [...lines, { lines: lines.length }].map((line) => `${JSON.stringify(line)}\n`).join("")
}

/**
 * Reads a copy.
 * @throws {@link AuditError} `KEY_COPY_MALFORMED`: also where its end is missing.
 */
export function parseKeyCopy(bytes: Uint8Array): KeyCopy {
  const lines = (utf8Text(bytes) ?? "").split("\n").slice(0, -1).map(parseObject)
  const end = lines.pop()
  const [head, vaultLine, ...rest] = lines
  if (head === undefined || end?.["lines"] !== lines.length) throw malformed()
  const { v, kind, origin, signing_keys: keys } = head
  if (v !== 1 || kind !== KIND || typeof origin !== "string" || !areTexts(keys)) throw malformed()
  const copy = { origin, signingKeys: keys }
  return vaultLine === undefined ? copy : { ...copy, vault: parseVault(vaultLine, rest) }
}

type Line = Record<string, unknown>

function parseVault(line: Line, rest: readonly Line[]): NonNullable<KeyCopy["vault"]> {
  const { vault: id, check, root_key: rootKey, destroyed } = line
  const isRootKey = rootKey === null || isText(rootKey, HEX_64)
  if (!isText(id, HEX_32) || !isText(check, HEX_64) || !isRootKey || !areTexts(destroyed, KEY_ID)) throw malformed()
  const shards = new Map<string, Uint8Array>()
  const erasures = new Map<string, Uint8Array>()
  for (const { shard, records, erasure, list } of rest) {
    if (isText(shard, SHARD)) shards.set(shard, bytesOf(records))
    else if (isText(erasure, ERASURE)) erasures.set(erasure, bytesOf(list))
    else throw malformed()
  }
  return { id, check, rootKey: rootKey ?? undefined, destroyed, shards, erasures }
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === "string" ? fromBase64(value) : undefined
  if (bytes === undefined) throw malformed()
  return bytes
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value)
}

function areTexts(value: unknown, pattern = /./): value is string[] {
  return Array.isArray(value) && value.every((text) => isText(text, pattern))
}

function malformed(): AuditError {
  return new AuditError(
    "KEY_COPY_MALFORMED",
    "this is no whole file of secureml audit key export; nothing was imported",
  )
}
