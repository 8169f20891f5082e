/**
 * What the serialiser asks before it writes a value. The rules live in privacy/; this is only the question.
 * @module
 */

/** What a key name says about the values under it. */
export interface KeyRule {
  /** Names the secret in the marker: `{"$secureml":"redacted","kind":"password"}`. */
  readonly kind: string
  /** True when numbers under the key are no secret: `token: 17` is an id or a count. */
  readonly keepsNumbers: boolean
}

/** A value that goes as a whole, or the value to write instead. */
export type Replacement = { readonly kind: string } | { readonly value: unknown }

/** Decides what is a secret. Pure for keys and texts, so that answers for key names can be remembered. */
export interface Redactor {
  /** The rule for every value under this key name, or undefined. */
  readonly keyRule: (name: string) => KeyRule | undefined
  /** The text with each secret part replaced by `[redacted:<kind>]`; the same text when there is none. */
  readonly redactText: (text: string) => string
  /** Present only when the caller configured paths or functions; `path` is reused, so copy what you keep. */
  readonly replace?: (path: readonly string[], value: unknown) => Replacement | undefined
}
