/**
 * Erasing a person: what is gone, what stays, and what brings it back.
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import {
  AuditTrail,
  eraseSubject,
  getAuditLogs,
  personal,
  proveEvent,
  queryAuditLogs,
  subjectReport,
  verifyAuditLog,
} from "../src/audit.ts"
import { sealLog } from "../src/capture/index.ts"
import { closeLedgersUnder, Ledger, PayloadReader } from "../src/ledger/index.ts"
import { opensCommitment, openValues, type PersonalValue } from "../src/privacy/index.ts"
import { findLogDirectory, LocalKeyVault } from "../src/store/index.ts"
import { verifyProof } from "../src/verify.ts"
import { childEnvironment, startModule } from "./children.ts"
import { keepCopy, putBack, startArmed } from "./faults/armed.ts"
import { usePlace } from "./place.ts"

const place = usePlace()
const X = "x.person+erase@example.org"
/** The short form takes every so many operations, from a random one on; the long one takes all. */
const STEP = Number(process.env["SECUREML_TEST_SWEEP_STEP"] ?? 29)

/** Every byte of what the product keeps, by file. */
function files(): Map<string, Buffer> {
  const paths = [place.logDir, place.stateDir].flatMap((directory) =>
    fs.readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name))),
  )
  return new Map(paths.filter((path) => fs.statSync(path).isFile()).map((path) => [path, fs.readFileSync(path)]))
}

/** How a text could be spelt in a file: as it is, in JSON, hex, base64 at any of three places, and as a plain digest. */
function spellings(text: string): Buffer[] {
  const hex = Buffer.from(text).toString("hex")
  const base64 = [0, 1, 2].map((shift) =>
    // Without the characters that depend on what stands before and behind.
    Buffer.from(`${"x".repeat(shift)}${text}`)
      .toString("base64")
      .slice(shift === 0 ? 0 : shift + 1, -4),
  )
  const digest = createHash("sha256").update(text).digest()
  const digests = [digest, ...["hex", "base64", "base64url"].map((code) => Buffer.from(digest.toString(code as "hex")))]
  const escaped = [...text].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")
  const texts = [text, JSON.stringify(text).slice(1, -1), escaped, hex, hex.toUpperCase(), ...base64]
  return [...texts.map((one) => Buffer.from(one)), ...digests]
}

/** The files in which a text stands, however it is spelt. */
function filesWith(texts: readonly string[]): string[] {
  const sought = texts.flatMap(spellings)
  return [...files()].filter(([, bytes]) => sought.some((one) => bytes.includes(one))).map(([path]) => path)
}

test("of 1,000 events 200 lose their person while others write and read: nothing is left, all proofs check", {
  timeout: 120_000,
}, async () => {
  const { logDir } = place
  const trail = new AuditTrail("scoring", { logDir, fileLogging: true })
  const secrets = [X]
  for (let n = 0; n < 1_000; n++) {
    const isX = n % 5 === 0
    const value = isX ? `secret-of-x-${n}-${"q".repeat(n % 40)}` : `value of other ${n}`
    if (isX) secrets.push(value)
    trail.logModelInference(
      { modelId: "m1", inputData: { value }, output: { n } },
      { subjects: [isX ? X : `other-${n % 7}`] },
    )
    if (n === 500) await trail.flush()
  }
  expect(filesWith(secrets)).toEqual([])
  const before = await subjectReport({ logDir, subject: X })
  expect([before.records.length, before.values]).toEqual([200, 400])
  const encrypted = await encryptedOf(before.records)
  expect(encrypted).toHaveLength(200)
  const other = startModule(
    `
    const { personal } = secureml
    const logDir = ${JSON.stringify(logDir)}
    const trail = new AuditTrail("beside", { logDir })
    for (let n = 0; ; n++) {
      trail.logEvent("step", { n, who: personal("beside " + n, { subject: "other-1" }) })
      if (n % 50 === 0) await getAuditLogs({ logDir, eventType: "model_inference" })
      console.log(n)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }`,
    childEnvironment(place.stateDir),
  )
  while (!other.stdout().includes("\n")) await new Promise((resolve) => setTimeout(resolve, 20))
  const readBefore = other.stdout().length
  const report = await eraseSubject({ logDir, subject: X, reason: "consumer_request", requestId: "r-7" })
  expect(report).toMatchObject({ result: "erased", values: 400, events: 200 })
  other.process.kill("SIGKILL")
  expect((await other.ended).stderr).toBe("")
  // It wrote and read meanwhile.
  expect(other.stdout().length).toBeGreaterThan(readBefore)
  await trail.flush()
  expect(filesWith(secrets)).toEqual([])
  expect(await verifyAuditLog({ logDir })).toMatchObject({
    verdict: "intact",
    personalValues: { erased: 400, missing: 0, damaged: 0, withheld: 0 },
  })
  for (const { index, details } of await getAuditLogs({ logDir, eventType: "model_inference" })) {
    const { input_data, output } = details as { input_data: { value?: string; state?: string }; output: unknown }
    if (index! % 100 === 0) {
      const { proof, entry } = await proveEvent({ logDir, index: index! })
      const vkey = fs.readFileSync(`${logDir}/vkey`, "utf8").trim()
      await expect(verifyProof(proof, entry, vkey)).resolves.toBeDefined()
    }
    if (input_data.state === "erased") expect(output).toMatchObject({ state: "erased", by: report.completedBy })
    else expect(input_data.value).toMatch(/^value of other/)
  }
  const now = Buffer.concat([...files().values()])
  for (const data of encrypted) expect(now.includes(data) || now.includes(data.toString("base64"))).toBe(false)
  expect(await eraseSubject({ logDir, subject: X, reason: "other" })).toMatchObject({ result: "nothing_held" })
  await trail.close()
})

/** What is kept of some records, as it is encrypted. */
async function encryptedOf(records: readonly { readonly event_id: string }[]): Promise<Buffer[]> {
  const reader = await PayloadReader.open(findLogDirectory(place.logDir)!)
  try {
    return records.flatMap(({ event_id }) => reader.sealedOf(event_id).map(({ data }) => Buffer.from(data)))
  } finally {
    reader.close()
  }
}

test("killed at any file operation and run again, an erasure ends the same", { timeout: 900_000 }, async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  for (let n = 0; n < 40; n++)
    trail.logEvent("step", { n, who: personal(`hidden-${n % 2}-${n}`, { subject: n % 2 === 0 ? X : "other" }) })
  await trail.flush()
  for (let n = 40; n < 44; n++) trail.logEvent("step", { n, who: personal(`hidden-0-${n}`, { subject: X }) })
  await closeLedgersUnder(place.directory)
  keepCopy(place)
  const code = `globalThis.armed = true
    await eraseSubject({ logDir, subject: ${JSON.stringify(X)}, reason: "objection" })
    console.log("through")
    process.exit(0)`
  for (let killAt = 1 + Math.floor(Math.random() * STEP); ; killAt += STEP) {
    putBack(place)
    const { signal } = await startArmed(place, code, { at: killAt }).ended
    const between = await verifyAuditLog({ logDir })
    expect(["intact", "unsealed_tail", "torn_tail"], `killed at ${killAt}`).toContain(between.verdict)
    const again = await startArmed(place, code, { at: 0 }).ended
    expect([again.code, again.stderr], `killed at ${killAt}`).toEqual([0, ""])
    expect(filesWith([X, "hidden-0-2", "hidden-0-42"]), `killed at ${killAt}`).toEqual([])
    const { verdict, personalValues } = await verifyAuditLog({ logDir })
    expect([verdict, personalValues], `killed at ${killAt}`).toEqual([
      "intact",
      { present: 20, restricted: 0, withheld: 0, erased: 24, expired: 0, missing: 0, damaged: 0 },
    ])
    if (signal === null) return expect(killAt).toBeGreaterThan(40)
  }
})

test.each(["log/.state/payloads.sqlite", "log/.state", "state/vaults"])(
  "%s restored from before an erasure is cleaned by the next process that seals",
  async (restored) => {
    const { logDir } = place
    const trail = new AuditTrail("base", { logDir })
    for (let n = 0; n < 20; n++)
      trail.logEvent("step", { n, who: personal(`hidden-${n}`, { subject: n < 10 ? X : "other" }) })
    await trail.flush()
    const encrypted = await encryptedOf((await subjectReport({ logDir, subject: X })).records)
    expect(encrypted).toHaveLength(10)
    await closeLedgersUnder(place.directory)
    keepCopy(place)
    const { completedBy } = await eraseSubject({ logDir, subject: X, reason: "objection" })
    await closeLedgersUnder(place.directory)
    fs.rmSync(join(place.directory, restored), { recursive: true })
    fs.cpSync(join(place.directory, restored.replace(/^(log|state)/, "$1-before")), join(place.directory, restored), {
      recursive: true,
    })
    const next = await startArmed(place, `await new AuditTrail("next", { logDir }).close()\nprocess.exit(0)`, { at: 0 })
      .ended
    // Without the rest of what was restored that is a log rolled back: it is cleaned all the same.
    if (restored !== "log/.state") expect(next.code, next.stderr).toBe(0)
    const now = Buffer.concat([...files().values()])
    for (const data of encrypted) expect(now.includes(data) || now.includes(data.toString("base64"))).toBe(false)
    const records = await getAuditLogs({ logDir, eventType: "step" })
    for (const { details } of records.slice(0, 10)) expect(details["who"]).toMatchObject({ state: "erased" })
    for (const { details } of records.slice(10)) expect(details["who"]).toMatch(/^hidden-/)
    expect((await subjectReport({ logDir, subject: X })).records).toEqual([])
    expect(completedBy).toBeDefined()
  },
)

test("what waits in a file of another process that goes on is overwritten there", async () => {
  const { logDir } = place
  const other = startModule(
    `
    const trail = new AuditTrail("beside", { logDir: ${JSON.stringify(logDir)} })
    for (let n = 0; n < 20; n++)
      trail.logEvent("step", { n, who: secureml.personal("hidden-" + n, { subject: n % 2 ? "other" : ${JSON.stringify(X)} }) })
    console.log("there")
    setInterval(() => undefined, 1_000)`,
    childEnvironment(place.stateDir),
  )
  while (!other.stdout().includes("there")) await new Promise((resolve) => setTimeout(resolve, 5))
  // Before it seals by itself: then its part would be moved, and its file removed.
  other.process.kill("SIGSTOP")
  await sealLog({ logDir })
  const encrypted = await encryptedOf((await subjectReport({ logDir, subject: X })).records)
  const kept = (await encryptedOf((await subjectReport({ logDir, subject: "other" })).records))[0]!
  const parts = () => files().get(join(logDir, ".state/parts", fs.readdirSync(join(logDir, ".state/parts"))[0]!))!
  // Both where it waits and where it was moved to.
  expect(new Set(encrypted.map((data) => data.toString("base64"))).size).toBe(10)
  for (const data of [...encrypted, kept]) expect(parts().includes(data.toString("base64"))).toBe(true)
  await eraseSubject({ logDir, subject: X, reason: "objection" })
  for (const data of encrypted) expect(parts().includes(data.toString("base64"))).toBe(false)
  expect(parts().includes(kept.toString("base64"))).toBe(true)
  other.process.kill("SIGCONT")
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  other.process.kill("SIGKILL")
  await other.ended
  expect(await verifyAuditLog({ logDir })).toMatchObject({
    verdict: "intact",
    personalValues: { present: 10, erased: 10, missing: 0 },
  })
})

test("vault and private state restored from before an erasure one after the other stay clean", async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  trail.logEvent("step", { who: personal("hidden-1", { subject: X }) })
  await trail.flush()
  await closeLedgersUnder(place.directory)
  keepCopy(place)
  const { completedBy: by } = await eraseSubject({ logDir, subject: X, reason: "objection" })
  for (const [name, before] of [
    ["state/vaults", "state-before/vaults"],
    ["log/.state/erasures", undefined],
    ["log/.state/payloads.sqlite", "log-before/.state/payloads.sqlite"],
  ] as const) {
    await closeLedgersUnder(place.directory)
    fs.rmSync(join(place.directory, name), { recursive: true })
    if (before !== undefined) fs.cpSync(join(place.directory, before), join(place.directory, name), { recursive: true })
    await new AuditTrail("next", { logDir }).close()
    const [record] = await getAuditLogs({ logDir, eventType: "step" })
    expect([name, record!.details["who"]]).toMatchObject([name, { state: "erased", by }])
  }
  expect((await subjectReport({ logDir, subject: X })).records).toEqual([])
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
})

test("a commitment opens for its value alone, and the whole private state without the vault says nothing", async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  const names = Array.from({ length: 50 }, (_, n) => `name-${"ab".repeat(n % 12)}-${n}`)
  for (const name of names) trail.logEvent("step", { who: personal(name, { subject: `person-${name}` }) })
  await trail.close()
  const all = Buffer.concat([...files()].filter(([path]) => !path.includes("vaults")).map(([, bytes]) => bytes))
  for (const name of names) {
    for (const text of [name, `person-${name}`, JSON.stringify(name)])
      for (const spelt of spellings(text)) expect(all.includes(spelt)).toBe(false)
  }
  const reader = await PayloadReader.open(findLogDirectory(logDir)!)
  const vault = LocalKeyVault.ofLog(findLogDirectory(logDir)!, place.stateDir, undefined, false)!
  const { entries } = await queryAuditLogs({ logDir, eventType: "step", proofs: true })
  for (const [n, text] of entries!.entries()) {
    const { event_id: eventId, details } = JSON.parse(text)
    const [opened] = reader.sealedOf(eventId).map((part) => openValues(part, (id) => vault.key(id)))
    const { salt, pointer } = (opened as PersonalValue[])[0]!
    // Even with the salt it opens for its own value alone, in its own place.
    const opens = names.filter((name) =>
      opensCommitment(details.who.commitment, salt, {
        eventId,
        pointer,
        json: JSON.stringify(name),
      }),
    )
    expect(opens).toEqual([names[n]])
  }
  reader.close()
  vault.close()
  fs.renameSync(join(place.stateDir, "vaults"), join(place.directory, "vault-elsewhere"))
  await closeLedgersUnder(place.directory)
  const records = await getAuditLogs({ logDir, eventType: "step" })
  for (const { details } of records) expect(details["who"]).toMatchObject({ state: "withheld" })
  expect(await verifyAuditLog({ logDir })).toMatchObject({ verdict: "intact", personalValues: { withheld: 50 } })
  const again = new AuditTrail("again", { logDir })
  expect(() => again.logEvent("step", { who: personal("new", { subject: "p" }) })).toThrow(/VAULT|vault/)
  await expect(subjectReport({ logDir, subject: "p" })).rejects.toMatchObject({ code: "VAULT_MISSING" })
  await expect(eraseSubject({ logDir, subject: "p", reason: "other" })).rejects.toMatchObject({ code: "VAULT_MISSING" })
  expect(fs.existsSync(join(place.stateDir, "vaults"))).toBe(false)
})

test("lengths of short values do not tell them apart", async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  for (let length = 0; length <= 62; length++)
    trail.logEvent("step", { who: personal("x".repeat(length), { subject: "p" }) })
  const parts = fs
    .readdirSync(join(logDir, ".state/parts"))
    .map((name) => fs.readFileSync(join(logDir, ".state/parts", name)))
  const sizes = Buffer.concat(parts)
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\S+ \d+ /, "").length)
  expect(new Set(sizes).size).toBe(1)
  await trail.close()
})

test("a value that belongs to several goes with any of them, and several without saying so are refused", async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  expect(() => personal("both", { subject: ["a", "b"] })).toThrow(TypeError)
  const inference = { modelId: "m", inputData: "both", output: 1 }
  expect(() => trail.logModelInference(inference, { subjects: ["a", "b"] })).toThrow(TypeError)
  expect(() => trail.logEvent("step", { a: 1 }, { subjects: ["a"], personal: ["b"] })).toThrow(/nothing at b/)
  expect(() => trail.logEvent("step", { a: personal({ b: personal(1, { subject: "b" }) }, { subject: "a" }) })).toThrow(
    /inside another/,
  )
  trail.logEvent("step", { who: personal("of both", { subject: ["a", "b"], joint: "any" }) })
  await trail.flush()
  expect((await getAuditLogs({ logDir, subject: "b" })).map(({ details }) => details)).toEqual([{ who: "of both" }])
  await eraseSubject({ logDir, subject: "b", reason: "other" })
  expect((await getAuditLogs({ logDir, eventType: "step" }))[0]!.details["who"]).toMatchObject({ state: "erased" })
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
  // No number was taken by what was refused.
  expect((await getAuditLogs({ logDir, operationId: trail.operationId })).map(({ sequence }) => sequence)).toEqual([
    0, 1,
  ])
  await trail.close()
})

test("what is recorded while an erasure goes on has another key, and stays", async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  trail.logEvent("step", { who: personal("hidden-early", { subject: X }) })
  const keep = Ledger.prototype.keepList
  const spy = vi.spyOn(Ledger.prototype, "keepList").mockImplementation(function (this: Ledger, form, list) {
    trail.logEvent("step", { who: personal("hidden-late", { subject: X }) })
    return keep.call(this, form, list)
  })
  const { completedBy, values } = await eraseSubject({ logDir, subject: X, reason: "objection" })
  spy.mockRestore()
  const [first, ...later] = await getAuditLogs({ logDir, eventType: "step" })
  expect([values, first!.details["who"]]).toMatchObject([1, { state: "erased", by: completedBy }])
  expect(later.length).toBeGreaterThan(1)
  for (const { details } of later) expect(details["who"]).toBe("hidden-late")
  expect(filesWith([X, "hidden-early"])).toEqual([])
  await trail.flush()
  expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
  expect((await eraseSubject({ logDir, subject: X, reason: "objection" })).values).toBe(later.length)
  await trail.close()
})

test.each(["while its part waits", "once its part was to move"])(
  "what a writer that was stopped in its call adds under a destroyed key goes too, %s",
  async (when) => {
    const { logDir } = place
    const trail = new AuditTrail("base", { logDir })
    trail.logEvent("step", { who: personal("hidden-0", { subject: X }) })
    await trail.flush()
    const state = join(place.stateDir)
    const vault = LocalKeyVault.ofLog(findLogDirectory(logDir)!, state, undefined, false)!
    const stale = vault.keysOf(X)[0]!
    vault.close()
    await eraseSubject({ logDir, subject: X, reason: "objection" })
    // The key as that writer remembers it.
    const spy = vi.spyOn(LocalKeyVault.prototype, "keyFor").mockReturnValue(stale)
    const { eventId } = trail.logEvent("step", { who: personal("hidden-1", { subject: X }) })
    spy.mockRestore()
    const [encrypted] = await encryptedOf([{ event_id: eventId }])
    if (when === "while its part waits") await eraseSubject({ logDir, subject: "nobody", reason: "other" })
    await trail.flush()
    const now = Buffer.concat([...files().values()])
    expect(now.includes(encrypted!) || now.includes(encrypted!.toString("base64"))).toBe(false)
    const records = await getAuditLogs({ logDir, eventType: "step" })
    for (const { details } of records) expect(details["who"]).toMatchObject({ state: "erased" })
    expect((await verifyAuditLog({ logDir })).verdict).toBe("intact")
    await trail.close()
  },
)

test("values that are gone without an event that says so damage the log's payloads", async () => {
  const { logDir } = place
  const trail = new AuditTrail("base", { logDir })
  trail.logEvent("step", { who: personal("gone", { subject: "p" }) })
  await trail.close()
  await closeLedgersUnder(place.directory)
  fs.rmSync(join(logDir, ".state/payloads.sqlite"))
  expect((await verifyAuditLog({ logDir })).verdict).toBe("payload_damaged")
  const id = "00000000-0000-4000-8000-000000000000"
  fs.mkdirSync(join(logDir, ".state/erasures"), { mode: 0o700 })
  const event = (await getAuditLogs({ logDir, eventType: "step" }))[0]!.event_id
  const forged = { v: 1, keys: [], values: { [event]: null }, late: [], request: { salt: "" }, completed_by: event }
  fs.writeFileSync(join(logDir, `.state/erasures/${id}.json`), JSON.stringify(forged), { mode: 0o600 })
  expect(await verifyAuditLog({ logDir })).toMatchObject({ verdict: "payload_damaged" })
})
