/**
 * JSON for programs: one value, one line, the same on a terminal and in a pipe. Pure.
 * @module
 */
import { escapeJson } from "./escape.ts"

/**
 * One line of JSON, with its line break. Characters that could steer a terminal are written as `\uXXXX`.
 *
 * @example
 * ```ts
 * jsonLine({ text: "\u202e" }) // '{"text":"\\u202e"}\n'
 * ```
 */
export function jsonLine(value: unknown): string {
  return `${escapeJson(JSON.stringify(value))}\n`
}
