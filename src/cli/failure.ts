/**
 * What a failed run says and with which number it ends. Pure but for what it writes to the output it is given.
 * @module
 */
import { CommanderError } from "commander"
import { AuditError } from "../errors.ts"
import type { Environment } from "../ledger/index.ts"
import type { Verdict } from "../query/index.ts"
import type { Output } from "./output.ts"

/** Exit codes: those that mean the same for every command, then those of `assess` and of `deadlines`. */
export const EXIT: {
  readonly fine: 0
  readonly couldNotRun: 1
  readonly wrongUsage: 2
  readonly findings: 20
  readonly overdue: 21
} = { fine: 0, couldNotRun: 1, wrongUsage: 2, findings: 20, overdue: 21 }

/** Exit code of `verify` for each verdict; part of the public contract. */
export const VERDICT_EXIT: Readonly<Record<Verdict, number>> = {
  intact: 0,
  unsealed_tail: 0,
  torn_tail: 10,
  gap: 11,
  truncated: 12,
  rewritten: 13,
  corrupt: 14,
  wrong_key: 15,
  unverifiable: 16,
  payload_damaged: 17,
}

/** A flag or an argument that means nothing; its message names it. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** Tells what went wrong and returns the exit code. No stack trace, unless `SECUREML_DEBUG=1` asks for it. */
export function reportFailure(error: unknown, output: Output, environment: Environment): number {
  // Commander has told it already; help and the version are no failures, except where help stands in for a command.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.wrongUsage
  output.complain("secureml:", "red", messageOf(error))
  if (environment["SECUREML_DEBUG"] === "1" && error instanceof Error) output.note(error.stack ?? "")
  return error instanceof UsageError ? EXIT.wrongUsage : EXIT.couldNotRun
}

/** The message, with its code where there is one to match on. */
export function messageOf(error: unknown): string {
  if (error instanceof AuditError) return `${error.message} [${error.code}]`
  return error instanceof Error ? error.message : String(error)
}

/** Names the flag whose value a call refused with a TypeError or a RangeError; wraps only calls that take one. */
export async function namingFlag<T>(flag: string, result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(`${flag}: ${error.message}`, { cause: error })
    }
    throw error
  }
}

/** What the library finds wrong with an argument is wrong usage of the flag that it came from. */
export async function asUsage<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}
