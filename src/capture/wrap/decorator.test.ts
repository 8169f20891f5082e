import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type TemporaryLog, temporaryLog } from "../../../test/decorators/temporary-log.ts"
import { type AuditDecorator, auditFunction } from "./index.ts"

// Compiled decorators are tested in test/decorators; here is what compilers hand over, called by hand.
let log: TemporaryLog
beforeEach(() => {
  log = temporaryLog()
})
afterEach(() => log.remove())

const audited = auditFunction()

describe("as a legacy decorator", () => {
  const members: readonly {
    readonly name: string
    readonly key: string | symbol
    readonly descriptor: PropertyDescriptor
  }[] = [
    { name: "a method", key: "train", descriptor: { value: () => 1, enumerable: true } },
    { name: "a getter", key: "train", descriptor: { get: () => 1, configurable: true } },
    { name: "a method with a symbol for a name", key: Symbol("train"), descriptor: { value: () => 1, writable: true } },
  ]
  for (const { name, key, descriptor } of members) {
    test(`${name} keeps its attributes and is named after its key`, async () => {
      const decorated = audited({}, key, descriptor)
      const { value, get, ...attributes } = decorated
      const { value: _, get: __, ...before } = descriptor
      expect(attributes).toEqual(before)
      expect((get ?? value)?.call({})).toBe(1)
      expect((await log.records()).map((record) => record.operation_name)).toContain(
        typeof key === "symbol" ? "[train]" : "train",
      )
    })
  }

  test("getter and setter are both audited", async () => {
    let stored = 0
    const descriptor = {
      get: () => stored,
      set: (value: number) => {
        stored = value
      },
    }
    const { get, set } = audited({}, "rate", descriptor)
    set?.(4)
    expect(get?.()).toBe(4)
    expect((await log.typesOf("rate")).filter((type) => type === "function_call")).toHaveLength(2)
  })

  const refused: readonly { readonly name: string; readonly decorate: (decorator: AuditDecorator) => unknown }[] = [
    { name: "a field", decorate: (decorator) => Reflect.apply(decorator, undefined, [{}, "field"]) },
    { name: "a member that holds no function", decorate: (decorator) => decorator({}, "label", { value: "text" }) },
    {
      name: "a TC39 field that holds no function",
      decorate: (decorator) => decorator(undefined, { kind: "field", name: "label" })(1 as never),
    },
    {
      name: "a kind that nobody knows",
      decorate: (decorator) => Reflect.apply(decorator, undefined, [() => 1, { kind: "parameter", name: "x" }]),
    },
  ]
  for (const { name, decorate } of refused) {
    test(`${name} is refused`, () => {
      expect(() => decorate(audited)).toThrow(TypeError)
    })
  }
})

test("as a callback of map, it takes the function alone", async () => {
  const [first] = [
    function one() {
      return 1
    },
  ].map(audited as <F extends () => number>(fn: F) => F)
  expect(first?.()).toBe(1)
  expect((await log.records())[0]?.operation_name).toBe("one")
})

test("metadata of legacy frameworks is found on the wrapped function", () => {
  const metadata = new WeakMap<object, Map<unknown, unknown>>()
  const of = (target: object): Map<unknown, unknown> => metadata.get(target) ?? new Map()
  const reflect = {
    getOwnMetadataKeys: (target: object) => [...of(target).keys()],
    getOwnMetadata: (key: unknown, target: object) => of(target).get(key),
    defineMetadata: (key: unknown, value: unknown, target: object) => metadata.set(target, of(target).set(key, value)),
  }
  Object.assign(Reflect, reflect)
  try {
    const handler = (): number => 1
    reflect.defineMetadata("path", "/train", handler)
    expect(reflect.getOwnMetadata("path", auditFunction(handler))).toBe("/train")
  } finally {
    for (const name of Object.keys(reflect)) Reflect.deleteProperty(Reflect, name)
  }
})
