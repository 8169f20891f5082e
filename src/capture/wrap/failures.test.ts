import * as fs from "node:fs"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { AuditError } from "../../errors.ts"
import { currentAuditTrail, withAuditTrail } from "../current.ts"
import type { FailedEvent } from "../options.ts"
import { auditFunction } from "./index.ts"

let log: TemporaryLog
const warnings: (Error & { code?: string })[] = []
const listen = (warning: Error): void => {
  if (warning.name === "SecuremlWarning") warnings.push(warning)
}
beforeEach(() => {
  log = temporaryLog()
  warnings.length = 0
  process.on("warning", listen)
})
afterEach(async () => {
  process.removeListener("warning", listen)
  await log.remove()
})

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** No directory can be made where a file is. */
function blockLogDir(): void {
  fs.rmSync(log.logDir, { recursive: true, force: true })
  fs.writeFileSync(log.logDir, "")
}

/** After a pause the writer looks whether its file still has a name, and then cannot make another one. */
const PAUSE_MS = 1_100
const pause = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)

function runsOf(): { readonly runs: () => number; readonly run: () => string } {
  let runs = 0
  return { runs: () => runs, run: () => `run ${++runs}` }
}

describe("a call that cannot be recorded", () => {
  test("throws and does not run", () => {
    const { runs, run } = runsOf()
    const audited = auditFunction(run)
    blockLogDir()
    expect(() => audited()).toThrow(expect.objectContaining({ code: "LOG_DIR_NOT_WRITABLE" }))
    expect(runs()).toBe(0)
  })

  test("does not run after calls that could be recorded either", () => {
    const { runs, run } = runsOf()
    const audited = auditFunction(run)
    audited()
    blockLogDir()
    expect(() => audited()).toThrow(AuditError)
    expect(runs()).toBe(1)
  })

  test("rejects when the function is declared async, and throws when it only gives a promise", async () => {
    const { runs, run } = runsOf()
    const declared = auditFunction(async function declared() {
      return run()
    })
    const promising = auditFunction(function promising() {
      return Promise.resolve(run())
    })
    blockLogDir()
    await expect(declared()).rejects.toBeInstanceOf(AuditError)
    expect(() => promising()).toThrow(AuditError)
    expect(
      () =>
        new (auditFunction(
          class Model {
            made = run()
          },
        ))(),
    ).toThrow(AuditError)
    expect(runs()).toBe(0)
  })

  test("runs unaudited where a callback is told, also one of the trail around it", async () => {
    const told: FailedEvent[] = []
    const onWriteError = (_: Error, event: FailedEvent): void => void told.push(event)
    const { runs, run } = runsOf()
    const own = auditFunction(run, { operationName: "own", onWriteError })
    const inner = auditFunction(run, { operationName: "inner", logDir: `${log.logDir}/file/x` })
    await withAuditTrail("outer", { onWriteError }, () => {
      fs.writeFileSync(`${log.logDir}/file`, "")
      return inner()
    })
    blockLogDir()
    expect(own()).toBe("run 2")
    expect(runs()).toBe(2)
    expect(told.map(({ eventType, operationName }) => ({ eventType, operationName }))).toEqual([
      { eventType: "audit_started", operationName: "inner" },
      { eventType: "audit_started", operationName: "own" },
    ])
  })

  test("a callback that throws does not keep the function from running", async () => {
    const { run } = runsOf()
    const audited = auditFunction(run, {
      onWriteError: () => {
        throw new Error("no")
      },
    })
    blockLogDir()
    expect(audited()).toBe("run 1")
    await nextTurn()
    expect(warnings.map(({ code }) => code)).toEqual(["ON_WRITE_ERROR_THREW"])
  })
})

describe("a call whose end cannot be recorded", () => {
  const failure = new Error("its own")
  const rows = [
    { name: "returns", run: () => 7, expected: 7 },
    {
      name: "throws",
      run: () => {
        throw failure
      },
      expected: failure,
    },
    { name: "is fulfilled", run: async () => 7, expected: 7 },
    { name: "is rejected", run: () => Promise.reject(failure), expected: failure },
  ] as const
  for (const { name, run, expected } of rows) {
    test(`${name} as if nothing were, and one warning is given`, async () => {
      const audited = auditFunction({ operationName: "late" })((): unknown => {
        blockLogDir()
        pause()
        return run()
      })
      let outcome: unknown
      try {
        outcome = await audited()
      } catch (error) {
        outcome = error
      }
      await nextTurn()
      expect(outcome).toBe(expected)
      expect(warnings.filter(({ code }) => code === "RECORD_FAILED")).toHaveLength(1)
    })
  }

  test("tells the callback instead, where there is one", async () => {
    const told: string[] = []
    const audited = auditFunction(
      function late() {
        blockLogDir()
        pause()
        return 7
      },
      { onWriteError: (_, { eventType }) => void told.push(eventType) },
    )
    expect(audited()).toBe(7)
    await nextTurn()
    expect(told).toEqual(["function_return", "audit_closed"])
    expect(warnings.filter(({ code }) => code === "RECORD_FAILED")).toEqual([])
  })
})

describe("a trail that opens, but cannot record the call", () => {
  const block = (value: unknown): unknown => {
    if (value !== "block") return value
    blockLogDir()
    pause()
    return value
  }

  test("throws and does not run", () => {
    const { runs, run } = runsOf()
    const audited = auditFunction((_: string) => run(), { operationName: "blocked", capture: "full", redact: [block] })
    expect(() => audited("block")).toThrow(expect.objectContaining({ code: "RECORD_FAILED" }))
    expect(runs()).toBe(0)
    expect(currentAuditTrail()).toBeUndefined()
  })

  test("runs where a callback is told", () => {
    const told: string[] = []
    const { run } = runsOf()
    const onWriteError = (_: Error, { eventType }: FailedEvent): void => void told.push(eventType)
    const options = { operationName: "blocked", capture: "full", redact: [block], onWriteError } as const
    expect(auditFunction((_: string) => run(), options)("block")).toBe("run 1")
    expect(told[0]).toBe("function_call")
  })
})

describe("a digest secret that cannot be had", () => {
  test("costs the summaries their digests and gives one warning, no call", async () => {
    fs.writeFileSync(log.stateDir, "")
    const { run } = runsOf()
    const audited = auditFunction((_: string) => run(), { operationName: "undigested" })
    expect([audited("some text"), audited("some text")]).toEqual(["run 1", "run 2"])
    await nextTurn()
    expect(await log.detailsOf("function_call")).toMatchObject({ arguments: [{ type: "string", length: 9 }] })
    expect(log.bytes()).not.toContain('"digest"')
    expect(warnings.filter(({ code }) => code === "DIGEST_UNAVAILABLE")).toHaveLength(1)
  })
})
