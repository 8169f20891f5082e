import fc from "fast-check"
import { expect, test } from "vitest"
import { encodeValue, utf8Bytes } from "./index.ts"

const LIMIT_BYTES = 60_000

function encode(value: unknown, limitBytes: number = LIMIT_BYTES): ReturnType<typeof encodeValue> {
  return encodeValue(value, { limitBytes })
}

function at(json: string, pointer: string): unknown {
  const parts = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
  return parts.reduce((value, part) => (value as Record<string, unknown>)[part], JSON.parse(json) as unknown)
}

test("what fits is not cut, to the byte", () => {
  const value = { text: "é".repeat(1000) }
  const sizeBytes = utf8Bytes(JSON.stringify(value))
  expect(encode(value, sizeBytes).json).toBe(JSON.stringify(value))
  expect(encode(value, sizeBytes - 1).omitted).toEqual([{ pointer: "/text", type: "string", bytes: 2000 }])
})

test("the largest value is cut first, and only as many as needed", () => {
  const value = { small: "s".repeat(300), large: "l".repeat(50_000), middle: "m".repeat(30_000) }
  const { json, omitted } = encode(value)
  expect(omitted).toEqual([{ pointer: "/large", type: "string", bytes: 50_000 }])
  expect(JSON.parse(json)).toEqual({ ...value, large: { $secureml: "omitted", type: "string", bytes: 50_000 } })
})

test("a large member is cut inside its container, and the pointer leads to the marker", () => {
  const value = { "a/b": [{ "c~d": "x".repeat(70_000), $secureml: 1 }, 2], n: 1 }
  const { json, omitted } = encode(value)
  expect(omitted).toEqual([{ pointer: "/a~1b/0/c~0d", type: "string", bytes: 70_000 }])
  expect(at(json, omitted[0]!.pointer)).toEqual({ $secureml: "omitted", type: "string", bytes: 70_000 })
  expect(json).toContain('"$$secureml":1},2],"n":1}')
})

test("a list of many small values goes as a whole, with its length", () => {
  const rows = Array.from({ length: 2000 }, (_, i) => ({ id: i, name: "n".repeat(40) }))
  const { json, omitted } = encode({ rows, purpose: "p" })
  expect(omitted.map(({ pointer, type }) => ({ pointer, type }))).toEqual([{ pointer: "/rows", type: "array" }])
  expect(JSON.parse(json)).toMatchObject({ rows: { $secureml: "omitted", type: "array", length: 2000 }, purpose: "p" })
  expect(at(json, "/rows")).toMatchObject({ bytes: utf8Bytes(JSON.stringify(rows)) })
})

test("a huge value does not take its small neighbours along", () => {
  const huge = Array.from({ length: 100 }, () => "x".repeat(50_000))
  const value = {
    huge,
    parameters: { lr: 0.1, layers: [1, 2, { a: "b".repeat(300) }] },
    map: new Map([["k", huge]]),
    end: "e",
  }
  const { json } = encode(value)
  expect(JSON.parse(json)).toMatchObject({ parameters: value.parameters, end: "e" })
  expect(at(json, "/huge")).toMatchObject({ $secureml: "omitted", type: "array", length: 100, exact: false })
})

test("values in maps, sets and errors are cut where they stand", () => {
  const text = "x".repeat(70_000)
  const { json, omitted } = encode({ map: new Map([["k", text]]), set: new Set(["a", text]), error: new Error(text) })
  expect(omitted.map(({ pointer }) => pointer)).toEqual(["/map/entries/0/1", "/set/values/1", "/error/message"])
  for (const { pointer } of omitted) expect(at(json, pointer)).toMatchObject({ $secureml: "omitted", bytes: 70_000 })
})

test("nesting below 64 levels becomes a marker that the receipt names", () => {
  let deep: unknown = "bottom"
  for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { d: deep }
  const { json, omitted } = encode(deep)
  expect(json).toMatch(/\{"\$secureml":"depth","type":"object"\}/)
  expect(omitted).toHaveLength(1)
  expect(at(json, omitted[0]!.pointer)).toEqual({ $secureml: "depth", type: "object" })
})

test("any value fits its limit, is JSON, and every omission names a marker", () => {
  const long = fc.string({ minLength: 200, maxLength: 400, unit: "binary" })
  const values = fc.object({ maxDepth: 4, maxKeys: 6, withMap: true, withSet: true, values: [long, fc.double(), long] })
  fc.assert(
    fc.property(values, fc.integer({ min: 300, max: 2000 }), (value, limitBytes) => {
      const { json, omitted } = encode(value, limitBytes)
      expect(utf8Bytes(json)).toBeLessThanOrEqual(limitBytes)
      for (const { pointer, type } of omitted) {
        expect(at(json, pointer)).toMatchObject({ $secureml: expect.stringMatching(/^(?:omitted|depth)$/), type })
      }
      const whole = encode(value, 1 << 22).json
      if (omitted.length === 0) expect(json).toBe(whole)
      else expect(utf8Bytes(whole)).toBeGreaterThan(limitBytes)
    }),
    { numRuns: 100 },
  )
})

const doubled = (depth: number): unknown => {
  let value: unknown = ["leaf"]
  for (let i = 0; i < depth; i++) value = [value, value]
  return value
}
const doubledObject = (depth: number): unknown => {
  let value: unknown = { leaf: undefined }
  for (let i = 0; i < depth; i++) value = { a: value, b: value }
  return value
}

/** Built outside of the measured time; each takes a fraction of a second whatever its size. */
const HUGE: readonly (readonly [string, () => unknown])[] = [
  ["a string of 20 MiB", () => "x".repeat(20 << 20)],
  ["a thousand strings of 1 MiB", () => Array.from({ length: 1000 }, () => "x".repeat(1 << 20))],
  ["an array of a million numbers", () => Array.from({ length: 1_000_000 }, (_, i) => i)],
  ["a sparse array of 2^32 - 1 holes", () => new Array(2 ** 32 - 1)],
  ["a set of a million", () => new Set(Array.from({ length: 1_000_000 }, (_, i) => i))],
  ["a map of a million", () => new Map(Array.from({ length: 1_000_000 }, (_, i) => [i, i]))],
  ["an object of 100,000 keys", () => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]))],
  ["ten thousand objects of ten keys", () => Array.from({ length: 10_000 }, (_, i) => ({ i, text: "t".repeat(100) }))],
  ["a value doubled 60 times over", () => doubled(60)],
  ["an object doubled 60 times over", () => doubledObject(60)],
  ["lists of one long list", () => Array.from({ length: 20_000 }).fill(Array.from({ length: 20_000 }).fill(1))],
  ["a bigint of a million bits", () => 1n << 1_000_000n],
  ["a typed array of 64 MiB", () => new Float64Array(8 << 20)],
  ["a hundred thousand levels", () => Array.from({ length: 100_000 }).reduce<unknown>((value) => ({ value }), 1)],
]

test.each(HUGE)("%s: bounded time", (_, make) => {
  const value = { before: 1, value: make(), after: 2 }
  let json = ""
  let bestMs = Number.POSITIVE_INFINITY
  // Time of the processor, not of the clock: other processes do not count.
  for (let i = 0; i < 3 && bestMs > 100; i++) {
    const started = process.cpuUsage()
    json = encode(value).json
    bestMs = Math.min(bestMs, process.cpuUsage(started).user / 1000)
  }
  expect(bestMs).toBeLessThan(1000)
  expect(utf8Bytes(json)).toBeLessThanOrEqual(LIMIT_BYTES)
  expect(JSON.parse(json)).toMatchObject({ before: 1, after: 2 })
})

test("a caller with hardly any stack left still gets an answer", () => {
  const answers = new Set<string>()
  const descend = (): void => {
    answers.add(encode({ a: [{ b: new Map([[1, new Date(0)]]) }] }).json)
    descend()
  }
  expect(descend).toThrow(RangeError)
  for (const json of answers) JSON.parse(json)
})
