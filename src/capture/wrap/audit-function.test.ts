import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { currentAuditTrail, withAuditTrail } from "../current.ts"
import { auditFunction } from "./index.ts"

let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

const WHOLE = ["audit_started", "function_call", "function_return", "audit_closed"]
const FAILED = ["audit_started", "function_call", "error", "audit_closed"]

describe("what is recorded", () => {
  test("a call gives four events", async () => {
    const add = auditFunction(function add(a: number, b: number) {
      return a + b
    })
    expect(add(2, 3)).toBe(5)
    expect(await log.typesOf("add")).toEqual(WHOLE)
    expect(await log.detailsOf("function_call")).toEqual({
      function: "add",
      arguments: [{ type: "number" }, { type: "number" }],
    })
    const { status, execution_time, result } = await log.detailsOf("function_return")
    expect({ status, result }).toEqual({ status: "success", result: { type: "number" } })
    expect(execution_time).toBeGreaterThanOrEqual(0)
    expect(execution_time).toBeLessThan(1)
    expect((await log.detailsOf("audit_closed"))["status"]).toBe("completed")
  })

  const thrown: readonly {
    readonly name: string
    readonly value: unknown
    readonly type: string
    readonly message: string
  }[] = [
    { name: "a RangeError", value: new RangeError("too far"), type: "RangeError", message: "too far" },
    { name: "a string", value: "no", type: "string", message: "no" },
    { name: "undefined", value: undefined, type: "undefined", message: "a value of type undefined was thrown" },
    { name: "an object", value: { code: 1 }, type: "object", message: "a value of type object was thrown" },
    { name: "an empty Error", value: new Error(), type: "Error", message: "" },
    {
      name: "a Proxy that refuses everything",
      value: new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error("no")
          },
        },
      ),
      type: "unreadable",
      message: "",
    },
  ]
  for (const { name, value, type, message } of thrown) {
    test(`${name} thrown is the caller's, and recorded`, async () => {
      const fails = auditFunction(function fails() {
        throw value
      })
      let caught: unknown = "nothing"
      try {
        fails()
      } catch (error) {
        caught = error
      }
      expect(Object.is(caught, value)).toBe(true)
      expect(await log.typesOf("fails")).toEqual(FAILED)
      expect(await log.detailsOf("error")).toEqual({ error_type: type, message })
      expect((await log.detailsOf("audit_closed"))["status"]).toBe("error")
    })
  }

  test("calls inside calls are nested trails", async () => {
    const inner = auditFunction(function inner() {
      currentAuditTrail()?.logEvent("step", { at: "inner" })
    })
    const outer = auditFunction(
      function outer() {
        inner()
      },
      { regulations: ["GDPR"], context: { job: 7 } },
    )
    await withAuditTrail("job", { actor: { id: "ds1" } }, () => outer())
    const started = (await log.records()).filter(({ event_type }) => event_type === "audit_started")
    const [job, outside, inside] = started
    expect(outside?.parent_operation_id).toBe(job?.operation_id)
    expect(inside?.parent_operation_id).toBe(outside?.operation_id)
    expect(inside).toMatchObject({ regulations: ["GDPR"], context: { job: 7 }, actor: { id: "ds1" } })
    expect(await log.typesOf("inner")).toEqual([
      "audit_started",
      "function_call",
      "step",
      "function_return",
      "audit_closed",
    ])
    expect(currentAuditTrail()).toBeUndefined()
  })

  test("a trail that the function closes itself stays as it closed it", async () => {
    const closes = auditFunction(function closes() {
      void currentAuditTrail()?.close("early")
      return 1
    })
    expect(closes()).toBe(1)
    expect(await log.typesOf("closes")).toEqual(["audit_started", "function_call", "audit_closed"])
  })

  test("arguments are stored as they were at the call", async () => {
    const changes = auditFunction(
      function changes(list: number[]) {
        list.push(4)
      },
      { capture: "full" },
    )
    changes([1, 2, 3])
    expect((await log.detailsOf("function_call"))["arguments"]).toEqual([[1, 2, 3]])
  })
})

describe("the wrapped function is the function", () => {
  test("this, name, length and own properties", () => {
    function scale(this: { factor: number }, x: number, _y: number): number {
      return this.factor * x
    }
    const marked = Object.assign(scale, { version: 3 })
    const audited = auditFunction(marked)
    expectTypeOf(audited).toEqualTypeOf(marked)
    expect(audited.call({ factor: 2 }, 4, 0)).toBe(8)
    expect({ name: audited.name, length: audited.length, version: audited.version }).toEqual({
      name: "scale",
      length: 2,
      version: 3,
    })
    marked.version = 4
    expect(audited.version).toBe(4)
    expect(audited.prototype).toBe(scale.prototype)
  })

  test("new, new.target, instanceof and subclassing", async () => {
    class Model {
      static made = 0
      readonly rows: number
      readonly target: unknown
      constructor(rows: number) {
        if (rows < 0) throw new RangeError("rows must not be negative")
        Model.made++
        this.rows = rows
        this.target = new.target
      }
    }
    const Audited = auditFunction(Model)
    class Forest extends Audited {
      readonly trees = 3
    }
    const model = new Audited(4)
    const forest = new Forest(5)
    expect(model).toBeInstanceOf(Audited)
    expect(model).toBeInstanceOf(Model)
    expect(model.target).toBe(Model)
    expect(model.constructor).toBe(Model)
    expect(forest).toBeInstanceOf(Forest)
    expect(forest).toBeInstanceOf(Audited)
    expect({ rows: forest.rows, trees: forest.trees, target: forest.target }).toEqual({
      rows: 5,
      trees: 3,
      target: Forest,
    })
    expect(Audited.made).toBe(2)
    expect(() => new Audited(-1)).toThrow(RangeError)
    expect(await log.typesOf("Model")).toEqual([...WHOLE, ...WHOLE, ...FAILED])
    // @ts-expect-error a class is not called
    expect(() => Audited(1)).toThrow(TypeError)
  })

  test("what is made with new is a value, even where it is a thenable", async () => {
    class Query {
      then(): void {
        throw new Error("nobody may run this")
      }
    }
    const Audited = auditFunction(Query)
    expect(new Audited()).toBeInstanceOf(Query)
    expect(await log.typesOf("Query")).toEqual(WHOLE)
  })

  test("sync stays sync, overloads and generics keep their types", () => {
    function identity<T>(value: T): T {
      return value
    }
    const audited = auditFunction(identity)
    expectTypeOf(audited).toEqualTypeOf(identity)
    const object = {}
    expect(audited(object)).toBe(object)
  })

  test("a fluent method gives back its object at once", async () => {
    const builder = {
      async *[Symbol.asyncIterator]() {
        yield 1
      },
      where: auditFunction(function where(this: unknown) {
        return this
      }),
    }
    expect(builder.where()).toBe(builder)
    expect(await log.typesOf("where")).toEqual(WHOLE)
  })
})

describe("options", () => {
  const refused: readonly { readonly name: string; readonly make: () => unknown; readonly message: RegExp }[] = [
    { name: "no name", make: () => auditFunction(() => 1), message: /operationName/ },
    { name: "an unknown option", make: () => auditFunction(test, { captur: "none" } as object), message: /captur/ },
    { name: "an unknown option of a decorator", make: () => auditFunction({ nam: "x" } as object), message: /nam/ },
    {
      name: "a capture that does not exist",
      make: () => auditFunction(test, { capture: "all" as "full" }),
      message: /capture/,
    },
    {
      name: "an empty operation name",
      make: () => auditFunction(test, { operationName: " " }),
      message: /operationName/,
    },
    {
      name: "an actor without id",
      make: () => auditFunction(test, { actor: {} as { id: string } }),
      message: /actor\.id/,
    },
    {
      name: "redact that is no list",
      make: () => auditFunction(test, { redact: "ssn" as unknown as string[] }),
      message: /redact/,
    },
    { name: "null", make: () => auditFunction(null as unknown as object), message: /object/ },
    { name: "a text", make: () => auditFunction("train" as unknown as object), message: /object/ },
    {
      name: "a decorator without parentheses",
      make: () => (auditFunction as (...a: unknown[]) => unknown)({}, "train"),
      message: /@auditFunction\(\)/,
    },
    {
      name: "a wrapper given no function",
      make: () => auditFunction({})(1 as unknown as () => void),
      message: /function/,
    },
  ]
  for (const { name, make, message } of refused) {
    test(`${name} is refused when the function is wrapped`, () => {
      expect(make).toThrow(TypeError)
      expect(make).toThrow(message)
    })
  }

  test("operationName names the operation, not the function", async () => {
    auditFunction((x: number) => x, { operationName: "predict" })(1)
    auditFunction({ operationName: "train" })(function fit() {
      return undefined
    })()
    expect(
      (await log.records())
        .filter((r) => r.event_type === "function_call")
        .map((r) => [r.operation_name, r.details["function"]]),
    ).toEqual([
      ["predict", "predict"],
      ["train", "fit"],
    ])
  })

  test("changing the options later changes nothing", async () => {
    const options: { capture: "full" | "none" } = { capture: "none" }
    const audited = auditFunction(function steady(text: string) {
      return text
    }, options)
    options.capture = "full"
    audited("visible?")
    expect(log.bytes()).not.toContain("visible?")
  })
})
