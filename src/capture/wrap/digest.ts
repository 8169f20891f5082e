/**
 * Digests of captured values, keyed with a secret of the log that is kept outside it. Does I/O once per directory.
 * @module
 */
import { createHmac } from "node:crypto"
import type { KeyedDigest } from "../../event/index.ts"
import { warn } from "../recorder.ts"
import { type AuditTrail, trailInside } from "../trail.ts"

/** By log directory as the trail names it; undefined where the secret cannot be had. Owned by this thread. */
const digests = new Map<string, KeyedDigest | undefined>()

/** HMAC-SHA-256 in base64, or undefined when the secret can neither be read nor made; that is told once. */
export function digestOf(trail: AuditTrail): KeyedDigest | undefined {
  const { logDir } = trail
  const known = digests.get(logDir)
  if (known !== undefined || digests.has(logDir)) return known
  const digest = makeDigest(trail)
  digests.set(logDir, digest)
  return digest
}

function makeDigest(trail: AuditTrail): KeyedDigest | undefined {
  try {
    const { ledger } = trailInside(trail)
    const secret = ledger.state.digestSecret(ledger.path)
    // Anything shorter is a damaged file, and a digest under it no secret.
    if (secret.length !== 32) throw new RangeError("the digest secret is damaged")
    return (content) => createHmac("sha256", secret).update(content).digest("base64")
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    warn(
      `summaries of ${trail.logDir} carry no digests: its secret cannot be read or made (${reason})`,
      "DIGEST_UNAVAILABLE",
    )
    return undefined
  }
}
