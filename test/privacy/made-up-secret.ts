/**
 * Secrets that nobody ever had: made while the tests run, from a seed, so that the repository holds none and a failure
 * repeats. They have the form that their issuers give them, and a body of letters and digits without meaning.
 * @module
 */

const DIGITS = "0123456789"
const LOWER = "abcdefghijklmnopqrstuvwxyz"
const UPPER = LOWER.toUpperCase()

/** Makes secrets, and remembers each. */
export class SecretMaker {
  /** What must not be found: each secret, and each part that would give it away. */
  readonly made: string[] = []
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** Letters and digits of both cases, for the body of a token. */
  body(length: number, alphabet: string = LOWER + UPPER + DIGITS): string {
    return this.#remember(this.#characters(length, alphabet))
  }

  hex(length: number): string {
    return this.body(length, `${DIGITS}abcdef`)
  }

  capitals(length: number): string {
    return this.body(length, `${UPPER}234567`)
  }

  digits(length: number): string {
    return this.body(length, DIGITS)
  }

  /** As people choose them: no blanks, and nothing that a quotation mark or URL would have to escape. */
  password(): string {
    return this.#remember(`${this.#characters(5, LOWER)}-${this.#characters(4, UPPER)}${this.#characters(3, DIGITS)}!`)
  }

  /** Words with blanks between them. */
  passphrase(): string {
    const words = [6, 7, 6].map((length) => this.#characters(length, LOWER))
    for (const word of words) this.#remember(word)
    return words.join(" ")
  }

  jwt(): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url")
    const header = part({ alg: "HS256", typ: "JWT" })
    const claims = this.#remember(part({ sub: this.#characters(12, DIGITS) }))
    return `${header}.${claims}.${this.body(43)}`
  }

  /** A block with three lines of base64. */
  pem(label: string, headers: readonly string[] = []): string {
    const lines = [64, 64, 40].map((length) => this.body(length))
    return [`-----BEGIN ${label}-----`, ...headers, ...lines, `-----END ${label}-----`].join("\n")
  }

  /** `user:password` as HTTP's Basic has it. */
  basic(user: string): string {
    return this.#remember(Buffer.from(`${user}:${this.password()}`).toString("base64").replace(/=+$/, ""))
  }

  #characters(length: number, alphabet: string): string {
    return Array.from({ length }, () => alphabet[Math.floor(this.#next() * alphabet.length)]).join("")
  }

  #remember(secret: string): string {
    this.made.push(secret)
    return secret
  }

  /** Park and Miller's generator: from 0 to 1. */
  #next(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647
    return this.#state / 2_147_483_647
  }
}
