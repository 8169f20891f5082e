import * as fs from "node:fs"
import { expect, test } from "vitest"
import { AuditTrail, getAuditLogs, personal } from "../../src/audit.ts"
import { findLogDirectory, LocalKeyVault } from "../../src/store/index.ts"
import { restart } from "../place.ts"
import { useCli } from "./run.ts"

const { place, audit, shell } = useCli()

async function claims(): Promise<void> {
  const trail = new AuditTrail("claims", { logDir: place.logDir })
  trail.logEvent("claim", {
    who: personal("Jane\u001b[31m Roe", { subject: "patient-1" }),
    other: personal("Max Moe", { subject: "patient-2" }),
  })
  trail.logUserRequest({ requestType: "access", userId: "patient-1", details: {}, status: "open" })
  await trail.close()
  await restart(place)
}

test("subject tells everything of one person and nothing of another, and that it did is recorded", async () => {
  await claims()
  const { code, stdout, stderr } = await shell('printf "patient-1\\n" | $SECUREML audit subject -')
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toMatch(/^2 personal values in 2 events, as of /)
  expect(stdout).toContain('"user_id": "patient-1"')
  expect(stdout).toContain('"state": "withheld"')
  expect(stdout).not.toMatch(/Max Moe|\u001b/)
  const report = JSON.parse((await shell("printf patient-2 | $SECUREML audit subject - --json")).stdout)
  expect(Object.keys(report)).toEqual(["generatedAt", "values", "restricted", "records"])
  expect([report.values, report.records[0].details.other]).toEqual([1, "Max Moe"])
  expect((await shell("printf nobody | $SECUREML audit subject -")).stdout).toBe(
    "the log holds no personal values of this person\n",
  )
  const reads = await getAuditLogs({ logDir: place.logDir, eventType: "audit_read" })
  expect(reads.map(({ details }) => details.records)).toEqual([2, 1, 0])
  expect(JSON.stringify(reads)).not.toContain("patient")
})

test("erase erases, says what is out of reach, and is no error for a person who is not known", async () => {
  await claims()
  const flags = "--reason consent_withdrawn --request-id r-1"
  const { code, stdout, stderr } = await shell(`printf patient-1 | $SECUREML audit erase - ${flags}`)
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toMatch(
    /^result +erased\nerasure +\S+\ndeleted +2 values of 2 events\nrecorded by +\S+\nnot reached from here:\n/,
  )
  const again = await shell(`printf patient-1 | $SECUREML audit erase - ${flags} --json`)
  expect([again.code, JSON.parse(again.stdout).result]).toEqual([0, "nothing_held"])
  expect((await audit("list", "--event-type", "claim")).stdout).toContain("Max Moe")
  const { details } = (await getAuditLogs({ logDir: place.logDir, eventType: "claim" }))[0]!
  expect(details["who"]).toMatchObject({ state: "erased" })
  const told = await getAuditLogs({ logDir: place.logDir, eventType: ["erasure_started", "erasure_completed"] })
  expect(told.map(({ details: said }) => (said as { request_id?: string }).request_id)).toEqual(["r-1", "r-1"])
  expect(JSON.stringify(told)).not.toContain("patient")
  expect((await audit("verify")).code).toBe(0)
})

test("an erasure that was cut off is finished by --resume, and verify says so before", async () => {
  await claims()
  await shell("printf patient-1 | $SECUREML audit erase - --reason other")
  const [name] = fs.readdirSync(`${place.logDir}/.state/erasures`)
  const path = `${place.logDir}/.state/erasures/${name}`
  const list = fs.readFileSync(path, "utf8").split("\n")[0]!
  const { completed_by: _, ...left } = JSON.parse(list)
  const vault = LocalKeyVault.ofLog(findLogDirectory(place.logDir)!, place.stateDir, undefined, false)!
  const open = JSON.stringify(left)
  fs.writeFileSync(path, `${open}\n${vault.macOf("erasures", name!.slice(0, -5), Buffer.from(open))}\n`)
  fs.rmSync(`${place.stateDir}/vaults/${vault.id}/erasures`, { recursive: true })
  vault.close()
  expect((await audit("verify", "--json")).stdout).toContain("erasure_pending")
  expect(await audit("erase", "--resume")).toMatchObject({
    code: 0,
    stdout: "1 erasures finished; 0 values were due and are deleted\n",
  })
  expect((await audit("verify", "--json")).stdout).not.toContain("erasure_pending")
  expect(await audit("erase", "--resume", "--json")).toMatchObject({ code: 0, stdout: '{"resumed":0,"dueValues":0}\n' })
})

test.each([
  ["erase patient-1 --reason other", /standard input/],
  ["erase - </dev/null --reason other", /no identifier/],
  ["erase -", /--reason is missing/],
  ["erase --reason other", /<subject> is missing/],
  ["erase - --reason because", /--reason/],
  ["erase - --resume", /--resume/],
  ["subject patient-1", /standard input/],
  ["subject - </dev/null", /no identifier/],
])("%s is wrong usage, and nothing is changed", async (command, message) => {
  await claims()
  const { code, stderr } = await shell(`printf patient-1 | $SECUREML audit ${command}`)
  expect(code).toBe(2)
  expect(stderr).toMatch(message)
  expect(fs.existsSync(`${place.logDir}/.state/erasures`)).toBe(false)
})

test("what a policy or a hold wants kept stays restricted, and is deleted when it is due", async () => {
  await claims()
  const file = `${place.directory}/policy.json`
  const one = {
    id: "claims",
    event_types: ["claim"],
    minimum: "P5Y",
    maximum: null,
    source: { provision: "Act\u001b 1" },
  }
  fs.writeFileSync(file, JSON.stringify({ v: 1, id: "p", extends: null, classes: [one] }))
  const hold = await shell("printf patient-1 | $SECUREML audit hold add --subject - --reason suit --authority court")
  expect(hold.stdout).toMatch(/^subject +patient-1$/m)
  const first = await shell(`printf patient-1 | $SECUREML audit erase - --reason other --policy ${file}`)
  expect(first).toMatchObject({ code: 0, stderr: "" })
  expect(first.stdout).toMatch(/^result +refused$/m)
  expect(first.stdout).toMatch(/^kept +1 events, restricted while it applies: P5Y, Act\S+ 1 \[claims\]; hold \S+$/m)
  expect(first.stdout).not.toContain("\u001b")
  const { event_id } = (await getAuditLogs({ logDir: place.logDir, eventType: "hold_added" }))[0]!
  expect((await audit("hold", "release", event_id, "--reason", "settled", "--authority", "court")).code).toBe(0)
  expect((await audit("erase", "--resume", "--policy", file)).stdout).toBe(
    "no erasure was open; 2 values were due and are deleted\n",
  )
  const left = await shell("printf patient-1 | $SECUREML audit subject -")
  expect(left.stdout).toMatch(/^ {2}restricted: \/details\/who of event \S+, until 20/m)
  expect(left.stdout).toContain("Jane\\u001b[31m Roe")
  expect((await audit("list", "--event-type", "claim")).stdout).not.toContain("Jane")
  expect((await audit("verify")).code).toBe(0)
})

test("restrict and lift, told and recorded; correct, with the value on standard input", async () => {
  await claims()
  const subject = "printf patient-1 | $SECUREML audit"
  const restricted = await shell(`${subject} restrict - --ground accuracy_contested --request-id r-3`)
  expect([restricted.code, restricted.stderr]).toEqual([0, ""])
  expect(restricted.stdout).toMatch(
    /^result +restricted\nheld +values in 2 events\nrestriction +\S+\nrecorded by +\S+\n$/,
  )
  expect((await audit("list", "--event-type", "claim")).stdout).not.toContain("Jane")
  const lifted = await shell(`${subject} lift - --reason accuracy_verified --notified-at 2026-11-24T10:00:00Z --json`)
  expect(JSON.parse(lifted.stdout)).toMatchObject({ result: "lifted", events: 2 })
  const { event_id: id } = (await getAuditLogs({ logDir: place.logDir, eventType: "claim" }))[0]!
  const right = JSON.stringify({ value: "Janet\u001b", subject: "patient-1" })
  const correct = `$SECUREML audit correct ${id} /details/who - --reason inaccurate`
  expect(await shell(`printf '%s' '${right}' | ${correct}`)).toMatchObject({ code: 0, stderr: "" })
  const show = (await audit("show", id)).stdout
  expect(show).toMatch(/corrections[\s\S]*"value": "Janet\\u001b"/)
  expect(show).not.toContain("\u001b")
  expect((await shell(`${subject} subject -`)).stdout).toMatch(/^ {2}corrected: \{.*"Janet/m)
  for (const input of ["", "{}", '{"value":1,"other":2}', "[1]"])
    expect(await shell(`printf '%s' '${input}' | ${correct}`)).toMatchObject({ code: 2 })
  expect(await shell(`printf '{"value":1}' | ${correct}`)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/subject must name the person/) as string,
  })
})

test.each([
  ["restrict - --ground because", /--ground/],
  ["restrict -", /--ground/],
  ["restrict patient-1 --ground other", /standard input/],
  ["lift - --reason other --notified-at soon", /notifiedAt/],
  ["hold add --subject patient-1 --reason a --authority b", /standard input/],
])("%s is wrong usage too", async (command, message) => {
  await claims()
  const { code, stderr } = await shell(`printf patient-1 | $SECUREML audit ${command}`)
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
})

test("a request id that names the person is refused: it would stay in the log", async () => {
  await claims()
  const { code, stderr } = await shell(
    "printf patient-1 | $SECUREML audit erase - --reason other --request-id for-patient-1",
  )
  expect([code, stderr]).toEqual([2, expect.stringMatching(/requestId/)])
})
