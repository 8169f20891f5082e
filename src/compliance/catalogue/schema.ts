/**
 * The part of JSON Schema that catalogues/*.schema.json are written in, so that one description serves editors, tests and
 * this code, and an error names the place. Pure. What a schema uses beyond it is an error of that schema.
 * @module
 */
import { isRecord } from "../../event/index.ts"

/** A schema, as parsed. */
export interface Schema {
  readonly [keyword: string]: unknown
}

/** Where a value breaks a schema, and how. */
export interface Violation {
  /** From the root, such as `controls[3].checks[0].items.each`. */
  readonly path: string
  readonly says: string
}

type Check = (argument: unknown, value: unknown, at: Place) => Violation[]

interface Place {
  readonly path: string
  readonly schema: Schema
  readonly root: Schema
}

/** Keywords that describe and do not judge. */
const ANNOTATIONS = ["$schema", "$defs", "title", "description"]

/**
 * Everything that is wrong, in the order in which it stands.
 *
 * @example
 * ```ts
 * violationsOf({ v: 2 }, schema) // [{ path: "v", says: "must be 1" }, …]
 * ```
 */
export function violationsOf(value: unknown, schema: Schema): readonly Violation[] {
  return check(value, { path: "", schema, root: schema })
}

function check(value: unknown, at: Place): Violation[] {
  return Object.entries(at.schema).flatMap(([keyword, argument]) => {
    if (ANNOTATIONS.includes(keyword)) return []
    const judge = KEYWORDS[keyword]
    if (judge === undefined) throw new TypeError(`the schema at ${at.path || "its root"} uses ${keyword}`)
    return judge(argument, value, at)
  })
}

const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (name, value, at) => check(value, { ...at, schema: definition(String(name), at.root) }),
  type: (types, value, at) => {
    const names = [types].flat() as string[]
    return names.some((name) => isOfType(value, name)) ? [] : wrong(at, `must be of type ${names.join(" or ")}`)
  },
  const: (wanted, value, at) => (value === wanted ? [] : wrong(at, `must be ${JSON.stringify(wanted)}`)),
  enum: (values, value, at) =>
    (values as unknown[]).includes(value)
      ? []
      : wrong(at, `must be one of ${(values as unknown[]).map((one) => JSON.stringify(one)).join(", ")}`),
  minLength: (least, value, at) =>
    typeof value !== "string" || [...value].length >= (least as number) ? [] : wrong(at, "must not be empty"),
  pattern: (pattern, value, at) =>
    typeof value !== "string" || new RegExp(pattern as string, "u").test(value)
      ? []
      : wrong(at, `must look like ${String(pattern)}`),
  minimum: (least, value, at) =>
    typeof value !== "number" || value >= (least as number) ? [] : wrong(at, `must be ${String(least)} or more`),
  minItems: (least, value, at) =>
    !Array.isArray(value) || value.length >= (least as number) ? [] : wrong(at, `must have ${String(least)} or more`),
  items: (items, value, at) =>
    Array.isArray(value)
      ? value.flatMap((one, n) => check(one, { ...at, path: `${at.path}[${n}]`, schema: items as Schema }))
      : [],
  required: (keys, value, at) =>
    isRecord(value)
      ? (keys as string[])
          .filter((key) => !Object.hasOwn(value, key))
          .flatMap((key) => wrong(at, `has no ${JSON.stringify(key)}`))
      : [],
  properties: (properties, value, at) =>
    isRecord(value)
      ? Object.entries(properties as Record<string, Schema>).flatMap(([key, schema]) =>
          Object.hasOwn(value, key) ? check(value[key], { ...at, path: inside(at.path, key), schema }) : [],
        )
      : [],
  additionalProperties: (allowed, value, at) => {
    if (!isRecord(value)) return []
    const known = Object.keys((at.schema["properties"] ?? {}) as object)
    return Object.keys(value)
      .filter((key) => !known.includes(key))
      .flatMap((key) =>
        allowed === false
          ? wrong(at, `has an unknown key ${JSON.stringify(key)}`)
          : check(value[key], { ...at, path: inside(at.path, key), schema: allowed as Schema }),
      )
  },
  oneOf: (branches, value, at) => {
    const tried = (branches as Schema[]).map((schema) => ({ schema, found: check(value, { ...at, schema }) }))
    const fitting = tried.filter(({ found }) => found.length === 0)
    if (fitting.length === 1) return []
    if (fitting.length > 1) return wrong(at, "fits more than one form")
    // The branch that was meant says more than "none of them".
    const meant = tried.filter(({ schema }) => isMeant(value, schema, at.root))
    return meant.length === 1 ? meant[0]!.found : wrong(at, "has none of the forms that are allowed here")
  },
}

/** Whether a value has what tells a branch from the others: its constants, else all keys that it requires. */
function isMeant(value: unknown, schema: Schema, root: Schema): boolean {
  const branch = typeof schema["$ref"] === "string" ? definition(schema["$ref"], root) : schema
  if (!isRecord(value)) return isOfType(value, String(branch["type"]))
  const properties = (branch["properties"] ?? {}) as Record<string, Schema>
  const required = (branch["required"] ?? []) as string[]
  const constants = required.filter((key) => properties[key] !== undefined && "const" in properties[key])
  if (constants.length > 0) return constants.every((key) => value[key] === properties[key]!["const"])
  return required.length > 0 && Object.hasOwn(value, required[0]!)
}

function isOfType(value: unknown, name: string): boolean {
  if (name === "array") return Array.isArray(value)
  if (name === "null") return value === null
  if (name === "object") return isRecord(value) && !Array.isArray(value)
  if (name === "integer") return Number.isInteger(value)
  return typeof value === name
}

function definition(ref: string, root: Schema): Schema {
  const name = ref.slice("#/$defs/".length)
  return (root["$defs"] as Record<string, Schema>)[name]!
}

function inside(path: string, key: string): string {
  const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)
  return path === "" ? name : `${path}.${name}`
}

function wrong({ path }: Place, says: string): Violation[] {
  return [{ path, says }]
}
