import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { AuditTrail } from "../audit.ts"
import { sealLog } from "../capture/index.ts"
import { closeLedgersUnder } from "../ledger/index.ts"
import { findLogDirectory, formatLine, parseLines } from "../store/index.ts"
import { Follower } from "./follow.ts"

let directory = ""
const before = process.env["SECUREML_STATE_DIR"]

beforeEach(() => {
  directory = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "secureml-follow-")))
  process.env["SECUREML_STATE_DIR"] = join(directory, "state")
})
afterEach(async () => {
  await closeLedgersUnder(directory)
  fs.rmSync(directory, { recursive: true, force: true })
  if (before === undefined) delete process.env["SECUREML_STATE_DIR"]
  else process.env["SECUREML_STATE_DIR"] = before
})

/** Records some steps and leaves them unsealed. */
async function record(count: number): Promise<void> {
  const trail = new AuditTrail("work", { logDir: `${directory}/log` })
  for (let n = 1; n < count; n++) trail.logEvent("step", { n })
  await closeLedgersUnder(directory)
}

const places = (records: readonly { index: number | null }[]): (number | null)[] => records.map(({ index }) => index)

test("each record is given once, whether it is seen before it is sealed or after", async () => {
  await record(3)
  const follower = new Follower(findLogDirectory(`${directory}/log`)!)
  expect(places(await follower.news(2))).toEqual([null, null])
  expect(await follower.news(2)).toEqual([])
  await sealLog({ logDir: `${directory}/log` })
  expect(await follower.news(2)).toEqual([])
  await record(2)
  await sealLog({ logDir: `${directory}/log` })
  expect(places(await follower.news(2))).toEqual([3, 4])
})

test("a forged entry with another's event id hides nothing", async () => {
  await record(2)
  const follower = new Follower(findLogDirectory(`${directory}/log`)!)
  const [, step] = await follower.news(10)
  const journal = `${directory}/log/.state/journal`
  const [segment] = fs.readdirSync(journal)
  const line = parseLines(fs.readFileSync(`${journal}/${segment}`), 0).lines[1]!
  const id = randomUUID()
  const forged = Buffer.from(line.entry)
    .toString()
    .replace(/"writer":\{[^}]*\}/, `"writer":{"id":"${id}","seq":0}`)
  fs.writeFileSync(`${journal}/${id}.0`, formatLine(0, forged), { mode: 0o600 })
  const news = await follower.news(10)
  expect(news.map(({ event_id, writer }) => [event_id, writer.id])).toEqual([[step!.event_id, id]])
})
