import { AsyncLocalStorage } from "node:async_hooks"
import { createContext, runInContext } from "node:vm"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { currentAuditTrail } from "../current.ts"
import { auditFunction } from "./index.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

const BEGUN = ["audit_started", "function_call"]
const WHOLE = [...BEGUN, "function_return", "audit_closed"]
const FAILED = [...BEGUN, "error", "audit_closed"]
const failure = new Error("it failed")

class Subclass<T> extends Promise<T> {
  readonly label = "kept"
}
/** Runs when it is asked to, like a query builder, and counts how often. */
class Query {
  runs = 0
  readonly #work: () => Promise<unknown>
  constructor(work: () => Promise<unknown>) {
    this.#work = work
  }
  then<A = unknown, B = never>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.runs++
    return this.#work().then(onFulfilled, onRejected)
  }
  catch<B>(onRejected: (error: unknown) => B): Promise<unknown> {
    this.runs++
    return this.#work().catch(onRejected)
  }
  finally(onSettled: () => void): Promise<unknown> {
    this.runs++
    return this.#work().finally(onSettled)
  }
}

const foreign = runInContext("[(v) => Promise.resolve(v), (e) => Promise.reject(e)]", createContext({})) as [
  (value: unknown) => Promise<unknown>,
  (error: unknown) => Promise<unknown>,
]
const kinds: readonly { readonly name: string; readonly give: (fail: boolean) => PromiseLike<unknown> }[] = [
  {
    name: "an async function",
    give: async (fail) => {
      if (fail) throw failure
      return 7
    },
  },
  { name: "a promise", give: (fail) => (fail ? Promise.reject(failure) : Promise.resolve(7)) },
  { name: "a subclass of Promise", give: (fail) => (fail ? Subclass.reject(failure) : Subclass.resolve(7)) },
  { name: "a promise of another realm", give: (fail) => foreign[fail ? 1 : 0](fail ? failure : 7) },
  { name: "a lazy thenable", give: (fail) => new Query(() => (fail ? Promise.reject(failure) : Promise.resolve(7))) },
]

describe("promises and thenables", () => {
  for (const { name, give } of kinds) {
    test(`${name} is recorded when it is fulfilled`, async () => {
      const pending = auditFunction(function gives() {
        return give(false)
      })()
      expect(await log.typesOf("gives").then((types) => types.slice(0, 2))).toEqual(BEGUN)
      expect(await pending).toBe(7)
      expect(await log.typesOf("gives")).toEqual(WHOLE)
      expect((await log.detailsOf("function_return"))["result"]).toEqual({ type: "number" })
    })

    test(`${name} is recorded when it is rejected, with the same error`, async () => {
      const caught = await Promise.resolve(
        auditFunction(function gives() {
          return give(true)
        })(),
      ).catch((error: unknown) => error)
      expect(caught).toBe(failure)
      expect(await log.typesOf("gives")).toEqual(FAILED)
    })

    test(`${name} that is rejected and handled gives no unhandled rejection, else one`, async () => {
      const gives = auditFunction(function gives() {
        return give(true)
      })
      const unhandled = await unhandledDuring(async () => {
        await Promise.resolve(gives()).catch(() => undefined)
        await Promise.allSettled([gives(), gives()])
      })
      expect(unhandled).toEqual([])
      const ignored = name === "a lazy thenable" ? [] : [failure]
      expect(
        await unhandledDuring(async () => {
          gives()
        }),
      ).toEqual(ignored)
    })
  }

  test("nothing is recorded before it settles", async () => {
    let settle: (value: number) => void = () => undefined
    const slow = auditFunction(function slow() {
      return new Promise<number>((resolve) => {
        settle = resolve
      })
    })
    const pending = slow()
    expect(await log.typesOf("slow")).toEqual(BEGUN)
    settle(1)
    await pending
    expect(await log.typesOf("slow")).toEqual(WHOLE)
  })

  test("own properties of a promise stay, and a subclass stays the same object", async () => {
    const cancel = (): string => "cancelled"
    const plain = auditFunction(function plain() {
      return Object.assign(Promise.resolve(1), { cancel })
    })()
    expect(plain.cancel()).toBe("cancelled")
    const made = Subclass.resolve(1) as Subclass<number>
    const kept = auditFunction(function kept() {
      return made
    })()
    expect(kept).toBe(made)
    expect(kept.label).toBe("kept")
    await Promise.all([plain, kept])
  })

  test("a subclass that nobody awaits is recorded all the same", async () => {
    auditFunction(function alone() {
      return Subclass.resolve(1)
    })()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await log.typesOf("alone")).toEqual(WHOLE)
  })
})

describe("lazy thenables", () => {
  test("run only when awaited, as often as awaited, and stay the same object", async () => {
    const query = new Query(async () => currentAuditTrail()?.operationName)
    const find = auditFunction(function find() {
      return query
    })
    expect(find()).toBe(query)
    await new Promise((resolve) => setImmediate(resolve))
    expect(query.runs).toBe(0)
    expect(await log.typesOf("find")).toEqual(BEGUN)
    expect(await query).toBe("find")
    expect(query.runs).toBe(1)
    expect(await log.typesOf("find")).toEqual(WHOLE)
    expect(await query).toBeUndefined()
    expect(query.runs).toBe(2)
    expect(await log.typesOf("find")).toEqual(WHOLE)
  })

  const shortcuts: readonly {
    readonly name: string
    readonly fail: boolean
    readonly use: (query: Query) => Promise<unknown>
  }[] = [
    { name: "catch, fulfilled", fail: false, use: (query) => query.catch(() => "handled") },
    { name: "catch, rejected", fail: true, use: (query) => query.catch(() => "handled") },
    { name: "finally, fulfilled", fail: false, use: (query) => query.finally(() => undefined) },
    { name: "finally, rejected", fail: true, use: (query) => query.finally(() => undefined).catch(() => "handled") },
  ]
  for (const { name, fail, use } of shortcuts) {
    test(`${name}, is recorded without a second run`, async () => {
      const query = new Query(() => (fail ? Promise.reject(failure) : Promise.resolve(7)))
      expect(
        await use(
          auditFunction(function find() {
            return query
          })(),
        ),
      ).toBe(fail ? "handled" : 7)
      expect(query.runs).toBe(1)
      expect(await log.typesOf("find")).toEqual(fail ? FAILED : WHOLE)
    })
  }

  test("handlers run in the context of whoever gave them", async () => {
    const own = new AsyncLocalStorage<string>()
    const find = auditFunction(function find() {
      return new Query(async () => 1)
    })
    const seen = await own.run("mine", () => find().then(() => [own.getStore(), currentAuditTrail()]))
    expect(seen).toEqual(["mine", undefined])
  })
})

async function unhandledDuring(run: () => Promise<void>): Promise<unknown[]> {
  const reasons: unknown[] = []
  const listener = (reason: unknown): void => {
    reasons.push(reason)
  }
  const others = process.listeners("unhandledRejection")
  process.removeAllListeners("unhandledRejection")
  process.on("unhandledRejection", listener)
  await run()
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
  process.removeListener("unhandledRejection", listener)
  for (const other of others) process.on("unhandledRejection", other)
  return reasons
}
