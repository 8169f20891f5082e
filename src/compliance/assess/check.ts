/**
 * One check of a control: which items there are, and what its tests say of each.
 * @module
 */
import type { AuditRecord, JsonObject } from "../../event/index.ts"
import { isRecord } from "../../event/index.ts"
import type { Control, Items, TestSpec } from "../catalogue/types.ts"
import { declaredIn, type Profile } from "../profile.ts"
import { allHold, type Truth, textsOf } from "./condition.ts"
import { CaseItem, DeclaredItem, fieldOf, type Item, WITHHELD } from "./item.ts"
import { type TestResult, worstOf } from "./outcome.ts"
import { type Test, testOf, untold } from "./predicates.ts"
import type { Scope, TestContext } from "./scope.ts"
import type { Tally } from "./tally.ts"

type Check = Control["checks"][number]

/** When a control's population begins, in milliseconds. */
export interface Population {
  readonly fromMs: number
  readonly toMs: number
}

/** Makes a check ready: it listens to the log. @returns What is to be done at the end of the log. */
export function startCheck(check: Check, context: TestContext, tally: Tally, population: Population): () => void {
  const { items } = check
  const tests = check.tests.map((spec) => testOf(spec, context, items.each === "declared" ? items.list : undefined))
  const judge: Judge = (item, keeps) => judgeItem(item, { items, tests, tally, scope: context.scope }, keeps)
  if (items.each === "event") return startEvents(items, judge, context.scope, population)
  if (items.each === "case")
    return startCases(items, fieldsOf(check, context.control), judge, context.scope, population)
  if (items.each === "log") return () => judge(new DeclaredItem("the log", {}))
  return () => judgeDeclared(items.list, judge, context.scope, tally)
}

/** Tells what the tests say of an item, unless `keeps` is given and says no. */
type Judge = (item: Item, keeps?: (result: TestResult) => boolean) => void

/** Events are judged as they come. */
const NOTHING_LEFT = (): void => undefined

interface Judging {
  readonly items: Items
  readonly tests: readonly Test[]
  readonly tally: Tally
  readonly scope: Scope
}

function judgeItem(
  item: Item,
  { items, tests, tally, scope }: Judging,
  keeps = (_: TestResult): boolean => true,
): void {
  const isIn = "where" in items ? inPopulation(items, item, scope.profile) : true
  if (isIn === false) return
  // Tests that all have nothing to say leave the item out: it is none of the duty's.
  const worst =
    isIn === true ? worstOf(tests.map((test) => test(item)).filter((one) => one !== undefined)) : untold(isIn)
  if (worst !== undefined && keeps(worst)) tally.add(item, worst)
}

function inPopulation(items: Exclude<Items, { each: "log" }>, item: Item, profile: Profile): Truth {
  const where = allHold(items.where, item, profile)
  if (where === false || !("jurisdiction" in items) || items.jurisdiction === undefined) return where
  const place = isUnder(items.jurisdiction, item, profile)
  return place === true ? where : place
}

const EU = ["EU", "EEA"]
const EEA = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split(" ")

/** The item's own jurisdiction, else the only one that the profile declares. "US-CA" is under "US". */
function isUnder(wanted: readonly string[], item: Item, profile: Profile): Truth {
  const own = item.get("jurisdiction")
  const declared = profile.jurisdictions ?? []
  const isWanted = (name: string): boolean =>
    wanted.some((one) => name === one || name.startsWith(`${one}-`)) ||
    (wanted.some((one) => EU.includes(one)) && EEA.includes(name))
  if (own !== undefined && own !== WITHHELD) return textsOf(own).some(isWanted)
  const fitting = declared.filter(isWanted)
  if (declared.length > 0 && fitting.length === 0) return false
  if (declared.length === 1) return true
  return { lacks: "evidence", because: "jurisdiction is missing, and the profile does not declare exactly one" }
}

function startEvents(
  items: Extract<Items, { each: "event" }>,
  judge: Judge,
  scope: Scope,
  { fromMs, toMs }: Population,
): () => void {
  scope.test(items.types, (_, timeMs, item) => {
    if (timeMs >= fromMs && timeMs <= toMs) judge(item)
  })
  return NOTHING_LEFT
}

function startCases(
  items: Extract<Items, { each: "case" }>,
  fields: readonly string[],
  judge: Judge,
  scope: Scope,
  { fromMs }: Population,
): () => void {
  const cases = new Map<string, CaseItem>()
  const add = (record: AuditRecord): CaseItem => {
    const key = fieldOf(record, items.key)
    // An event without the key is a case of its own: it is counted, and what it lacks is told.
    const isText = typeof key === "string" || typeof key === "number"
    const name = isText ? `${items.key} ${JSON.stringify(key)}` : `event ${record.index}, without ${items.key}`
    const found = cases.get(name) ?? new CaseItem(name)
    cases.set(name, found)
    found.add(record, fields)
    return found
  }
  const opened = new Set<CaseItem>()
  scope.test(items.types, (record) => opened.add(add(record)))
  for (const { types, where } of items.with ?? []) {
    scope.test(types, (record, _, item) => {
      if (allHold(where, item, scope.profile) === true) add(record)
    })
  }
  return () => {
    for (const item of cases.values()) {
      if (!opened.has(item)) continue
      // What is older than the window is told as long as something is still due.
      if (item.lastMs >= fromMs) judge(item)
      else judge(item, ({ open }) => open !== undefined)
    }
  }
}

function judgeDeclared(list: string, judge: Judge, { profile }: Scope, tally: Tally): void {
  const declared = declaredIn(profile, list)
  const one = list.slice(0, -1)
  if (declared === undefined) {
    const reason = `the profile declares no ${list}`
    tally.add(new DeclaredItem(list, {}), { outcome: "not_evidenced", reason })
  }
  for (const [n, entry] of (declared ?? []).entries()) {
    const name = entry["id"] ?? entry["name"] ?? n
    judge(new DeclaredItem(`${one} ${JSON.stringify(name)}`, entry as JsonObject))
  }
}

/** Every field that a check may ask a case for. */
function fieldsOf(check: Check, { clocks }: Control): readonly string[] {
  const fields = new Set<string>(["jurisdiction", "closed_at", "request_id"])
  const used = new Set(usedClocks(check.tests))
  collect(check, fields)
  for (const clock of clocks) if (used.has(clock.id)) collect(clock, fields)
  return [...fields].flatMap((field) => field.split("|"))
}

function usedClocks(tests: readonly TestSpec[]): readonly string[] {
  return tests.flatMap((test) =>
    test.is === "within" ? [test.clock] : test.is === "any" ? usedClocks(test.tests) : [],
  )
}

/** Keys under which catalogues name fields of the item. */
const FIELD_KEYS = ["field", "from", "until", "than", "first", "then", "after", "key", "due_field", "notice"]
const FIELD_LISTS = ["fields", "needs", "late_with"]

function collect(value: unknown, fields: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) collect(one, fields)
  else if (isRecord(value)) {
    for (const [key, one] of Object.entries(value)) {
      if (FIELD_KEYS.includes(key) && typeof one === "string") fields.add(one)
      else if (FIELD_LISTS.includes(key)) for (const field of one as string[]) fields.add(field)
      else if (key === "on" || key === "match") for (const field of Object.values(one as object)) fields.add(field)
      else if (key === "with" && isRecord(one)) for (const field of Object.values(one)) fields.add(String(field))
      else collect(one, fields)
    }
  }
}
