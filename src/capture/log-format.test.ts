import { describe, expect, test } from "vitest"
import { compileLogFormat } from "./log-format.ts"

const VALUES = { asctime: "2026-11-24 02:11:00,123", name: "n", levelname: "INFO", levelno: 20, message: "{}" }

describe("a format is what Python's % makes of it", () => {
  test.each([
    ["%(levelname)s %(message)s", "INFO {}"],
    ["%(levelname)-8s|", "INFO    |"],
    ["%(levelname)8s|", "    INFO|"],
    ["%(levelname)2s|", "INFO|"],
    ["%(levelname).2s|", "IN|"],
    ["%(levelname)-6.3s|", "INF   |"],
    ["%(levelno)d", "20"],
    ["%(levelno)s", "20"],
    ["%(levelno)05d|%(levelno)-5d|%(levelno)5d|", "00020|20   |   20|"],
    ["100%% %(message)s", "100% {}"],
    ["%%(message)s", "%(message)s"],
    ["no field", "no field"],
  ])("%s", (format, line) => {
    expect(compileLogFormat(format)(VALUES)).toBe(line)
  })

  test.each([
    "%(thread)d",
    "%(constructor)s",
    "%(message)",
    "%(message)x",
    "%(message)d",
    "%(asctime)d",
    "%(levelname",
    "%s",
    "50% done",
    "%",
    "%(message)s %",
    "%(message)9999s",
  ])("%s is refused", (format) => {
    expect(() => compileLogFormat(format)).toThrow(TypeError)
    expect(() => compileLogFormat(format)).toThrow(/^logFormat /)
  })

  test("what a value holds is not read as a format", () => {
    expect(compileLogFormat("%(name)s %(message)s")({ ...VALUES, message: "%(name)s %% $& $1" })).toBe(
      "n %(name)s %% $& $1",
    )
  })
})
