/**
 * Values declared personal: what a caller wraps, and what the serialiser makes of it. Pure.
 * @module
 */
import { isArray, isRecord, keysOf, nameInMessage } from "./shape.ts"
import { utf8Bytes } from "./text.ts"

/** Longest identifier of a person, in UTF-8 bytes. */
export const MAX_SUBJECT_BYTES = 1_024
/** Persons that one value may belong to together. */
const MAX_JOINT = 64

/** Two copies of the package know each other's wrappers. */
const BRAND = Symbol.for("secureml.audit.personal.1")

/** Whose a value is. */
export interface PersonalOptions {
  /** The person; several only with `joint`. */
  readonly subject: string | readonly string[]
  /** The value belongs to several persons together, and goes when any one of them is erased. */
  readonly joint?: "any"
}

/** A value and whose it is. Says nothing of either when printed or serialised by anybody else. */
export class Personal {
  readonly #value: unknown
  readonly #subjects: readonly string[]

  constructor(value: unknown, subjects: readonly string[]) {
    Object.defineProperty(this, BRAND, { value: true })
    this.#value = value
    this.#subjects = subjects
  }

  /** Whose it is. */
  get subjects(): readonly string[] {
    return this.#subjects
  }

  /** The value itself. */
  reveal(): unknown {
    return this.#value
  }

  toJSON(): string {
    return "[personal]"
  }

  toString(): string {
    return "[personal]"
  }
}

/** Whether a value is a wrapper of {@link personal}, of this copy of the package or another. */
export function isPersonal(value: unknown): value is Personal {
  try {
    return typeof value === "object" && value !== null && Reflect.get(value, BRAND) === true
  } catch {
    // A Proxy that does not want to be asked is no wrapper of ours.
    return false
  }
}

/**
 * Declares a value personal: wherever it stands in details, the log gets a commitment in its place, and the value is
 * kept beside the log, encrypted under the person's key, until the person is erased. Inside `context` it is redacted.
 * It has the type of the value, so that it fits wherever the value does; at run time it is a wrapper.
 *
 * @throws TypeError for a missing subject, or several without `joint: "any"`.
 * @example
 * ```ts
 * audit.logEvent("loan_decided", { amount: 5000, income: personal(42_000, { subject: "customer-17" }) })
 * // details: { amount: 5000, income: { "$secureml": "personal", commitment: "…" } }
 * ```
 */
export function personal<T>(value: T, options: PersonalOptions): T {
  if (!isRecord(options)) throw new TypeError('personal needs { subject: "the person\'s id" }')
  const unknown = keysOf(options, "the options of personal").find((key) => key !== "subject" && key !== "joint")
  if (unknown !== undefined)
    throw new TypeError(`the options of personal have no ${nameInMessage(unknown)}; they have subject and joint`)
  if (isPersonal(value)) throw new TypeError("a value that is personal already has its subject")
  const { subject, joint } = options
  const subjects = isArray(subject) ? subject : [subject]
  return new Personal(value, checkSubjects(subjects, joint, "subject")) as T
}

/**
 * The persons that one value belongs to, each once.
 * @throws TypeError naming the field.
 */
export function checkSubjects(subjects: readonly unknown[], joint: unknown, field: string): readonly string[] {
  if (joint !== undefined && joint !== "any") throw new TypeError('joint must be "any", or left out')
  const persons = [...new Set(subjects.map((subject) => checkSubject(subject, field)))]
  if (persons.length === 0) throw new TypeError(`${field} must name a person`)
  if (persons.length > 1 && joint === undefined)
    throw new TypeError(
      `${field} names ${persons.length} persons for one value: wrap each one's part with personal(), or say joint: "any"`,
    )
  if (persons.length > MAX_JOINT) throw new TypeError(`${field} names over ${MAX_JOINT} persons for one value`)
  return persons
}

/** @throws TypeError, RangeError: names the field, never the identifier. */
export function checkSubject(subject: unknown, field: string): string {
  if (typeof subject !== "string" || subject.trim() === "")
    throw new TypeError(`${field} must be a non-empty string: the identifier of a person`)
  // Half a pair has no UTF-8 of its own: written as it is, two persons would be one.
  if (/\p{Surrogate}/u.test(subject)) throw new TypeError(`${field} must be well-formed Unicode`)
  if (utf8Bytes(subject) > MAX_SUBJECT_BYTES) throw new RangeError(`${field} takes over ${MAX_SUBJECT_BYTES} bytes`)
  return subject
}

/** A personal value as encoded, and where its marker stands. */
export interface SealedValue {
  /** RFC 6901, relative to the encoded value. */
  readonly pointer: string
  readonly json: string
  readonly subjects: readonly string[]
}

/** What the serialiser does with personal values. */
export interface PersonalHandler {
  /** Makes the commitment that stands in the marker: 44 characters. */
  readonly commit: (sealed: SealedValue) => string
  /** Told of a personal value inside another one, which cannot belong to two persons apart. */
  readonly onNested: () => void
}

/** The marker that stands for a personal value. */
export function personalMarker(commitment: string, subjects: readonly string[]): string {
  return `{"$secureml":"personal","commitment":"${commitment}"${subjects.length > 1 ? ',"joint":"any"' : ""}}`
}
