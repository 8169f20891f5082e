/**
 * Checks the order of writes, syncs and promises in a trace of system calls: nothing is promised, and nothing is made
 * visible, before what it rests on survives power loss. Pure.
 *
 * The child says `durable <event id>` once a call has promised that, and `sealed` once a checkpoint was promised.
 * @module
 */
import { join } from "node:path"
import { type Name, TracedDisk, type Write } from "./traced-disk.ts"

/** What a check of a trace came to. */
export interface SyncOrder {
  /** One sentence for each promise made too early. */
  readonly violations: readonly string[]
  /** How often each rule was looked at, so that a trace without anything to check does not pass. */
  readonly checked: Readonly<Record<string, number>>
}

/** Directories of the traced child. */
export interface Directories {
  readonly logDir: string
  readonly stateDir: string
  /** Where the signing key is, if not in the state directory. */
  readonly keyFile?: string
}

/** Checks a trace. */
export function checkSyncOrder(trace: string, directories: Directories): SyncOrder {
  const check = new Check(new TracedDisk(trace), directories)
  check.promises()
  check.placings()
  check.partsBeforeEntries()
  check.removals()
  return check
}

class Check implements SyncOrder {
  readonly violations: string[] = []
  readonly checked: Record<string, number> = {}
  readonly #disk: TracedDisk
  readonly #logDir: string
  readonly #stateDir: string
  readonly #isKey: (name: Name) => boolean

  constructor(disk: TracedDisk, { logDir, stateDir, keyFile }: Directories) {
    this.#disk = disk
    this.#logDir = logDir
    this.#stateDir = stateDir
    this.#isKey = keyFile === undefined ? this.#under(join(stateDir, "keys")) : ({ path }) => path === keyFile
  }

  /** Notes that a rule was looked at, and what it found wrong. */
  #look(rule: string, violation: string | undefined): void {
    this.checked[rule] = (this.checked[rule] ?? 0) + 1
    if (violation !== undefined) this.violations.push(violation)
  }

  /** Every promise that the child was given. */
  promises(): void {
    for (const { text, at } of this.#disk.said) {
      const [kind, eventId] = text.split(" ")
      if (kind === "durable") {
        const missing = this.#missingOfEvent(eventId!, at)
        this.#look("durable", missing && `event ${eventId} was called durable before ${missing} was on the disk`)
        this.#demandDurable("secret", "an event was called durable", at, this.#under(join(this.#stateDir, "secrets")))
      } else if (kind === "sealed") {
        this.#demandDurable("sealed", "a seal was promised", at, this.#in("checkpoint"))
        this.#demandDurable("sealed", "a seal was promised", at, this.#in(".state/log.json"))
        this.#demandDurable("sealed", "a seal was promised", at, this.#isKey)
      }
    }
  }

  /** Every file that was given a name which others look at. */
  placings(): void {
    for (const name of this.#disk.names) {
      if (!this.#isPublic(name)) continue
      const late = name.content.writes.some(({ at, syncedAt }) => at <= name.givenAt && syncedAt > name.givenAt)
      this.#look("placed", late ? `${name.path} got its name before its bytes were on the disk` : undefined)
      const told = `${name.path} was put in place`
      const before = this.#before(name.path)
      if (before !== undefined) this.#demandDurable(before.rule, told, name.givenAt, before.needs)
    }
  }

  /** What must survive power loss before a file of the log is put in place. */
  #before(path: string): { rule: string; needs: (name: Name) => boolean } | undefined {
    if (path === join(this.#logDir, ".state/log.json")) return { rule: "identity", needs: this.#isKey }
    if (path === join(this.#logDir, ".state/tree.json"))
      return { rule: "tree", needs: this.#under(join(this.#logDir, "tile")) }
    if (path === join(this.#logDir, "checkpoint"))
      return { rule: "checkpoint", needs: this.#under(join(this.#stateDir, "signed")) }
    if (path.startsWith(join(this.#stateDir, "signed/")) && path.endsWith(".json"))
      return { rule: "signature", needs: this.#in(".state/tree.json") }
    return undefined
  }

  /** A value kept beside the log is there before the entry that commits to it. */
  partsBeforeEntries(): void {
    const parts = this.#disk.names.filter(({ path }) => path.startsWith(join(this.#logDir, ".state/parts/")))
    for (const part of parts) {
      for (const write of part.content.writes) {
        const eventId = eventIdIn(write)
        const entry = this.#lines().find(({ write: line }) => eventIdIn(line) === eventId)
        if (entry === undefined) continue
        const missing = this.#disk.missingAt(part, entry.write.at - 1, (other) => other === write)
        this.#look("part", missing && `the entry of event ${eventId} was written before ${missing} was on the disk`)
      }
    }
  }

  /** A journal goes once a checkpoint holds it, a part once the payload store does. */
  removals(): void {
    for (const { path, madeAt, goneAt, content } of this.#disk.names) {
      if (goneAt === Number.POSITIVE_INFINITY || content.writes.length === 0) continue
      if (path.startsWith(join(this.#logDir, ".state/journal/"))) {
        const checkpoint = this.#disk.nameAt(join(this.#logDir, "checkpoint"), goneAt)
        const last = content.writes.at(-1)!.at
        const isCovered = checkpoint !== undefined && checkpoint.givenAt > last
        const missing = isCovered ? this.#disk.missingAt(checkpoint, goneAt) : "a checkpoint of its lines"
        this.#look("journal removed", missing && `${path} was removed before ${missing} was on the disk`)
      } else if (path.startsWith(join(this.#logDir, ".state/parts/"))) {
        this.#demandDurable("part removed", `${path} was removed`, goneAt, this.#in(".state/payloads.sqlite"))
        this.#look(
          "part removed",
          this.#isCommitted(madeAt, goneAt) ? undefined : `${path} was removed before its commit was on the disk`,
        )
      }
    }
  }

  /** SQLite commits by removing its journal: that must survive power loss too, or the journal undoes the commit. */
  #isCommitted(from: number, at: number): boolean {
    const journal = join(this.#logDir, ".state/payloads.sqlite-journal")
    const past = this.#disk.names.filter(({ path, madeAt }) => path === journal && madeAt > from && madeAt < at)
    return past.length > 0 && past.every(({ goneSyncedAt }) => goneSyncedAt < at)
  }

  #missingOfEvent(eventId: string, at: number): string | undefined {
    const lines = this.#lines().filter(({ write }) => eventIdIn(write) === eventId && write.at < at)
    const missing = lines.map(({ name, write }) => this.#disk.missingAt(name, at, (other) => other === write))
    return missing.includes(undefined) ? undefined : (missing[0] ?? "its line")
  }

  #lines(): { name: Name; write: Write }[] {
    const segments = this.#disk.names.filter(({ path }) => path.startsWith(join(this.#logDir, ".state/journal/")))
    return segments.flatMap((name) => name.content.writes.map((write) => ({ name, write })))
  }

  #demandDurable(rule: string, told: string, at: number, which: (name: Name) => boolean): void {
    const needed = this.#disk.names.filter((name) => name.madeAt < at && name.goneAt >= at && which(name))
    for (const missing of needed.map((name) => this.#disk.missingAt(name, at)))
      this.#look(rule, missing && `${told} before ${missing} was on the disk`)
  }

  #in(path: string): (name: Name) => boolean {
    return (name) => name.path === join(this.#logDir, path)
  }

  /** Files that are no temporary ones, nor those of a lock. */
  #under(directory: string): (name: Name) => boolean {
    return ({ path }) => path.startsWith(`${directory}/`) && !/\.tmp-|\.lock(-journal)?$/.test(path)
  }

  #isPublic({ path, content }: Name): boolean {
    const inside = path.startsWith(`${this.#logDir}/`) || path.startsWith(`${this.#stateDir}/`)
    const opened = content.writes.length === 0 || content.writes[0]!.at > 0
    return inside && opened && !/\.tmp-|\.sqlite|\/lock|\.lock/.test(path)
  }
}

function eventIdIn({ text }: Write): string | undefined {
  return /event_id\\":\\"([0-9a-f-]{36})\\"/.exec(text)?.[1]
}
