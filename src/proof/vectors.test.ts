import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { fromHex, toHex, utf8 } from "../bytes.ts"
import {
  Frontier,
  leafHash,
  leafHashes,
  parseSignerKey,
  parseTilePath,
  parseVerifierKey,
  rootFromTiles,
  sha256,
  signCheckpoint,
  type TileId,
  tilePath,
  tileRoot,
  tilesOfSize,
  verifierKeyOf,
  verifyCheckpoint,
  verifyConsistency,
  verifyCosignature,
  verifyInclusion,
} from "./index.ts"

// Recorded from other implementations; kept beside the repository, never inside it.
const folder = fileURLToPath(new URL("../../../shared/vectors/", import.meta.url))
const absent = !existsSync(folder)
const note = absent ? " (skipped: ../shared/vectors is absent)" : ""
const read = (name: string): string => (absent ? "" : readFileSync(folder + name, "utf8"))
const json = <T>(name: string, otherwise: T): T => (absent ? otherwise : JSON.parse(read(name)))
const lines = <T>(name: string): T[] =>
  read(name)
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))

type Inclusion = {
  file: string
  leafIdx: number
  treeSize: number
  root: string
  leafHash: string
  proof: string[] | null
  wantErr: boolean
}
type Consistency = {
  file: string
  size1: number
  size2: number
  root1: string
  root2: string
  proof: string[] | null
  wantErr: boolean
}

const CODES =
  /^(TREE_SHRANK|INDEX_OUT_OF_RANGE|(ROOT|LEAF|PROOF)_HASH_MALFORMED|PROOF_LENGTH_WRONG|(INCLUSION|CONSISTENCY)_PROOF_WRONG)$/
// Its roots are not hashes ("dont care ..."), so a verifier that checks lengths first refuses it.
const NOT_HASHES = "additional/sizes-are-equal-one-and-proof-is-empty.json"
/** As Go reads it: strings of any length are hashes to be refused. */
const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64 ?? "", "base64"))

function outcome(sizes: number[], check: () => boolean): boolean {
  try {
    return check()
  } catch (error) {
    // A few rows have indices near 2^64, which are no numbers here.
    if (sizes.every(Number.isSafeInteger)) expect((error as { code: string }).code).toMatch(CODES)
    else expect(error).toBeInstanceOf(RangeError)
    return false
  }
}

test.skipIf(absent)(`98 inclusion proofs, good and bad${note}`, () => {
  const rows = lines<Inclusion>("merkle-inclusion.jsonl")
  expect(rows.length).toBe(98)
  for (const row of rows) {
    const { leafIdx: index, treeSize } = row
    const proof = (row.proof ?? []).map(bytes)
    const accepted = outcome([index, treeSize], () =>
      verifyInclusion({ index, treeSize, leafHash: bytes(row.leafHash), rootHash: bytes(row.root), proof }),
    )
    expect(accepted, row.file).toBe(!row.wantErr)
  }
})

test.skipIf(absent)(`98 consistency proofs, good and bad${note}`, () => {
  const rows = lines<Consistency>("merkle-consistency.jsonl")
  expect(rows.length).toBe(98)
  let refusedForLength = 0
  for (const row of rows) {
    const proof = (row.proof ?? []).map(bytes)
    const roots = { oldRoot: bytes(row.root1), newRoot: bytes(row.root2) }
    const accepted = outcome([row.size1, row.size2], () =>
      verifyConsistency({ oldSize: row.size1, newSize: row.size2, ...roots, proof }),
    )
    const documented = row.file.endsWith(NOT_HASHES)
    if (documented) refusedForLength++
    expect(accepted, row.file).toBe(documented ? false : !row.wantErr)
  }
  expect(refusedForLength).toBe(1)
})

test.skipIf(absent)(`the roots of the Certificate Transparency leaves${note}`, () => {
  const { leaves_hex, roots_hex_by_size } = json("rfc6962-roots.json", { leaves_hex: [""], roots_hex_by_size: [""] })
  const frontier = Frontier.empty()
  expect(toHex(frontier.root())).toBe(roots_hex_by_size[0])
  leaves_hex.forEach((leaf, i) => {
    frontier.append(leafHash(fromHex(leaf)!))
    expect(toHex(frontier.root())).toBe(roots_hex_by_size[i + 1])
  })
})

test.skipIf(absent)(`tile paths, and the tiles of a size${note}`, () => {
  type Paths = { paths: (TileId & { path: string })[]; tiles_of_size: { size: number; paths: string[] }[] }
  const { paths, tiles_of_size } = json<Paths>("tile-paths.json", { paths: [], tiles_of_size: [] })
  for (const { path, ...id } of paths) {
    expect(tilePath(id)).toBe(path)
    expect(parseTilePath(path)).toEqual(id)
  }
  for (const { size, paths: listed } of tiles_of_size) {
    const ours = tilesOfSize(size).map(tilePath)
    // From 65,535 on the file leaves out the full tiles of level 0.
    const named = size < 65_535 ? ours : ours.filter((path) => listed.includes(path) || !/^tile\/0\/\d{3}$/.test(path))
    expect(named).toEqual(listed)
    const level0 = ours.filter((path) => path.startsWith("tile/0/")).length
    expect(level0).toBe(Math.ceil(size / 256))
  }
})

type Log = { size: number; root: string; checkpoint: string; tile_sha256: Record<string, string> }
const tessera = json("tessera-logs.json", { origin: "", vkey: "", skey: "", logs: [] as Log[] })

test.skipIf(absent)(`Tessera's roots and tiles, byte for byte${note}`, () => {
  expect(tessera.logs.map(({ size }) => size)).toEqual([0, 2, 257, 5000])
  for (const { size, root, tile_sha256 } of tessera.logs) {
    const level0 = leafHashes(Array.from({ length: size }, (_, i) => utf8(`entry-${i}`)))
    const tile = ({ level, index, width }: TileId): Uint8Array => {
      if (level === 0) return level0.subarray(8192 * index, 8192 * index + 32 * width)
      const below = Array.from({ length: width }, (_, i) => ({
        level: (level as number) - 1,
        index: 256 * index + i,
        width: 256,
      }))
      return new Uint8Array(Buffer.concat(below.map((id) => tileRoot(id, tile(id)))))
    }
    expect(toHex(rootFromTiles(size, tile))).toBe(root)
    const hashes = tilesOfSize(size).map((id) => [tilePath(id), toHex(sha256(tile(id)))])
    expect(Object.fromEntries(hashes)).toEqual(tile_sha256)
  }
})

test.skipIf(absent)(`Tessera's checkpoints, byte for byte${note}`, async () => {
  const key = await parseSignerKey(tessera.skey)
  expect(verifierKeyOf(key)).toBe(tessera.vkey)
  for (const { size, root, checkpoint } of tessera.logs) {
    const signed = await signCheckpoint({ origin: tessera.origin, treeSize: size, rootHash: fromHex(root)! }, [key])
    expect(signed.note).toBe(checkpoint)
    expect(await verifyCheckpoint(checkpoint, tessera.vkey)).toEqual(signed)
  }
})

test.skipIf(absent)(`a cosigned checkpoint of a mirror${note}`, async () => {
  type Cosigned = { note: string; vkeys: string[]; verified: string[]; timestamp: number }
  const { cosignature_v1 } = json("cosignature.json", { cosignature_v1: [] as Cosigned[] })
  expect(cosignature_v1.length).toBeGreaterThan(0)
  for (const { note: text, vkeys, verified, timestamp } of cosignature_v1) {
    for (const vkey of vkeys) {
      const cosignature = await verifyCosignature(text, vkey)
      expect(verified).toContain(cosignature.name)
      expect(cosignature.name).toBe(parseVerifierKey(vkey).name)
      expect(cosignature.timestamp).toBe(timestamp)
    }
  }
})
