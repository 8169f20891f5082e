/**
 * The personal values of one event while it is recorded: a commitment for each, and, at the end, what is kept beside
 * the log. One for each event; owned by its log call.
 * @module
 */
import type { PersonalHandler, SealedValue } from "../event/index.ts"
import type { KeyVault, SealedPart } from "../store/index.ts"
import { commitmentOf } from "./commitment.ts"
import { freshBytes } from "./fresh-bytes.ts"
import { type PersonalValue, sealValues } from "./sealed-values.ts"

const NONE: readonly SealedPart[] = []

/** Collects the personal values of one event. */
export class PersonalValues implements PersonalHandler {
  readonly #eventId: string
  #byPersons: Map<string, { readonly subjects: readonly string[]; readonly values: PersonalValue[] }> | undefined
  #isNested = false

  constructor(eventId: string) {
    this.#eventId = eventId
  }

  /** A value inside the details. */
  readonly commit = ({ pointer, ...sealed }: SealedValue): string =>
    this.commitAt({ ...sealed, pointer: `/details${pointer}` })

  /** A value anywhere in the entry. */
  commitAt({ pointer, json, subjects }: SealedValue): string {
    const salt = freshBytes(32)
    const persons = subjects.length === 1 ? subjects[0]! : JSON.stringify([...subjects].sort())
    this.#byPersons ??= new Map()
    const known = this.#byPersons.get(persons) ?? { subjects, values: [] }
    this.#byPersons.set(persons, known)
    known.values.push({ pointer, salt, json })
    return commitmentOf(salt, { eventId: this.#eventId, pointer, json })
  }

  readonly onNested = (): void => {
    this.#isNested = true
  }

  /** @throws TypeError when a personal value stands inside another one: it cannot belong to two persons apart. */
  checkApart(): void {
    if (this.#isNested)
      throw new TypeError(
        "a personal value stands inside another one: wrap the inner parts only, or the outer one only",
      )
  }

  /** Encrypts what was collected, one part for each person, or group of persons. */
  sealed(vault: () => KeyVault): readonly SealedPart[] {
    if (this.#byPersons === undefined) return NONE
    const keys = vault()
    return [...this.#byPersons.values()].map(({ subjects, values }) =>
      sealValues(
        this.#eventId,
        subjects.map((subject) => keys.keyFor(subject)),
        values,
      ),
    )
  }
}
