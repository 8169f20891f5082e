import { expect, test } from "vitest"
import { toBase64 } from "../bytes.ts"
import { parseCheckpoint } from "./checkpoint.ts"
import { formatSignerKey, parseSignerKey, type SignerKey, verifierKeyOf } from "./key.ts"
import { checkKeyStatement, signKeyStatement } from "./key-statement.ts"
import { signNote } from "./note.ts"

const ORIGIN = "example.org/log"
const ROOT = toBase64(new Uint8Array(32).fill(7))

async function keyOf(fill: number, name = ORIGIN): Promise<SignerKey> {
  return parseSignerKey(await formatSignerKey(name, new Uint8Array(32).fill(fill)))
}

const oldKey = await keyOf(1)
const newKey = verifierKeyOf(await keyOf(2))
const statement = { origin: ORIGIN, treeSize: 257, rootHash: ROOT, newKey }
const note = await signKeyStatement(statement, oldKey)
const trusted = verifierKeyOf(oldKey)

test("a statement says which key takes over, and for which tree", async () => {
  expect(await checkKeyStatement(note, trusted)).toEqual(statement)
})

test("a statement can be no checkpoint", () => {
  expect(() => parseCheckpoint(note)).toThrow(expect.objectContaining({ code: "TREE_SIZE_MALFORMED" }))
})

test("every changed byte of a statement is refused", async () => {
  const bytes = Buffer.from(note)
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    await expect(
      checkKeyStatement(changed.toString("latin1") === note ? note : changed.toString(), trusted),
    ).rejects.toThrow()
  }
})

test("a statement that another key signed is refused", async () => {
  const byAnother = await signKeyStatement(statement, await keyOf(3))
  await expect(checkKeyStatement(byAnother, trusted)).rejects.toThrow(
    expect.objectContaining({ code: "NOTE_UNSIGNED" }),
  )
})

const otherOrigin = verifierKeyOf(await keyOf(2, "example.org/other"))
test.each([
  ["a checkpoint", `${ORIGIN}\n257\n${ROOT}\n`],
  ["another header", `secureml/key-rotation/v2\n${ORIGIN}\n257\n${ROOT}\n${newKey}\n`],
  ["another origin", `secureml/key-rotation/v1\nexample.org/other\n257\n${ROOT}\n${otherOrigin}\n`],
  ["a key of another origin", `secureml/key-rotation/v1\n${ORIGIN}\n257\n${ROOT}\n${otherOrigin}\n`],
  ["a size in another spelling", `secureml/key-rotation/v1\n${ORIGIN}\n0257\n${ROOT}\n${newKey}\n`],
  ["a root that is none", `secureml/key-rotation/v1\n${ORIGIN}\n257\nAAAA\n${newKey}\n`],
  ["a line too many", `secureml/key-rotation/v1\n${ORIGIN}\n257\n${ROOT}\n${newKey}\nmore\n`],
  ["no key", `secureml/key-rotation/v1\n${ORIGIN}\n257\n${ROOT}\nx\n`],
])("%s that the trusted key has signed is no statement", async (_, text) => {
  await expect(checkKeyStatement(await signNote(text, [oldKey]), trusted)).rejects.toThrow(
    expect.objectContaining({ code: "KEY_STATEMENT_MALFORMED" }),
  )
})
