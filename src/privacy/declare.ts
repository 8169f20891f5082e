/**
 * What a call, or the policy of a trail, declares personal: the values are wrapped before anything is encoded. Pure.
 * @module
 */
import {
  checkSubject,
  checkSubjects,
  isArray,
  isPersonal,
  isRecord,
  keysOf,
  Personal,
  readField,
} from "../event/index.ts"
import { segmentsOf } from "./redactor.ts"

/** Members of a value that are looked at for parts which the caller has wrapped. */
const MOST_MEMBERS = 1_000
/** And how deep. */
const MOST_LEVELS = 8

/** A place in details that holds a personal value, and whose it is when `subjects` does not say so. */
export interface PersonalPath {
  /** JSON pointer or dotted path; `*` is any one key or index. */
  readonly path: string
  readonly subject?: string
  /** The value belongs to all persons that `subjects` names together, and goes when any one of them is erased. */
  readonly joint?: "any"
}

/** What a trail keeps out of the tree whatever a call says. */
export interface PrivacyOptions {
  /** Event types of which all values in details are personal, or "sealed" for every type. Calls must name `subjects`. */
  readonly details?: "sealed" | Readonly<Record<string, "sealed">>
  /** "sealed": `user` and `actor.id` are personal values of the person they name. */
  readonly staff?: "sealed"
}

/** What a call says. */
export interface Declared {
  readonly subjects?: readonly string[] | undefined
  readonly personal?: readonly (string | PersonalPath)[] | undefined
}

/** @throws TypeError: names the option. */
export function checkPrivacy(privacy: unknown): void {
  if (!isRecord(privacy)) throw new TypeError('privacy must be an object, such as { staff: "sealed" }')
  const unknown = keysOf(privacy, "privacy").find((key) => key !== "details" && key !== "staff")
  if (unknown !== undefined) throw new TypeError(`privacy has no ${JSON.stringify(unknown)}; it has details and staff`)
  const { details, staff } = privacy as Record<string, unknown>
  if (staff !== undefined && staff !== "sealed") throw new TypeError('privacy.staff must be "sealed", or left out')
  if (details === undefined || details === "sealed") return
  if (!isRecord(details) || Object.values(details).some((value) => value !== "sealed"))
    throw new TypeError('privacy.details must be "sealed", or name event types: { model_inference: "sealed" }')
}

/** @throws TypeError, RangeError: names the option. */
export function checkDeclared({
  subjects,
  personal,
}: {
  readonly subjects?: unknown
  readonly personal?: unknown
}): void {
  if (subjects !== undefined) {
    if (!isArray(subjects) || subjects.length === 0)
      throw new TypeError('subjects must be an array of identifiers, not empty, such as ["customer-17"]')
    for (const subject of subjects) checkSubject(subject, "subjects")
  }
  if (personal === undefined) return
  if (!isArray(personal)) throw new TypeError('personal must be an array of paths, such as ["/input_data"]')
  for (const one of personal) checkPath(one)
}

function checkPath(one: unknown): void {
  const path = isRecord(one) ? one["path"] : one
  if (typeof path !== "string" || path === "")
    throw new TypeError('personal must hold paths, or objects such as { path: "/input_data", subject: "customer-17" }')
  if (!isRecord(one)) return
  const unknown = keysOf(one, "personal").find((key) => !["path", "subject", "joint"].includes(key))
  if (unknown !== undefined)
    throw new TypeError(`a path in personal has no ${JSON.stringify(unknown)}; it has path, subject and joint`)
  if (one["subject"] !== undefined) checkSubject(one["subject"], "personal.subject")
  if (one["joint"] !== undefined && one["joint"] !== "any")
    throw new TypeError('personal.joint must be "any", or left out')
}

/**
 * Details in which everything declared personal is wrapped; the caller's own object is not changed.
 *
 * @throws TypeError when a path leads nowhere, or several persons are named for one value.
 */
export function declarePersonal(
  eventType: string,
  details: object,
  declared: Declared,
  privacy: PrivacyOptions | undefined,
): object {
  const { subjects, personal = [] } = declared
  let made = details as Readonly<Record<string, unknown>>
  for (const one of personal) {
    const { path, subject, joint } = typeof one === "string" ? { path: one, subject: undefined, joint: undefined } : one
    const owners = subject === undefined ? subjects : [subject]
    if (owners === undefined) throw new TypeError(`personal: name the person of ${path} in subjects, or as its subject`)
    const persons = checkSubjects(owners, joint, "subjects")
    const wrapped = wrapAt(made, segmentsOf(path), persons)
    if (wrapped === undefined) throw new TypeError(`personal: the details have nothing at ${path}`)
    made = wrapped as Readonly<Record<string, unknown>>
  }
  made = byDefault(eventType, made, subjects, personal.length > 0)
  if (privacy?.staff === "sealed") {
    const user = readField(made, "user")
    if (typeof user === "string" && user.trim() !== "") made = { ...copyOf(made), user: new Personal(user, [user]) }
  }
  return isSealed(eventType, privacy) ? whole(eventType, made, subjects) : made
}

function isSealed(eventType: string, privacy: PrivacyOptions | undefined): boolean {
  const { details } = privacy ?? {}
  return details === "sealed" || (details !== undefined && Object.hasOwn(details, eventType))
}

/** Every value of the details, under its name; those that are personal already stay whose they are. */
function whole(
  eventType: string,
  details: Readonly<Record<string, unknown>>,
  subjects: readonly string[] | undefined,
): object {
  if (subjects === undefined)
    throw new TypeError(`privacy seals the details of ${eventType}: name the person in subjects`)
  const persons = checkSubjects(subjects, undefined, "subjects")
  const wrap = (value: unknown): unknown =>
    value === undefined || holdsPersonal(value) ? value : new Personal(value, persons)
  return Object.fromEntries(Object.entries(copyOf(details)).map(([key, value]) => [key, wrap(value)]))
}

/** The person who asks is personal; so is what a decision about named persons was made of. */
function byDefault(
  eventType: string,
  details: Readonly<Record<string, unknown>>,
  subjects: readonly string[] | undefined,
  isSaid: boolean,
): Readonly<Record<string, unknown>> {
  if (eventType === "user_request") {
    const id = readField(details, "user_id")
    if (typeof id !== "string" || id.trim() === "") return details
    return { ...copyOf(details), user_id: new Personal(id, subjects?.length === 1 ? subjects : [id]) }
  }
  if (eventType !== "model_inference" || subjects === undefined || isSaid) return details
  const [input_data, output] = [readField(details, "input_data"), readField(details, "output")]
  if (holdsPersonal(input_data) || holdsPersonal(output)) return details
  const persons = checkSubjects(subjects, undefined, "subjects")
  return { ...copyOf(details), input_data: new Personal(input_data, persons), output: new Personal(output, persons) }
}

/** Whether the caller has wrapped parts of a value: then those are what is personal in it. */
function holdsPersonal(value: unknown, left = { members: MOST_MEMBERS }, depth = 0): boolean {
  if (isPersonal(value)) return true
  const isLeaf = typeof value !== "object" || value === null || ArrayBuffer.isView(value)
  if (isLeaf || depth > MOST_LEVELS) return false
  try {
    for (const key in value) {
      if (left.members-- <= 0) return false
      if (holdsPersonal(readField(value, key), left, depth + 1)) return true
    }
  } catch {
    // A Proxy that does not want to be asked.
  }
  return false
}

/** A copy that is made without calling what throws; its keys stay data, `__proto__` too. */
function copyOf(value: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(keysOf(value, "details").map((key) => [key, readField(value, key)]))
}

/** A copy of the value with what is at a path wrapped; undefined where the path leads nowhere. */
function wrapAt(value: unknown, path: readonly string[], persons: readonly string[]): unknown {
  const [key, ...rest] = path
  if (key === undefined) {
    if (value === undefined) return undefined
    return isPersonal(value) ? value : new Personal(value, persons)
  }
  if (typeof value !== "object" || value === null || isPersonal(value)) return undefined
  const members = new Map(keysOf(value, "details").map((name) => [name, readField(value, name)]))
  let isFound = false
  for (const name of key === "*" ? [...members.keys()] : [key]) {
    const wrapped = wrapAt(members.get(name), rest, persons)
    if (wrapped !== undefined) members.set(name, wrapped)
    isFound ||= wrapped !== undefined
  }
  if (!isFound) return undefined
  return isArray(value) ? [...members.values()] : Object.fromEntries(members)
}
