import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { childEnvironment } from "../children.ts"
import { usePlace } from "../place.ts"
import { notice } from "./mounts.ts"
import { readTrace, startTraced, straceMissing } from "./strace.ts"
import { checkSyncOrder, type SyncOrder } from "./sync-order.ts"

const place = usePlace()

/** A log and a state directory that are not there yet, and neither are the directories above them. */
function newPlace(): void {
  place.logDir = join(place.directory, "new", "deep", "log")
  place.stateDir = join(place.directory, "home", "state")
}

async function trace(
  code: string,
  inject: readonly string[] = [],
  extra: Record<string, string> = {},
): Promise<string> {
  const file = join(place.directory, "trace")
  const source = `import * as fs from "node:fs"
    const logDir = ${JSON.stringify(place.logDir)}
    const say = (...words) => fs.writeSync(1, words.join(" ") + "\\n")
    ${code}`
  const { code: exit, stderr } = await startTraced(source, childEnvironment(place.stateDir, extra), file, inject).ended
  expect([exit, stderr]).toEqual([0, ""])
  return readTrace(file)
}

function check(text: string): SyncOrder {
  return checkSyncOrder(text, place)
}

const EVERYTHING = `
  const audit = new AuditTrail("traced", { logDir, keepLarge: true })
  const first = audit.logEvent("step", { n: 0 }, { durability: "durable" })
  say("durable", first.eventId)
  const summarised = secureml.auditFunction(function work() { return "x" }, { logDir })
  await summarised("summarised with a digest")
  await Promise.all([1, 2, 3].map(async (n) => {
    const receipt = audit.logEvent("step", { n })
    await receipt.durable()
    say("durable", receipt.eventId)
  }))
  await audit.flush()
  say("sealed")
  for (let n = 0; n < 300; n++) audit.logEvent("step", { n })
  audit.logEvent("step", { large: "x".repeat(100_000) })
  const last = audit.logEvent("step", { n: 300 })
  await last.sealed()
  say("sealed")
  await last.durable()
  say("durable", last.eventId)
  await audit.close()
  say("sealed")`

/** The first sync of each thread fails, so the lines go to another file; twice, since two threads sync. */
const FAILING_SYNC = `
  const audit = new AuditTrail("traced", { logDir })
  say("durable", audit.logEvent("step", { n: 0 }, { durability: "durable" }).eventId)
  const receipts = [1, 2, 3].map((n) => audit.logEvent("step", { n }))
  await Promise.all(receipts.map(async (receipt) => {
    await receipt.durable()
    say("durable", receipt.eventId)
  }))
  await audit.close()
  say("sealed")
  // The next seal removes the segments that were left.
  const next = new AuditTrail("next", { logDir })
  await next.close()
  say("sealed")`

const GOING_ON = `
  const audit = new AuditTrail("traced", { logDir, durability: "durable" })
  say("durable", audit.logEvent("step", { n: 1 }).eventId)
  await audit.close()
  say("sealed")`

/** Each leaves one kind of sync out, or lets it fail, come late, or not be finished. */
const DOCTORED: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  [
    "no sync of the journal",
    without(/fdatasync\(\d+<\S+\.state\/journal\/[^ ]+>\)/),
    /called durable before bytes of .*journal/,
  ],
  [
    "a sync of the journal that fails",
    failing(/fdatasync\(\d+<\S+\.state\/journal\/[^ ]+>\)/),
    /called durable before bytes of .*journal/,
  ],
  [
    "a promise before the sync",
    early(/fdatasync\(\d+<\S+\.state\/journal\/[^ ]+>\)/),
    /called durable before bytes of .*journal/,
  ],
  [
    "a sync that is not finished",
    unfinished(/fdatasync\(\d+<\S+\.state\/journal\/[^ ]+>\)/),
    /called durable before bytes of .*journal/,
  ],
  [
    "no sync of the journal's directory",
    without(/fsync\(\d+<\S+\.state\/journal>\)/),
    /called durable before the name of .*journal\/[0-9a-f]/,
  ],
  [
    "no sync of the directory above it",
    without(/fsync\(\d+<\S+log\/\.state>\)/),
    /called durable before the name of .*\.state\/journal /,
  ],
  [
    "no sync of the log's parent",
    without(/fsync\(\d+<\S+\/new\/deep>\)/),
    /called durable before the name of .*deep\/log /,
  ],
  [
    "no sync above all new directories",
    without(/fsync\(\d+<\/[^/ ]+\/secureml-[^/ ]+>\)/),
    /called durable before the name of .*\/new /,
  ],
  [
    "no sync of a part",
    without(/fdatasync\(\d+<\S+\.state\/parts\/[^ ]+>\)/),
    /entry of event .* was written before bytes of .*parts/,
  ],
  [
    "no sync of a bundle",
    without(/fdatasync\(\d+<\S+tile\/entries\/[^ ]+>\)/),
    /tile\/entries\/\S+ got its name before its bytes/,
  ],
  [
    "no sync of a bundle's directory",
    without(/fsync\(\d+<\S+tile\/entries\/000\.p>\)/),
    /tree\.json was put in place before the name of .*entries\/000\.p\//,
  ],
  ["no sync of a tile", without(/fdatasync\(\d+<\S+tile\/\d+\/[^ ]+>\)/), /tile\/0\/\S+ got its name before its bytes/],
  [
    "no sync of a tile's directory",
    without(/fsync\(\d+<\S+tile\/0\/000\.p>\)/),
    /tree\.json was put in place before the name of .*tile\/0/,
  ],
  [
    "no sync of tree.json",
    without(/fdatasync\(\d+<\S+\.state\/\.tmp[^ ]+>\)/),
    /tree\.json got its name before its bytes/,
  ],
  [
    "no sync of its name",
    without(/fsync\(\d+<\S+log\/\.state>\)/),
    /signed\/\S+ was put in place before the name of .*tree\.json/,
  ],
  [
    "no sync of the signature",
    without(/fdatasync\(\d+<\S+signed\/\.tmp[^ ]+>\)/),
    /signed\/\S+ got its name before its bytes/,
  ],
  [
    "no sync of its name",
    without(/fsync\(\d+<\S+\/signed>\)/),
    /checkpoint was put in place before the name of .*signed\/\S+json/,
  ],
  [
    "no sync of the checkpoint",
    without(/fdatasync\(\d+<\S+deep\/log\/\.tmp[^ ]+>\)/),
    /checkpoint got its name before its bytes/,
  ],
  ["no sync of its name", without(/fsync\(\d+<\S+deep\/log>\)/), /a seal was promised before the name of .*checkpoint/],
  ["no sync of the key", without(/fdatasync\(\d+<\S+keys\/[^ ]+>\)/), /skey got its name before its bytes/],
  ["no sync of its name", without(/fsync\(\d+<\S+\/keys>\)/), /log\.json was put in place before the name of .*skey/],
  [
    "no sync of the payload store",
    without(/fsync\(\d+<\S+payloads\.sqlite>\)/),
    /parts\/\S+ was removed before bytes of .*payloads\.sqlite/,
  ],
]

function without(call: RegExp): (text: string) => string {
  return (text) => text.replaceAll(new RegExp(`^.*${call.source}.*\n`, "gm"), "")
}

function failing(call: RegExp): (text: string) => string {
  return (text) => text.replaceAll(new RegExp(`(${call.source}) = 0`, "g"), "$1 = -1 EIO (Input/output error)")
}

/** The promise that follows a call comes before it. */
function early(call: RegExp): (text: string) => string {
  return (text) =>
    text.replace(new RegExp(`(^.*${call.source} = 0\n)((?:.*\n)*?)(.*"durable [^"]*".*\n)`, "m"), "$3$1$2")
}

/** The first such call has its end behind everything else. */
function unfinished(call: RegExp): (text: string) => string {
  return (text) =>
    text.replaceAll(new RegExp(`^(\\d+) +(${call.source.slice(0, -2)})\\) = 0\n`, "gm"), "$1 $2 <unfinished ...>\n")
}

describe.skipIf(straceMissing !== undefined)(`the order of system calls${notice(straceMissing)}`, () => {
  test("in a new log, below new directories: nothing is promised before it survives power loss", {
    timeout: 120_000,
  }, async () => {
    newPlace()
    const text = await trace(EVERYTHING)
    const { violations, checked } = check(text)
    expect(violations).toEqual([])
    expect(checked).toMatchObject({ durable: 5, sealed: 9, checkpoint: 3, identity: 1, part: 1, "part removed": 2 })
    for (const [name, doctor, violation] of DOCTORED) {
      const doctored = doctor(text)
      expect(doctored, name).not.toBe(text)
      expect(check(doctored).violations, name).toContainEqual(expect.stringMatching(violation))
    }
  })

  test("with a key file of the user's choice", { timeout: 120_000 }, async () => {
    const keyFile = join(place.directory, "log.key")
    const text = await trace(GOING_ON, [], { SECUREML_SIGNING_KEY_FILE: keyFile })
    const { violations, checked } = checkSyncOrder(text, { ...place, keyFile })
    expect(violations).toEqual([])
    expect(checked).toMatchObject({ identity: 1, sealed: 3 })
  })

  test("in a log that was there before", { timeout: 120_000 }, async () => {
    await trace(GOING_ON)
    const text = await trace(GOING_ON)
    const { violations, checked } = check(text)
    expect(violations).toEqual([])
    expect(checked).toMatchObject({ durable: 1, sealed: 1, checkpoint: 1 })
    const unsynced = without(/fsync\(\d+<\S+\.state\/journal>\)/)(text)
    expect(check(unsynced).violations).toEqual([expect.stringMatching(/before the name of .*journal\/[0-9a-f]/)])
  })

  test("when a sync fails: lines are promised once they are written again and synced", {
    timeout: 120_000,
  }, async () => {
    const text = await trace(FAILING_SYNC, ["fdatasync:error=EIO:when=1"])
    const { violations, checked } = check(text)
    expect(violations).toEqual([])
    expect(checked["durable"]).toBe(4)
    expect(checked["journal removed"]).toBeGreaterThan(0)
    expect(text).toContain("(INJECTED)")
  })
})
