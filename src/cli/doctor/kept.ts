/**
 * What lies beside the tree, how large it is, and why it is kept. Reads only.
 * @module
 */
import * as fs from "node:fs"
import { INDEX_DIRECTORY, LocalJournal, openDatabase, PARTS_DIRECTORY, PAYLOADS_FILE } from "../../store/index.ts"
import { type Diagnosis, note, ok, type Patient, problem, sizeText, someOf } from "./diagnosis.ts"

/** Looks at kept values, predecessors and the index. */
export async function examineKept({ root }: Patient): Promise<Diagnosis[]> {
  const parts = await new LocalJournal(root, PARTS_DIRECTORY).segments()
  const partBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const predecessors = (await root.names(".")).filter((name) => /^predecessor-\d+$/.test(name))
  const indexBytes = await sizeOf(root, INDEX_DIRECTORY)
  const found = payloads(root)
  if (partBytes > 0)
    found.push(
      note(
        "parts",
        `${sizeText(partBytes)} of large values wait until their entries are sealed`,
        "sealing moves them into the payload store",
      ),
    )
  if (predecessors.length > 0)
    found.push(
      note(
        "predecessors",
        `logs that a recovery set aside are here: ${someOf(predecessors)}`,
        "they verify by themselves; keep them, or move them to where evidence is kept",
      ),
    )
  if (indexBytes > 0)
    found.push(ok("index", `the query index takes ${sizeText(indexBytes)}; it may be deleted at any time`))
  return found
}

function payloads(root: Patient["root"]): Diagnosis[] {
  const check = "payloads"
  const path = root.locate(PAYLOADS_FILE, false)
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || !stats.isFile()) return [ok(check, "no value is kept beside the log")]
  try {
    const database = openDatabase(path)
    try {
      const [large, persons] = ["payload", "sealed"].map((table) => {
        const rows = database?.prepare(`SELECT count(*) AS number FROM ${table}`).all()
        return (rows as { number: number }[] | undefined)?.[0]?.number
      })
      if (large === 0)
        return [
          ok(check, `personal values of ${persons ?? "some"} events and persons are kept, ${sizeText(stats.size)}`),
        ]
      const message = `${large ?? "some"} values too large for their entries are kept, ${sizeText(stats.size)}`
      return [
        note(
          check,
          message,
          "keepLarge asked for it; without them verification says payload_missing, so back them up with the log",
        ),
      ]
    } finally {
      database?.close()
    }
  } catch (error) {
    return [
      problem(
        check,
        `${PAYLOADS_FILE} cannot be read: ${error instanceof Error ? error.message : error}`,
        "run secureml audit verify, and restore it from a backup",
      ),
    ]
  }
}

async function sizeOf(root: Patient["root"], directory: string): Promise<number> {
  let bytes = 0
  for (const name of await root.names(directory))
    bytes += fs.lstatSync(`${root.path}/${directory}/${name}`, { throwIfNoEntry: false })?.size ?? 0
  return bytes
}
