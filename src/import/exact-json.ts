/**
 * JSON to values, without losing what `JSON.parse` loses: integers beyond 2^53 become bigints, a key that stands twice
 * is refused instead of dropped, and `NaN`, `Infinity` and `-Infinity`, which Python writes, are read. Pure.
 * @module
 */

/** Deepest nesting that is read; an entry stores 64 levels. */
const MAX_DEPTH = 256

/** Why a text could not be read. */
export type JsonFault = "not_json" | "key_twice" | "too_deep"

/** Thrown by {@link parseExactJson}. */
export class JsonFaultError extends Error {
  override readonly name = "JsonFaultError"
  readonly fault: JsonFault

  constructor(fault: JsonFault) {
    super(fault)
    this.fault = fault
  }
}

const BLANK = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORDS: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]

/**
 * The value of a JSON text.
 *
 * @throws {@link JsonFaultError}
 * @example
 * ```ts
 * parseExactJson('{"loss":NaN,"id":9007199254740993}') // { loss: NaN, id: 9007199254740993n }
 * ```
 */
export function parseExactJson(text: string): unknown {
  return new Parser(text).whole()
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): unknown {
    const value = this.#value()
    this.#blank()
    if (this.#at !== this.#text.length) throw new JsonFaultError("not_json")
    return value
  }

  #value(): unknown {
    this.#blank()
    const first = this.#text[this.#at]
    if (first === "{") return this.#nested(() => this.#object())
    if (first === "[") return this.#nested(() => this.#array())
    if (first === '"') return this.#string()
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    return this.#number()
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new JsonFaultError("too_deep")
    this.#at += 1
    const value = read()
    this.#depth -= 1
    return value
  }

  #object(): object {
    const object = {}
    if (this.#takes("}")) return object
    do {
      this.#blank()
      const key = this.#string()
      this.#expect(":")
      if (Object.hasOwn(object, key)) throw new JsonFaultError("key_twice")
      // Not by assignment: `__proto__` is a key like any other.
      Object.defineProperty(object, key, {
        value: this.#value(),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    } while (this.#takes(","))
    this.#expect("}")
    return object
  }

  #array(): unknown[] {
    const array: unknown[] = []
    if (this.#takes("]")) return array
    do array.push(this.#value())
    while (this.#takes(","))
    this.#expect("]")
    return array
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw new JsonFaultError("not_json")
    let end = this.#text.indexOf('"', start + 1)
    while (end !== -1 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    if (end === -1) throw new JsonFaultError("not_json")
    this.#at = end + 1
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string
    } catch {
      throw new JsonFaultError("not_json")
    }
  }

  #isEscaped(at: number): boolean {
    let slashes = 0
    while (this.#text[at - 1 - slashes] === "\\") slashes += 1
    return slashes % 2 === 1
  }

  #number(): number | bigint {
    const digits = this.#match(NUMBER)
    if (digits === "") throw new JsonFaultError("not_json")
    const value = Number(digits)
    return Number.isSafeInteger(value) || /[.eE]/.test(digits) ? value : BigInt(digits)
  }

  #takes(character: string): boolean {
    this.#blank()
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #expect(character: string): void {
    if (!this.#takes(character)) throw new JsonFaultError("not_json")
  }

  #blank(): void {
    this.#match(BLANK)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ""
    this.#at += found.length
    return found
  }
}
