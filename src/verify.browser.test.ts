import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { utf8 } from "./bytes.ts"
import * as onNode from "./proof/index.ts"

type Proof = typeof onNode

const door = fileURLToPath(new URL("./verify.ts", import.meta.url))

/** Every file that a module imports, static or not, with the specifiers that are no files of ours. */
function importGraph(entry: string): { files: Set<string>; outside: string[] } {
  const files = new Set<string>()
  const outside: string[] = []
  const queue = [entry]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const source = readFileSync(file, "utf8")
    for (const [, specifier = ""] of source.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*["']([^"']+)["']/g)) {
      if (specifier.startsWith(".")) queue.push(resolve(dirname(file), specifier))
      else outside.push(`${file}: ${specifier}`)
    }
  }
  return { files, outside }
}

test("nothing that secureml/verify imports is a Node built-in or a package", () => {
  const { files, outside } = importGraph(door)
  expect(outside).toEqual([])
  expect([...files].filter((file) => file.includes("/proof/")).length).toBeGreaterThan(10)
})

test("the walk sees a Node built-in where there is one", () => {
  const { outside } = importGraph(fileURLToPath(import.meta.url))
  expect(outside.map((line) => line.split(": ")[1])).toContain("node:fs")
})

const getBuiltinModule = process.getBuiltinModule
const webCrypto = Object.getOwnPropertyDescriptor(globalThis, "crypto")!
const hideNode = (hidden: boolean): unknown =>
  Object.defineProperty(process, "getBuiltinModule", { value: hidden ? undefined : getBuiltinModule })

describe("without Node's crypto, as in a browser", () => {
  const seed = new Uint8Array(32).fill(7)
  let inBrowser: Proof

  beforeAll(async () => {
    hideNode(true)
    vi.resetModules()
    inBrowser = await import("./proof/index.ts")
  })
  afterAll(() => {
    Object.defineProperty(globalThis, "crypto", webCrypto)
    hideNode(false)
  })

  test("the module is another instance than the one on Node", () => {
    expect(inBrowser.leafHash).not.toBe(onNode.leafHash)
  })

  test("keys, checkpoints and receipts are the same bytes as on Node, and verify", async () => {
    const skey = await inBrowser.formatSignerKey("example.org/log", seed)
    const key = await inBrowser.parseSignerKey(skey)
    const vkey = inBrowser.verifierKeyOf(key)
    const leaves = inBrowser.leafHashes([utf8("a"), utf8("b")])
    const [a, b] = [leaves.slice(0, 32), leaves.slice(32)]
    const tree = { origin: key.name, treeSize: 2, rootHash: inBrowser.nodeHash(a, b) }
    const checkpoint = await inBrowser.signCheckpoint(tree, [key])
    const proof = inBrowser.formatProof({ index: 1, hashes: [a], checkpoint })
    expect((await inBrowser.verifyProof(proof, "b", vkey)).checkpoint).toEqual(checkpoint)
    hideNode(false)
    expect(await onNode.formatSignerKey("example.org/log", seed)).toBe(skey)
    expect(await onNode.signCheckpoint(tree, [await onNode.parseSignerKey(skey)])).toEqual(checkpoint)
    expect((await onNode.verifyProof(proof, "b", vkey)).index).toBe(1)
    hideNode(true)
  })

  test("an altered note is refused, and so is a public key that is no point of the curve", async () => {
    const key = await inBrowser.parseSignerKey(await inBrowser.formatSignerKey("example.org/log", seed))
    const note = await inBrowser.signNote("hello\n", [key])
    const wrong = expect.objectContaining({ code: "NOTE_SIGNATURE_WRONG" })
    await expect(inBrowser.openNote(note.replace("hello", "hullo"), [inBrowser.verifierKeyOf(key)])).rejects.toEqual(
      wrong,
    )
    const publicKey = new Uint8Array(32).fill(2)
    const other = inBrowser.formatVerifierKey({
      name: "x",
      keyId: inBrowser.verifierKeyId("x", 1, publicKey),
      type: 1,
      publicKey,
    })
    const keyId = inBrowser.parseVerifierKey(other).keyId
    const forged = note.replace(
      /— .*\n/,
      `— x ${Buffer.from(`${keyId}${"00".repeat(64)}`, "hex").toString("base64")}\n`,
    )
    await expect(inBrowser.openNote(forged, [other])).rejects.toEqual(wrong)
  })

  test.each([
    { name: "no crypto.subtle", subtle: undefined },
    {
      name: "a crypto.subtle without Ed25519",
      subtle: { importKey: () => Promise.reject(new DOMException("unrecognized algorithm", "NotSupportedError")) },
    },
  ])("$name: signatures are PLATFORM_UNSUPPORTED, hashes still work", async ({ subtle }) => {
    Object.defineProperty(globalThis, "crypto", { value: { subtle }, configurable: true })
    const unsupported = expect.objectContaining({ code: "PLATFORM_UNSUPPORTED" })
    await expect(inBrowser.formatSignerKey("a", seed)).rejects.toEqual(unsupported)
    expect(inBrowser.leafHash(utf8("a"))).toEqual(onNode.leafHash(utf8("a")))
    Object.defineProperty(globalThis, "crypto", webCrypto)
  })
})
