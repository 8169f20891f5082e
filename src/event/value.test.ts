import { runInNewContext } from "node:vm"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { encodeValue } from "./index.ts"

const LIMIT = { limitBytes: 1 << 20 }

function encode(value: unknown): string {
  return encodeValue(value, LIMIT).json
}

class Metrics {
  accuracy = 0.9
  #secret = 1
  get double(): number {
    return this.#secret * 2
  }
}

function* letters(): Generator<string> {
  yield "a"
}

async function* laterLetters(): AsyncGenerator<string> {
  yield "a"
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function fails(): never {
  throw new Error("no")
}

const throwing = new Proxy({}, { get: fails, ownKeys: fails, getPrototypeOf: fails, has: fails })
const cycle: { name: string; self?: unknown; list: unknown[] } = { name: "c", list: [] }
cycle.self = cycle
cycle.list.push(cycle)
const mapCycle = new Map<string, unknown>()
mapCycle.set("me", mapCycle)
const shared = { a: 1 }
const lies = { toJSON: () => ({ toJSON: () => 1, b: 2n }) }
const selfish = {
  x: 1,
  toJSON(): unknown {
    return this
  },
}

const ODD: readonly (readonly [string, unknown, string])[] = [
  ["undefined", undefined, '{"$secureml":"undefined"}'],
  ["undefined property", { a: undefined, b: 1 }, '{"b":1}'],
  ["undefined element", [undefined], '[{"$secureml":"undefined"}]'],
  ["hole", Object.assign(new Array(2), { 1: 1 }), '[{"$secureml":"hole"},1]'],
  ["NaN", Number.NaN, '{"$secureml":"number","value":"NaN"}'],
  ["Infinity", Number.POSITIVE_INFINITY, '{"$secureml":"number","value":"Infinity"}'],
  ["-Infinity", Number.NEGATIVE_INFINITY, '{"$secureml":"number","value":"-Infinity"}'],
  ["-0", -0, '{"$secureml":"number","value":"-0"}'],
  ["1e21", 1e21, "1e+21"],
  ["bigint", -12345678901234567890n, '{"$secureml":"bigint","value":"-12345678901234567890"}'],
  ["symbol", Symbol("s"), '{"$secureml":"symbol","description":"s"}'],
  ["symbol without description", Symbol(), '{"$secureml":"symbol"}'],
  ["symbol key", { [Symbol("k")]: 1, a: 1 }, '{"a":1}'],
  [
    "function",
    function train() {
      return 1
    },
    '{"$secureml":"function","name":"train"}',
  ],
  ["class", Metrics, '{"$secureml":"function","name":"Metrics"}'],
  ["date", new Date(0), '{"$secureml":"date","value":"1970-01-01T00:00:00.000Z"}'],
  ["invalid date", new Date(Number.NaN), '{"$secureml":"date","value":null}'],
  [
    "map",
    new Map([[{ k: 1 }, new Date(0)]]),
    '{"$secureml":"map","entries":[[{"k":1},{"$secureml":"date","value":"1970-01-01T00:00:00.000Z"}]]}',
  ],
  ["set", new Set([1, "a"]), '{"$secureml":"set","values":[1,"a"]}'],
  ["regexp", /a"b/gi, '{"$secureml":"regexp","source":"a\\"b","flags":"gi"}'],
  ["url", new URL("https://example.com/a?b=1"), '{"$secureml":"url","href":"https://example.com/a?b=1"}'],
  ["error", new TypeError("bad"), '{"$secureml":"error","name":"TypeError","message":"bad"}'],
  [
    "error with cause",
    new Error("a", { cause: new Error("b") }),
    '{"$secureml":"error","name":"Error","message":"a","cause":{"$secureml":"error","name":"Error","message":"b"}}',
  ],
  [
    "error with code",
    Object.assign(new Error("a"), { code: "ENOENT", path: "/x" }),
    '{"$secureml":"error","name":"Error","message":"a","code":"ENOENT"}',
  ],
  [
    "aggregate error",
    new AggregateError([new Error("b")], "a"),
    '{"$secureml":"error","name":"AggregateError","message":"a","errors":[{"$secureml":"error","name":"Error","message":"b"}]}',
  ],
  ["boxed number", Object(1), '{"$secureml":"boxed","value":1}'],
  ["boxed string", Object("a"), '{"$secureml":"boxed","value":"a"}'],
  ["boxed bigint", Object(1n), '{"$secureml":"boxed","value":{"$secureml":"bigint","value":"1"}}'],
  ["float array", new Float32Array(3), '{"$secureml":"typed_array","type":"Float32Array","length":3}'],
  ["buffer", Buffer.from("abc"), '{"$secureml":"bytes","type":"Buffer","length":3}'],
  ["array buffer", new ArrayBuffer(8), '{"$secureml":"bytes","type":"ArrayBuffer","length":8}'],
  ["shared array buffer", new SharedArrayBuffer(8), '{"$secureml":"bytes","type":"SharedArrayBuffer","length":8}'],
  ["data view", new DataView(new ArrayBuffer(4)), '{"$secureml":"bytes","type":"DataView","length":4}'],
  ["class instance", new Metrics(), '{"$secureml":"instance:Metrics","accuracy":0.9}'],
  ["promise", Promise.resolve(1), '{"$secureml":"instance:Promise"}'],
  ["generator", letters(), '{"$secureml":"instance:Generator"}'],
  ["async generator", laterLetters(), '{"$secureml":"instance:AsyncGenerator"}'],
  ["weak map", new WeakMap(), '{"$secureml":"instance:WeakMap"}'],
  ["null prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  [
    "other realm",
    runInNewContext("({ a: 1, m: new Map([[1, 2]]), d: new Date(0), l: [1] })"),
    '{"a":1,"m":{"$secureml":"map","entries":[[1,2]]},"d":{"$secureml":"date","value":"1970-01-01T00:00:00.000Z"},"l":[1]}',
  ],
  ["cycle", cycle, '{"name":"c","list":[{"$secureml":"cycle","up":2}],"self":{"$secureml":"cycle","up":1}}'],
  ["cycle through a map", mapCycle, '{"$secureml":"map","entries":[["me",{"$secureml":"cycle","up":1}]]}'],
  ["repeated reference", [shared, shared], '[{"a":1},{"a":1}]'],
  [
    "throwing getter",
    {
      get a(): never {
        return fails()
      },
      b: 1,
    },
    '{"a":{"$secureml":"unreadable"},"b":1}',
  ],
  ["throwing toJSON", { a: { toJSON: fails }, b: 1 }, '{"a":{"$secureml":"unreadable"},"b":1}'],
  ["toJSON", { a: { toJSON: () => "x" } }, '{"a":"x"}'],
  [
    "toJSON of a toJSON",
    lies,
    '{"toJSON":{"$secureml":"function","name":"toJSON"},"b":{"$secureml":"bigint","value":"2"}}',
  ],
  ["toJSON that returns itself", selfish, '{"x":1,"toJSON":{"$secureml":"function","name":"toJSON"}}'],
  ["throwing proxy", [throwing], '[{"$secureml":"unreadable"}]'],
  ["revoked proxy", [revokedProxy()], '[{"$secureml":"unreadable"}]'],
  ["proxy of an object", new Proxy({ a: 1 }, {}), '{"a":1}'],
  ["lone surrogate", "a\ud800b", '"a\\ud800b"'],
  ["lone surrogate as key", { "\udc00": 1 }, '{"\\udc00":1}'],
  ["line separators and control characters", "\u2028\n\u0000\u001b", JSON.stringify("\u2028\n\u0000\u001b")],
  ["__proto__ key", JSON.parse('{"__proto__":{"polluted":1}}'), '{"__proto__":{"polluted":1}}'],
  ["own tag", { $secureml: "date", $$secureml: 1, $x: 2 }, '{"$$secureml":"date","$$$secureml":1,"$x":2}'],
]

test.each(ODD)("%s", (_, value, json) => {
  expect(encode(value)).toBe(json)
  JSON.parse(json)
})

test("tensors are told by element type and shape, and shapes of other things are not tensors", () => {
  class Tensor {
    readonly #data = new Float32Array(6)
    readonly size = this.#data.length
    get dims(): number[] {
      return [2, 3]
    }
    get type(): string {
      return "float32"
    }
  }
  class Figure {
    readonly shape = [1, 2]
    readonly type = "circle"
  }
  expect(encode(new Tensor())).toBe('{"$secureml":"tensor","type":"Tensor","dtype":"float32","shape":[2,3]}')
  expect(encode(new Figure())).toBe('{"$secureml":"instance:Figure","shape":[1,2],"type":"circle"}')
})

test("a value is stored as it is at the call, and each property is read once", () => {
  let reads = 0
  const value = {
    get turns(): number {
      return ++reads
    },
  }
  expect(encode(value)).toBe('{"turns":1}')
  expect(reads).toBe(1)
})

test("an object that claims a brand is not believed", () => {
  for (const brand of ["Date", "Map", "Set", "RegExp", "URL", "ArrayBuffer", "SharedArrayBuffer", "Number", "Symbol"]) {
    class Liar {
      readonly kept = 1
      get [Symbol.toStringTag](): string {
        return brand
      }
    }
    expect(encode(new Liar())).toBe('{"$secureml":"instance:Liar","kept":1}')
  }
})

test("a subclass cannot lie about its content", () => {
  class Hidden extends Map<string, number> {
    override get size(): number {
      return 0
    }
    override entries(): MapIterator<[string, number]> {
      return new Map<string, number>().entries()
    }
  }
  class Late extends Date {
    override getTime(): number {
      return 0
    }
  }
  expect(encode(new Hidden([["a", 1]]))).toBe('{"$secureml":"map","entries":[["a",1]]}')
  expect(encode(new Late(86_400_000))).toBe('{"$secureml":"date","value":"1970-01-02T00:00:00.000Z"}')
})

type Tagged = Record<string, unknown> & { $secureml?: string }

const REVIVE: Record<string, (tag: Tagged) => unknown> = {
  undefined: () => undefined,
  number: (tag) => (tag.value === "-0" ? -0 : Number(tag.value)),
  bigint: (tag) => BigInt(tag.value as string),
  date: (tag) => new Date(tag.value === null ? Number.NaN : (tag.value as string)),
  map: (tag) => new Map((tag.entries as [unknown, unknown][]).map(([key, value]) => [decode(key), decode(value)])),
  set: (tag) => new Set((tag.values as unknown[]).map(decode)),
  boxed: (tag) => Object(decode(tag.value)),
  regexp: (tag) => new RegExp(tag.source as string, tag.flags as string),
}

function decode(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json
  if (Array.isArray(json)) {
    const list = new Array<unknown>(json.length)
    json.forEach((item, i) => {
      if ((item as Tagged | null)?.$secureml !== "hole") list[i] = decode(item)
    })
    return list
  }
  const kind = (json as Tagged).$secureml
  if (kind !== undefined) return REVIVE[kind]!(json as Tagged)
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(json)) {
    const name = /^\$+\$secureml$/.test(key) ? key.slice(1) : key
    Object.defineProperty(out, name, { value: decode(value), enumerable: true, writable: true, configurable: true })
  }
  return out
}

// What JSON does too: an undefined property is absent, and a prototype of null is not kept.
function normal(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) === Number.prototype) return value
  if (Array.isArray(value)) return value.map(normal)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [normal(key), normal(item)]))
  if (value instanceof Set) return new Set([...value].map(normal))
  if (value instanceof Date || [String.prototype, Boolean.prototype].includes(Object.getPrototypeOf(value)))
    return value
  const out: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) Object.defineProperty(out, key, { value: normal(item), enumerable: true, writable: true })
  }
  return out
}

describe("decoded again", () => {
  const options = {
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withBoxedValues: true,
  }
  const keys = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("$secureml", "$$secureml", "__proto__", "toJSON", "constructor"),
  )
  test.each([
    ["anything", fc.anything({ ...options, key: keys })],
    [
      "objects",
      fc.object({
        key: keys,
        values: [
          fc.string({ unit: "binary" }),
          fc.double(),
          fc.boolean(),
          fc.bigInt(),
          fc.date({ noInvalidDate: false }),
        ],
      }),
    ],
    ["JSON", fc.jsonValue()],
  ] as const)("%s: the same value", (_, values) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(JSON.parse(encode(value)))).toEqual(normal(value))
      }),
      { numRuns: 500 },
    )
  })

  test("JSON is written as JSON.stringify writes it", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        fc.pre(!hasNegativeZero(value) && !JSON.stringify(value).includes("$secureml"))
        expect(encode(value)).toBe(JSON.stringify(value))
      }),
    )
  })
})

function hasNegativeZero(value: unknown): boolean {
  if (Object.is(value, -0)) return true
  return typeof value === "object" && value !== null && Object.values(value).some(hasNegativeZero)
}

test("no caller can forge a tag and none is lost: every own $secureml key comes back as data", () => {
  const forged = { $secureml: "redacted", kind: "password", inner: { $secureml: "omitted", bytes: 1 } }
  const stored = JSON.parse(encode(forged)) as Record<string, unknown>
  expect(Object.keys(stored)).toEqual(["$$secureml", "kind", "inner"])
  expect(decode(stored)).toEqual(forged)
})

test("nothing is polluted by __proto__ and constructor keys", () => {
  const hostile = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown
  expect(encode(hostile)).toBe(JSON.stringify(hostile))
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})
