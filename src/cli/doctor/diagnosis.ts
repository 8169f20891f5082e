/**
 * What an examination of a log gives: one sentence for each thing looked at, and what to do. Pure.
 * @module
 */
import type { RootDirectory } from "../../store/index.ts"

/** "note" is worth knowing; "problem" is to be put right. */
export type Health = "ok" | "note" | "problem"

/** One thing that was looked at. */
export interface Diagnosis {
  /** Stable name of what was looked at; docs/guides/command-line.md, "doctor". */
  readonly check: string
  readonly state: Health
  readonly message: string
  /** What to do, or why nothing has to be done. */
  readonly advice?: string
}

/** A log under examination. */
export interface Patient {
  readonly root: RootDirectory
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly nowMs: number
}

export function ok(check: string, message: string): Diagnosis {
  return { check, state: "ok", message }
}

export function note(check: string, message: string, advice: string): Diagnosis {
  return { check, state: "note", message, advice }
}

export function problem(check: string, message: string, advice: string): Diagnosis {
  return { check, state: "problem", message, advice }
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"]

/** A size for people. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1]
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

const SPANS: readonly (readonly [number, string])[] = [
  [86_400_000, "days"],
  [3_600_000, "hours"],
  [60_000, "minutes"],
]

/** A stretch of time for people. */
export function spanText(ms: number): string {
  for (const [unitMs, name] of SPANS) {
    if (ms >= 2 * unitMs) return `${Math.floor(ms / unitMs)} ${name}`
  }
  return `${Math.max(0, Math.round(ms / 1_000))} seconds`
}

/** Some names, and how many more there are. */
export function someOf(names: readonly string[], most = 3): string {
  const rest = names.length > most ? ` and ${names.length - most} more` : ""
  return `${names.slice(0, most).join(", ")}${rest}`
}
