import { describe, expect, test } from "vitest"
import { toBase64, utf8, utf8Text } from "../bytes.ts"
import { digestOf } from "./evidence-manifest.ts"
import {
  type DescribedFile,
  EVIDENCE_NOT_PROVEN,
  type EvidenceFile,
  Frontier,
  formatManifest,
  formatProofLine,
  formatSignerKey,
  inclusionRanges,
  leafHash,
  MAX_EVIDENCE_BYTES,
  parseSignerKey,
  rangeHash,
  type SignerKey,
  signCheckpoint,
  verifierKeyOf,
  verifyEvidenceBundle,
} from "./index.ts"

const ORIGIN = "example.org/log"
const keyNamed = async (name: string, fill: number): Promise<SignerKey> =>
  parseSignerKey(await formatSignerKey(name, new Uint8Array(32).fill(fill)))
const key = await keyNamed(ORIGIN, 1)
const vkey = verifierKeyOf(key)

const logged = Array.from({ length: 11 }, (_, n) => `{"n":${n}}`)
const leafAt = (index: number): Uint8Array => leafHash(utf8(logged[index]!))
const hashesOf = (index: number, treeSize: number): string[] =>
  inclusionRanges(index, treeSize).map(({ start, end }) => toBase64(rangeHash(start, end, leafAt)))

async function checkpointOf(treeSize: number, signer = key): Promise<string> {
  const frontier = Frontier.empty()
  for (let index = 0; index < treeSize; index++) frontier.append(leafAt(index))
  return (await signCheckpoint({ origin: signer.name, treeSize, rootHash: frontier.root() }, [signer])).note
}

type Bundle = Record<EvidenceFile, string>

/** A bundle of these entries of the log; `change` alters its parts before the manifest is made of them. */
async function bundleOf(indexes: readonly number[], change: Partial<Bundle> = {}): Promise<Bundle> {
  const treeSize = logged.length
  const parts: Record<DescribedFile, string> = {
    checkpoint: await checkpointOf(treeSize),
    vkey: `${vkey}\n`,
    "entries.jsonl": indexes.map((index) => `${logged[index]}\n`).join(""),
    "proofs.jsonl": indexes.map((index) => `${formatProofLine(index, hashesOf(index, treeSize))}\n`).join(""),
    ...change,
  }
  const [origin = "", size, rootHash = ""] = parts.checkpoint.split("\n")
  const files = Object.fromEntries(
    Object.entries(parts).map(([name, text]) => [name, digestOf(utf8(text))]),
  ) as Parameters<typeof formatManifest>[0]["files"]
  const manifest = formatManifest({
    checkpoint: { origin, treeSize: Number(size), rootHash },
    entries: indexes.length,
    firstIndex: indexes[0]!,
    lastIndex: indexes.at(-1)!,
    files,
  })
  return { ...parts, "manifest.json": change["manifest.json"] ?? manifest }
}

const outcome = async (files: Record<string, Uint8Array | string>, by = vkey): Promise<string> =>
  verifyEvidenceBundle(files, by).then(
    () => "verified",
    (error) => error.code ?? String(error),
  )

const good = await bundleOf([1, 4, 10])
const manifestWith = (change: (manifest: Record<string, unknown>) => void): string => {
  const manifest = JSON.parse(good["manifest.json"]) as Record<string, unknown>
  change(manifest)
  return `${JSON.stringify(manifest, null, 2)}\n`
}

describe("an evidence bundle", () => {
  test("shows entries, their places and the tree they are in, from text or from bytes", async () => {
    const verified = await verifyEvidenceBundle(good, vkey)
    expect(verified).toMatchObject({ origin: ORIGIN, treeSize: 11, checkpoint: { note: good.checkpoint } })
    expect(verified.entries.map(({ index, bytes }) => [index, utf8Text(bytes)])).toEqual([
      [1, '{"n":1}'],
      [4, '{"n":4}'],
      [10, '{"n":10}'],
    ])
    expect(verified.notProven).toBe(EVIDENCE_NOT_PROVEN)
    const bytes = Object.fromEntries(Object.entries(good).map(([name, text]) => [name, utf8(text)]))
    expect(await verifyEvidenceBundle(bytes, vkey)).toEqual(verified)
  })

  test("of one entry in a log of one verifies, and of all entries", async () => {
    expect(await outcome(await bundleOf(logged.map((_, n) => n)))).toBe("verified")
    const single = {
      checkpoint: await checkpointOf(1),
      "proofs.jsonl": `${formatProofLine(0, [])}\n`,
    }
    expect(await outcome(await bundleOf([0], single))).toBe("verified")
  })
})

test("with any byte of any file changed, added or taken away it does not verify", async () => {
  let tried = 0
  for (const [name, text] of Object.entries(good)) {
    const bytes = utf8(text)
    for (let at = 0; at < bytes.length; at++) {
      const variants = [
        ...[1, 0x20, 0x80].map((mask) => bytes.with(at, bytes[at]! ^ mask)),
        new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]),
        new Uint8Array([...bytes.subarray(0, at), bytes[at]!, ...bytes.subarray(at)]),
      ]
      for (const variant of variants) {
        tried += 1
        expect([name, at, await outcome({ ...good, [name]: variant })]).not.toEqual([name, at, "verified"])
      }
    }
  }
  expect(tried).toBeGreaterThan(9_000)
})

test("nor does it when the manifest is made anew for what was changed", async () => {
  for (const name of ["checkpoint", "entries.jsonl", "proofs.jsonl", "vkey"] as const) {
    for (let at = 0; at < good[name].length; at++) {
      // Another character of the same class keeps the form, so that the proof itself has to refuse.
      const other = good[name][at] === "A" ? "B" : "A"
      const changed = good[name].slice(0, at) + other + good[name].slice(at + 1)
      const forged = await bundleOf([1, 4, 10], { [name]: changed })
      expect([name, at, await outcome(forged)]).not.toEqual([name, at, "verified"])
    }
  }
})

/** Bundles whose manifest fits what was changed in them: a forger makes that too. */
const crafted: readonly (readonly [string, Partial<Bundle>, string])[] = [
  ["an entry that is not in the log", { "entries.jsonl": '{"n":1}\n{"n":4}\n{"n":99}\n' }, "INCLUSION_PROOF_WRONG"],
  ["two entries that changed places", { "entries.jsonl": '{"n":4}\n{"n":1}\n{"n":10}\n' }, "INCLUSION_PROOF_WRONG"],
  [
    "a proof for another tree",
    { "proofs.jsonl": [1, 4, 7].map((n) => `${formatProofLine(n, hashesOf(n, 8))}\n`).join("") },
    "PROOF_LENGTH_WRONG",
  ],
  [
    "an index beyond the tree",
    { "proofs.jsonl": [1, 4, 11].map((n) => `${formatProofLine(n, hashesOf(n % 11, 11))}\n`).join("") },
    "INDEX_OUT_OF_RANGE",
  ],
  [
    "the same index twice",
    {
      "entries.jsonl": '{"n":1}\n{"n":1}\n{"n":10}\n',
      "proofs.jsonl": [1, 1, 10].map((n) => `${formatProofLine(n, hashesOf(n, 11))}\n`).join(""),
    },
    "EVIDENCE_MALFORMED",
  ],
  [
    "indexes that do not rise",
    {
      "entries.jsonl": '{"n":4}\n{"n":1}\n{"n":10}\n',
      "proofs.jsonl": [4, 1, 10].map((n) => `${formatProofLine(n, hashesOf(n, 11))}\n`).join(""),
    },
    "EVIDENCE_MALFORMED",
  ],
  ["a proof line with a further key", { "proofs.jsonl": '{"index":1,"hashes":[],"x":1}\n\n\n' }, "EVIDENCE_MALFORMED"],
  ["an index in another spelling", { "proofs.jsonl": '{"index":1.0,"hashes":[]}\n\n\n' }, "EVIDENCE_MALFORMED"],
  ["a proof line that is no object", { "proofs.jsonl": "[]\n[]\n[]\n" }, "EVIDENCE_MALFORMED"],
  ["a hash that is no text", { "proofs.jsonl": '{"index":1,"hashes":[1]}\n\n\n' }, "EVIDENCE_MALFORMED"],
  ["a proof line that never ends", { "proofs.jsonl": `${"[".repeat(5_000)}\n\n\n` }, "EVIDENCE_MALFORMED"],
  ["an entry longer than any", { "entries.jsonl": `${"x".repeat(65_536)}\n\n\n` }, "EVIDENCE_MALFORMED"],
  ["lines without an end", { "entries.jsonl": '{"n":1}\n{"n":4}\n{"n":10}' }, "EVIDENCE_MALFORMED"],
  ["more lines than entries", { "entries.jsonl": '{"n":1}\n{"n":4}\n{"n":10}\n\n' }, "EVIDENCE_MISMATCH"],
  ["fewer proofs than entries", { "proofs.jsonl": "{}\n" }, "EVIDENCE_MISMATCH"],
  ["a file that is not UTF-8", { checkpoint: "\ud800" }, "EVIDENCE_MALFORMED"],
  ["another key in the file vkey", { vkey: `${verifierKeyOf(await keyNamed(ORIGIN, 2))}\n` }, "EVIDENCE_MISMATCH"],
  [
    "a checkpoint of another signer",
    { checkpoint: await checkpointOf(11, await keyNamed(ORIGIN, 2)) },
    "NOTE_UNSIGNED",
  ],
]

test.each(crafted)("%s is refused", async (_, change, code) => {
  expect(await outcome(await bundleOf([1, 4, 10], change))).toBe(code)
})

const lying: readonly (readonly [string, (manifest: Record<string, unknown>) => void, string])[] = [
  ["another number of entries", (m) => (m["entries"] = 2), "EVIDENCE_MISMATCH"],
  ["no entries", (m) => (m["entries"] = 0), "EVIDENCE_MALFORMED"],
  ["entries by the billion", (m) => (m["entries"] = 4e9), "EVIDENCE_TOO_LARGE"],
  ["entries that are no number", (m) => (m["entries"] = "3"), "EVIDENCE_MALFORMED"],
  ["another tree size", (m) => (m["tree_size"] = 12), "EVIDENCE_MISMATCH"],
  ["another origin", (m) => (m["origin"] = "example.org/other"), "EVIDENCE_MISMATCH"],
  ["another first index", (m) => (m["first_index"] = 0), "EVIDENCE_MISMATCH"],
  ["that more is proven", (m) => (m["not_proven"] = []), "EVIDENCE_MISMATCH"],
  ["something more", (m) => (m["complete"] = true), "EVIDENCE_MISMATCH"],
  ["another version", (m) => (m["v"] = 2), "EVIDENCE_MALFORMED"],
  ["no files", (m) => (m["files"] = []), "EVIDENCE_MALFORMED"],
  ["files elsewhere", (m) => (m["files"] = { "../checkpoint": { bytes: 1, sha256: "" } }), "EVIDENCE_MALFORMED"],
  [
    "a further file elsewhere",
    (m) => Object.assign(m["files"] as object, { "/etc/passwd": { bytes: 1, sha256: "" } }),
    "EVIDENCE_MISMATCH",
  ],
  [
    "a size that is huge",
    (m) => Object.assign(m["files"] as object, { vkey: { bytes: 2 ** 53 - 1, sha256: "" } }),
    "EVIDENCE_MISMATCH",
  ],
]

test.each(lying)("a manifest that says %s is refused", async (_, change, code) => {
  expect(await outcome({ ...good, "manifest.json": manifestWith(change) })).toBe(code)
})

describe("the files", () => {
  test.each(Object.keys(good))("without %s it is refused", async (name) => {
    const { [name as EvidenceFile]: _, ...rest } = good
    expect(await outcome(rest)).toBe("EVIDENCE_FILES_WRONG")
  })

  test.each(["../manifest.json", "/etc/passwd", "README", "__proto__", "proofs.jsonl/x"])(
    "%s is one too many",
    async (name) => {
      const files = Object.fromEntries([...Object.entries(good), [name, ""]])
      expect(await outcome(files)).toBe("EVIDENCE_FILES_WRONG")
    },
  )

  test.each(["manifest.json", "checkpoint", "vkey"] as const)("%s beyond its limit is refused", async (name) => {
    const large = "é".repeat(MAX_EVIDENCE_BYTES[name] / 2 + 1)
    expect(await outcome({ ...good, [name]: large })).toBe("EVIDENCE_TOO_LARGE")
    expect(await outcome({ ...good, [name]: utf8(large) })).toBe("EVIDENCE_TOO_LARGE")
  })
})

test("by another key, or without one, nothing is shown", async () => {
  expect(await outcome(good, verifierKeyOf(await keyNamed(ORIGIN, 2)))).toBe("NOTE_UNSIGNED")
  expect(await outcome(good, verifierKeyOf(await keyNamed("example.org/other", 1)))).toBe("NOTE_UNSIGNED")
  expect(await outcome(good, null as unknown as string)).toMatch(/^TypeError: /)
  await expect(verifyEvidenceBundle(null as never, vkey)).rejects.toThrow(TypeError)
  await expect(verifyEvidenceBundle({ ...good, vkey: 1 as never }, vkey)).rejects.toThrow(TypeError)
})
