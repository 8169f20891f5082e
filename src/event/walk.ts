/**
 * The walk behind encodeValue: one pass, text out, spans of large values noted for cut.ts. Format: value.ts.
 *
 * It is the record path, so it is written for speed: a switch by type, keys with their remembered text, no closures,
 * and paths only where a redactor asked for them. `at` is how much text stands before the value that is written.
 * @module
 */

import { type Commit, omittedMarker, type PersonalSpan } from "./cut.ts"
import { type Form, formOf, formOfConverted, readField, UNREADABLE } from "./exotic.ts"
import { isPersonal, Personal, type PersonalHandler } from "./personal.ts"
import type { KeyRule, Redactor, Replacement } from "./redactor.ts"
import { functionName, HOLE_JSON, hides, numberJson, UNDEFINED_JSON, UNREADABLE_JSON } from "./scalar.ts"
import { type CutText, type Place, SPAN_CHARS, Spans } from "./spans.ts"
import { keyText, quote } from "./text.ts"

/** Levels of nesting that are written; what lies deeper becomes a `depth` marker. */
const MAX_DEPTH = 64
/** Properties of one object still looked at once the work is spent. */
const LATE_MEMBERS = 1000
/** Two texts under such a key are two names, not a name and its value. */
const NAME_LIST = /(?:columns?|accessed|features?|fields?|names?|keys?|labels?|tokens?|words?|variables?|attributes?)$/i
const HUGE_BIGINT = 1n << 16_384n
const NAME_KEYS = ["name", "key"] as const
const CAPITAL_NAME_KEYS = ["Name", "Key"] as const
const HUGE_BIGINT_DIGITS = 4933

/** Encodes the inside of a personal value; `path` is where it stands. */
export type EncodePersonal = (personal: Personal, path: readonly string[]) => PersonalSpan

/** State of one walk; made for one value and owned by encodeValue. */
export class Walk {
  redactions = 0
  private readonly redactor: Redactor | undefined
  private readonly replace: Redactor["replace"]
  /** Containers that hold the value being written, outermost first. */
  private readonly open: object[] = []
  private readonly spans: Spans
  /** Keys down to the value being written; kept only for a redactor that replaces by path. */
  private readonly path: string[]
  private readonly encodePersonal: EncodePersonal | undefined
  /** What a toJSON just returned: it is written as it is. */
  private converted: object | undefined

  constructor(
    limitBytes: number,
    redactor: Redactor | undefined,
    encodePersonal: EncodePersonal | undefined,
    path: readonly string[],
  ) {
    this.redactor = redactor
    this.encodePersonal = encodePersonal
    this.path = [...path]
    this.replace = redactor?.replace
    this.spans = new Spans(limitBytes)
  }

  /** The JSON of a value, not yet cut to the limit. */
  value(value: unknown, key: string | number, at: number): string {
    switch (typeof value) {
      case "string":
        return this.text(value, key, at)
      case "number":
        return numberJson(value)
      case "boolean":
        return value ? "true" : "false"
      case "object":
        return value === null ? "null" : this.container(value, key, at)
      case "function":
        return this.tagged("function", [["name", functionName(value)]], key, at)
      case "symbol":
        if (value === UNREADABLE) return UNREADABLE_JSON
        return this.tagged("symbol", [["description", value.description]], key, at)
      case "bigint":
        return this.bigint(value, key, at)
      default:
        return UNDEFINED_JSON
    }
  }

  /** Cuts the text of the whole value to the limit. */
  finish(
    json: string,
    value: unknown,
    limitBytes: number,
    commit: Commit | undefined,
    personal: PersonalHandler | undefined,
  ): CutText {
    return this.spans.cut(json, typeof value, limitBytes, commit, personal)
  }

  private text(value: string, key: string | number, at: number): string {
    if (this.spans.isTooLong(value, at)) return this.spans.omitText(value, key, at)
    let kept = value
    if (this.redactor !== undefined) {
      kept = this.redactor.redactText(value)
      if (kept !== value) this.redactions++
    }
    const json = quote(kept)
    if (json.length >= SPAN_CHARS) this.spans.note(json, { key, at, type: "string" }, value)
    return json
  }

  private bigint(value: bigint, key: string | number, at: number): string {
    if (value < HUGE_BIGINT && value > -HUGE_BIGINT) return `{"$secureml":"bigint","value":"${value}"}`
    // Decimal text of a huge bigint takes more than linear time.
    const marker = omittedMarker("bigint", HUGE_BIGINT_DIGITS, false)
    return this.spans.omit(marker, { key, at, type: "bigint" }, HUGE_BIGINT_DIGITS)
  }

  private container(value: object, key: string | number, at: number): string {
    const { open, spans, path } = this
    const depth = open.length
    const noted = spans.count
    const pathDepth = path.length
    const held = depth === 0 ? -1 : open.lastIndexOf(value)
    if (held >= 0) return `{"$secureml":"cycle","up":${depth - held}}`
    try {
      const isArray = Array.isArray(value)
      if (depth >= MAX_DEPTH) return this.tooDeep({ key, at, type: isArray ? "array" : "object" })
      if (spans.isSpent(at)) return spans.skip({ key, at, type: isArray ? "array" : "object" })
      open.push(value)
      const json = isArray ? this.array(value, key, at) : this.object(value, key, at)
      open.pop()
      return json
    } catch {
      open.length = depth
      path.length = pathDepth
      spans.rewind(noted)
      return UNREADABLE_JSON
    }
  }

  private tooDeep(place: Place): string {
    return this.spans.omit(`{"$secureml":"depth","type":"${place.type}"}`, place, 0)
  }

  private array(value: readonly unknown[], key: string | number, at: number): string {
    const { spans } = this
    const { length } = value
    // `0,` is the shortest member.
    if (spans.isTooMany(length, 2)) return spans.skip({ key, at, type: "array", length })
    const noted = spans.count
    let out = "["
    for (let i = 0; i < length; i++) {
      if (i > 0) out += ","
      const member = readField(value, i)
      const rule = i === 1 && length === 2 ? this.pairRule(value, key) : undefined
      out += member === undefined && !(i in value) ? HOLE_JSON : this.member(member, rule, i, at + out.length)
      if (spans.isSpent(at + out.length)) return this.abandon(noted, out, { key, at, type: "array", length })
    }
    out += "]"
    if (out.length >= SPAN_CHARS || spans.count > noted) spans.note(out, { key, at, type: "array", length })
    return out
  }

  /** The rule for the second of a pair such as `["password", value]`. */
  private pairRule(pair: readonly unknown[], key: string | number): KeyRule | undefined {
    const name = readField(pair, 0)
    const rule = typeof name === "string" ? this.redactor?.keyRule(name) : undefined
    return rule === undefined || (typeof key === "string" && NAME_LIST.test(key)) ? undefined : rule
  }

  /** The rule for the value in `{ name: "password", value }`, as headers, cookies and environments are listed. */
  private namedRule(owner: object, valueKey: string): KeyRule | undefined {
    if (this.redactor === undefined) return undefined
    for (const nameKey of valueKey === "value" ? NAME_KEYS : CAPITAL_NAME_KEYS) {
      const name = readField(owner, nameKey)
      const rule = typeof name === "string" ? this.redactor.keyRule(name) : undefined
      if (rule !== undefined) return rule
    }
    return undefined
  }

  private abandon(noted: number, out: string, place: Place): string {
    return this.spans.abandon(noted, out.length, place, this.open.length)
  }

  private object(value: object, key: string | number, at: number): string {
    const proto = Object.getPrototypeOf(value)
    if (proto === Object.prototype || proto === null) return this.members(value, "{", key, at)
    if (isPersonal(value)) return this.personal(value, key, at)
    const form = value === this.converted ? formOfConverted(value) : formOf(value)
    return form.as === "value" ? this.convertedValue(form.value, key, at) : this.form(value, form, key, at)
  }

  // The result takes the place of its object, which stays open: a result that holds it is a cycle.
  private convertedValue(result: unknown, key: string | number, at: number): string {
    if (typeof result !== "object" || result === null) return this.value(result, key, at)
    this.converted = result
    return Array.isArray(result) ? this.array(result, key, at) : this.object(result, key, at)
  }

  private personal(value: Personal, key: string | number, at: number): string {
    if (this.encodePersonal === undefined) return this.redacted("personal")
    return this.spans.seal(this.encodePersonal(value, this.path), key, at)
  }

  private form(value: object, form: Exclude<Form, { as: "value" }>, key: string | number, at: number): string {
    switch (form.as) {
      case "plain":
        return this.members(value, "{", key, at)
      case "instance":
        return this.members(value, `{"$secureml":${quote(`instance:${form.className}`)}`, key, at)
      case "tagged":
        return this.tagged(form.kind, form.fields, key, at)
      case "map":
        return this.map(form.map, { key, at, type: "map", length: form.size })
      default:
        return this.set(form.set, { key, at, type: "set", length: form.size })
    }
  }

  private members(value: object, head: string, key: string | number, at: number): string {
    const { redactor, spans } = this
    const names = Object.keys(value)
    // `"":0,` is the shortest member.
    if (spans.isTooMany(names.length, 5)) return spans.skip({ key, at, type: "object" })
    const noted = spans.count
    let out = head
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const member = readField(value, name)
      if (member === undefined) continue
      if (name === "toJSON" && typeof member === "function" && value !== this.converted) {
        spans.rewind(noted)
        return this.convertedValue(Reflect.apply(member, value, []), key, at)
      }
      const known = keyText(name, redactor)
      const shown = known.hidden === undefined ? name : this.shownName(value, known.hidden)
      if (shown !== name) out += `${out.length === 1 ? "" : ","}${quote(shown)}:`
      else out += out.length === 1 ? known.first : known.next
      const rule = known.rule ?? (name === "value" || name === "Value" ? this.namedRule(value, name) : undefined)
      out += this.member(member, rule, shown, at + out.length)
      if (i > LATE_MEMBERS && spans.isSpent(at + out.length)) {
        return this.abandon(noted, out, { key, at, type: "object" })
      }
    }
    out += "}"
    if (out.length >= SPAN_CHARS || spans.count > noted) spans.note(out, { key, at, type: "object" })
    return out
  }

  // Two keys with a secret must not become the same one.
  private shownName(owner: object, hidden: string): string {
    let name: string
    do name = `${hidden}#${++this.redactions}`
    while (Object.hasOwn(owner, name))
    return name
  }

  private map(map: ReadonlyMap<unknown, unknown>, place: Place): string {
    const { spans } = this
    const noted = spans.count
    let out = '{"$secureml":"map","entries":['
    const { at } = place
    const entriesAt = at + out.length - 1
    // `[0,0],` is the shortest member.
    if (spans.isTooMany(place.length ?? 0, 6)) return spans.skip(place)
    let i = 0
    for (const [name, value] of Reflect.apply(Map.prototype.entries, map, []) as Iterable<[unknown, unknown]>) {
      if (i > 0) out += ","
      out += this.entry(name, value, i++, at + out.length)
      if (spans.isSpent(at + out.length)) return this.abandon(noted, out, place)
    }
    out += "]}"
    if (out.length < SPAN_CHARS && spans.count === noted) return out
    spans.note(out.slice(entriesAt - at, -1), { key: "entries", at: entriesAt, type: "array" })
    spans.note(out, place)
    return out
  }

  private entry(name: unknown, value: unknown, index: number, at: number): string {
    const noted = this.spans.count
    let out = `[${this.member(name, undefined, 0, at + 1)},`
    const rule = typeof name === "string" ? keyText(name, this.redactor).rule : undefined
    out += `${this.member(value, rule, 1, at + out.length)}]`
    if (out.length >= SPAN_CHARS || this.spans.count > noted) this.spans.note(out, { key: index, at, type: "array" })
    return out
  }

  private set(set: ReadonlySet<unknown>, place: Place): string {
    const { spans } = this
    const noted = spans.count
    let out = '{"$secureml":"set","values":'
    if (spans.isTooMany(place.length ?? 0, 2)) return spans.skip(place)
    const values = this.array(
      [...(Reflect.apply(Set.prototype.values, set, []) as Iterable<unknown>)],
      "values",
      place.at + out.length,
    )
    out += `${values}}`
    if (out.length >= SPAN_CHARS || spans.count > noted) spans.note(out, place)
    return out
  }

  private tagged(
    kind: string,
    fields: readonly (readonly [string, unknown])[],
    key: string | number,
    at: number,
  ): string {
    const noted = this.spans.count
    let out = `{"$secureml":"${kind}"`
    for (const [name, value] of fields) {
      if (value === undefined) continue
      out += `,"${name}":`
      out += this.member(value, undefined, name, at + out.length)
    }
    out += "}"
    if (out.length >= SPAN_CHARS || this.spans.count > noted) this.spans.note(out, { key, at, type: kind })
    return out
  }

  private member(value: unknown, rule: KeyRule | undefined, key: string | number, at: number): string {
    if (rule !== undefined && hides(rule, value)) return this.redacted(rule.kind)
    return this.replace === undefined ? this.value(value, key, at) : this.replaced(value, key, at)
  }

  private replaced(value: unknown, key: string | number, at: number): string {
    this.path.push(String(key))
    const inside = isPersonal(value) ? value.reveal() : value
    const found = this.replacement(inside)
    let json: string
    if (found === undefined) json = this.value(value, key, at)
    else if ("kind" in found) json = this.redacted(found.kind)
    else json = this.value(isPersonal(value) ? new Personal(found.value, value.subjects) : found.value, key, at)
    this.path.pop()
    return json
  }

  private replacement(value: unknown): Replacement | undefined {
    try {
      return this.replace?.(this.path, value)
    } catch {
      return { kind: "redactor_failed" }
    }
  }

  private redacted(kind: string): string {
    this.redactions++
    return `{"$secureml":"redacted","kind":${quote(kind)}}`
  }
}
