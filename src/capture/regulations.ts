/**
 * Names of regulations, as trails and calls give them. Unknown ones are kept, and warned about once.
 * @module
 */
import { checkRegulations } from "../event/index.ts"

const warned = new Set<string>()

/** The names in their usual spelling, each once. */
export function namedRegulations(names: readonly string[] | undefined): readonly string[] {
  if (names === undefined) return []
  const { regulations, unknown } = checkRegulations(names)
  for (const name of unknown) {
    if (warned.has(name)) continue
    warned.add(name)
    process.emitWarning(
      `the regulation ${JSON.stringify(name)} is not one that this version knows; it is stored as given`,
      {
        type: "SecuremlWarning",
        code: "REGULATION_UNKNOWN",
      },
    )
  }
  return regulations
}
