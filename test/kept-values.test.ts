import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { AuditTrail, getAuditLogs, getKeptValues, verifyAuditLog } from "../src/audit.ts"
import { recoverLog } from "../src/capture/index.ts"
import { LocalPayloads, openLogDirectory } from "../src/store/index.ts"
import { restart, usePlace } from "./place.ts"

const place = usePlace()
const big = { rows: Array.from({ length: 30_000 }, (_, n) => n), text: "ü".repeat(100_000) }

function open(): AuditTrail {
  return new AuditTrail("large", { logDir: place.logDir, keepLarge: true })
}

async function verdict(): Promise<{ verdict: string; codes: string[] }> {
  const { verdict, findings } = await verifyAuditLog({ logDir: place.logDir })
  return { verdict, codes: findings.map(({ code }) => code) }
}

const parts = (): string[] => fs.readdirSync(`${place.logDir}/.state/parts`)
const payloads = (): LocalPayloads => LocalPayloads.open(openLogDirectory(place.logDir, undefined), false)!

describe("values too large for an entry, kept beside the log", () => {
  test("are read back whole before and after sealing, and the entry holds a commitment", async () => {
    const audit = open()
    const { eventId, omitted } = audit.logModelInference({ modelId: "m", inputData: big, output: 1 })
    expect(omitted!.map(({ pointer }) => pointer)).toEqual(["/input_data/rows", "/input_data/text"])
    const expected = [
      { pointer: "/input_data/rows", state: "present", value: big.rows },
      { pointer: "/input_data/text", state: "present", value: big.text },
    ]
    expect(await getKeptValues({ logDir: place.logDir, eventId })).toEqual(expected)
    await audit.close()
    expect(parts()).toEqual([])
    expect(await getKeptValues({ logDir: place.logDir, eventId })).toEqual(expected)
    const [record] = await getAuditLogs({ logDir: place.logDir, eventType: "model_inference" })
    expect(record!.details.input_data).toMatchObject({ text: { $secureml: "kept", type: "string", bytes: 200_000 } })
    expect(await verdict()).toEqual({ verdict: "intact", codes: [] })
  })

  test("are redacted like everything else", async () => {
    const audit = open()
    const { eventId } = audit.logEvent("e", {
      log: `password=hunter2secret ${"x".repeat(90_000)}`,
      nested: { api_key: "abc" },
    })
    const [kept] = await getKeptValues({ logDir: place.logDir, eventId })
    expect(String(kept!.value)).not.toContain("hunter2secret")
  })

  test("that are missing or do not open their commitment damage the log's payloads, and only those", async () => {
    const audit = open()
    const { eventId } = audit.logEvent("e", { big: big.text })
    await audit.close()
    await restart(place)
    const store = payloads()
    const [payload] = store.ofEvent(eventId)
    expect(payload).toMatchObject({ pointer: "/big" })
    store.close()
    const file = `${place.logDir}/.state/payloads.sqlite`
    const whole = fs.readFileSync(file)
    fs.rmSync(file)
    expect(await verdict()).toEqual({ verdict: "payload_damaged", codes: ["payload_missing"] })
    expect((await getKeptValues({ logDir: place.logDir, eventId }))[0]!.state).toBe("missing")
    const forged = LocalPayloads.open(openLogDirectory(place.logDir, undefined), true)!
    forged.addAll([{ ...payload!, json: '"forged"' }], [])
    forged.close()
    expect(await verdict()).toEqual({ verdict: "payload_damaged", codes: ["payload_damaged"] })
    fs.writeFileSync(file, whole)
    expect((await verdict()).verdict).toBe("intact")
  })

  test("cannot be checked without the private state, which is said", async () => {
    const audit = open()
    audit.logEvent("e", { big: big.text })
    await audit.close()
    await restart(place)
    fs.rmSync(`${place.logDir}/.state`, { recursive: true })
    expect(await verdict()).toEqual({ verdict: "intact", codes: ["payloads_unchecked"] })
  })

  test("of a process that died are moved by the next one that seals", async () => {
    const audit = open()
    const { eventId } = audit.logEvent("e", { big: big.text })
    await restart(place)
    expect(parts().length).toBe(1)
    await new AuditTrail("later", { logDir: place.logDir }).close()
    const store = payloads()
    expect(store.ofEvent(eventId).length).toBe(1)
    store.close()
    expect((await verdict()).verdict).toBe("intact")
  })

  test("go with their log when it is set aside by a recovery", async () => {
    const audit = open()
    audit.logEvent("e", { big: big.text })
    await audit.close()
    await restart(place)
    fs.cpSync(place.logDir, `${place.directory}/backup`, { recursive: true })
    await open().close()
    await restart(place)
    fs.rmSync(place.logDir, { recursive: true })
    fs.renameSync(`${place.directory}/backup`, place.logDir)
    const publicKey = fs.readFileSync(`${place.logDir}/vkey`, "utf8").trim()
    const { predecessor } = await recoverLog({ logDir: place.logDir, reason: "restored" })
    expect((await verdict()).verdict).toBe("intact")
    process.env["SECUREML_STATE_DIR"] = `${place.directory}/auditor`
    expect((await verifyAuditLog({ logDir: predecessor!, publicKey })).verdict).toBe("intact")
  })

  test("leave their file private, and nothing of a small event", async () => {
    const audit = open()
    audit.logEvent("small", { n: 1 })
    await audit.flush()
    expect(fs.existsSync(`${place.logDir}/.state/payloads.sqlite`)).toBe(false)
    audit.logEvent("e", { big: big.text })
    await audit.close()
    expect(fs.statSync(`${place.logDir}/.state/payloads.sqlite`).mode & 0o777).toBe(0o600)
  })
})
