import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { summarise } from "./index.ts"

const digest = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex").slice(0, 8)
const anyDigest = expect.stringMatching(/^[0-9a-f]{8}$/)

function* letters(): Generator<string> {
  yield "a"
}

async function* laterLetters(): AsyncGenerator<string> {
  yield "a"
}

class Patient {
  readonly name = "Ann"
  readonly age = 40
}

class Tensor {
  readonly dtype = "float32"
  readonly shape = [2, 3]
}

const ROWS: readonly (readonly [string, unknown, object])[] = [
  ["string", "Ann", { type: "string", length: 3, digest: anyDigest }],
  ["number", 42, { type: "number" }],
  ["boolean", true, { type: "boolean" }],
  ["null", null, { type: "null" }],
  ["undefined", undefined, { type: "undefined" }],
  ["bigint", 42n, { type: "bigint", digest: anyDigest }],
  [
    "function",
    function train() {
      return 1
    },
    { type: "function", name: "train" },
  ],
  ["array", ["a", "b"], { type: "array", length: 2, elements: "string", digest: anyDigest }],
  ["mixed array", [1, "b"], { type: "array", length: 2, elements: "mixed", digest: anyDigest }],
  ["empty array", [], { type: "array", length: 0, digest: anyDigest }],
  ["object", { ann: 1, bob: 2 }, { type: "object", keys: 2, digest: anyDigest }],
  ["instance", new Patient(), { type: "object", class: "Patient", keys: 2, digest: anyDigest }],
  ["generator", letters(), { type: "object", class: "Generator", keys: 0, digest: anyDigest }],
  ["async generator", laterLetters(), { type: "object", class: "AsyncGenerator", keys: 0, digest: anyDigest }],
  ["map", new Map([["a", 1]]), { type: "map", size: 1, digest: anyDigest }],
  ["date", new Date(0), { type: "date", class: "Date", digest: anyDigest }],
  ["error", new TypeError("Ann"), { type: "error", class: "TypeError", digest: anyDigest }],
  ["typed array", new Float32Array(3), { type: "typed_array", class: "Float32Array", length: 3, digest: anyDigest }],
  ["array buffer", new ArrayBuffer(3), { type: "bytes", class: "ArrayBuffer", length: 3, digest: anyDigest }],
  ["tensor", new Tensor(), { type: "tensor", class: "Tensor", dtype: "float32", shape: [2, 3] }],
  ["large string", "x".repeat(100_000), { type: "string", length: 100_000 }],
  ["large array", new Array(1e6).fill(1), { type: "array", length: 1e6, elements: "number" }],
  ["large typed array", new Float64Array(1e6), { type: "typed_array", class: "Float64Array", length: 1e6 }],
  ["revoked proxy", Proxy.revocable({}, {}).proxy, { type: "object", keys: 0, digest: anyDigest }],
]

test.each(ROWS)("%s: what it is", (_, value, summary) => {
  expect(summarise(value, digest)).toEqual(summary)
})

test("no value and no key name of an object is in its summary", () => {
  const text = JSON.stringify(summarise({ "ann@example.com": new Patient(), list: ["Ann"] }, digest))
  expect(text).not.toMatch(/ann|Ann|list|Patient/)
})

test("equal values have equal digests, others have others", () => {
  expect(summarise({ a: [1] }, digest)).toEqual(summarise({ a: [1] }, digest))
  expect(summarise({ a: [1] }, digest)).not.toEqual(summarise({ a: [2] }, digest))
})

test("what cannot be read is said to be so", () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(summarise(proxy, digest)).toEqual({ type: "unreadable" })
})
