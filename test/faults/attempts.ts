/**
 * A child that tries things on a log and answers how they went, with a file system to fill up at hand.
 * @module
 */
import { expect } from "vitest"
import { childEnvironment, type Ended, moduleArguments, start } from "../children.ts"
import type { Place } from "../place.ts"

/** What a child put into `answer`. */
export type Answer = Record<string, unknown>

const WARNINGS = /.*\[(SEALING_UNAVAILABLE|TIDY_FAILED|NOT_REMEMBERED)\] SecuremlWarning.*\n(.*\n)?/g

/**
 * Runs a module in which `logDir` is the log, `answer` takes what is to be known, and `failureOf(work)` gives "done" and
 * a value, or the code of an error and its message.
 *
 * @param limits - What a shell does before, such as setting limits.
 */
export async function answerOf(place: Place, code: string, limits = ""): Promise<Answer> {
  const source = `import * as fs from "node:fs"
    const logDir = ${JSON.stringify(place.logDir)}
    const answer = {}
    const failureOf = async (work) => {
      try {
        return ["done", await work()]
      } catch (error) {
        return [error.code, error.message]
      }
    }
    ${code}
    fs.writeSync(1, JSON.stringify(answer))`
  const command = [process.execPath, ...moduleArguments(source)]
  const [program, ...args] = limits === "" ? command : ["bash", "-c", `${limits}; exec "$0" "$@"`, ...command]
  return answerIn(await start(program!, args, childEnvironment(place.stateDir)).ended)
}

function answerIn({ code, stdout, stderr }: Ended): Answer {
  expect([code, stderr.replace(WARNINGS, "")]).toEqual([0, ""])
  return JSON.parse(stdout) as Answer
}
