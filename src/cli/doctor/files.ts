/**
 * The files of a log: who may read and write them, links, and what is left over. Reads only.
 * @module
 */
import * as fs from "node:fs"
import { isTemporaryName } from "../../store/index.ts"
import { type Diagnosis, note, ok, type Patient, problem, sizeText, someOf } from "./diagnosis.ts"

/** Temporary files of a process that still works are younger. */
const LEFT_OVER_MS = 3_600_000

/** One file or directory, by its path inside the log. */
interface Listed {
  readonly path: string
  readonly stats: fs.Stats
}

/** Everything below a log directory, the directory itself included. */
function listAll(root: string): Listed[] {
  const found: Listed[] = [{ path: ".", stats: fs.lstatSync(root) }]
  for (let n = 0; n < found.length; n++) {
    const { path, stats } = found[n]!
    if (!stats.isDirectory()) continue
    for (const name of fs.readdirSync(`${root}/${path}`)) {
      const inside = path === "." ? name : `${path}/${name}`
      // It may be gone by now: others work here.
      const its = fs.lstatSync(`${root}/${inside}`, { throwIfNoEntry: false })
      if (its !== undefined) found.push({ path: inside, stats: its })
    }
  }
  return found
}

/** Looks at the files of a log. */
export function examineFiles({ root, nowMs }: Patient): Diagnosis[] {
  const files = listAll(root.path)
  const modes = process.platform === "win32" ? [] : permissions(root.path, root.access.fileMode === 0o660, files)
  return [...modes, links(files), ...leftOver(files, nowMs)]
}

/** The private state, and text logs, which hold what the journals hold. */
function isPrivate(path: string): boolean {
  return path.split("/").includes(".state") || /^[^/]+\.log$/.test(path)
}

function permissions(root: string, shared: boolean, files: readonly Listed[]): Diagnosis[] {
  const strangers = shared ? 0o007 : 0o077
  const may = ({ stats }: Listed, bits: number): boolean =>
    !stats.isSymbolicLink() && (stats.mode & strangers & bits) !== 0
  const exposed = files.filter((file) => may(file, 0o022) || (isPrivate(file.path) && may(file, 0o077)))
  const visible = files.filter((file) => !exposed.includes(file) && may(file, 0o055))
  const own = process.getuid?.()
  const foreign = files.filter(({ stats }) => own !== undefined && own !== 0 && stats.uid !== own)
  const found: Diagnosis[] = []
  if (exposed.length > 0)
    found.push(
      problem(
        "permissions",
        `others than the owner${shared ? " and the group" : ""} can change the log or read its private part: ${someOf(paths(exposed))}`,
        `run chmod -R ${shared ? "o" : "go"}-rwx ${root}`,
      ),
    )
  if (visible.length > 0)
    found.push(
      note(
        "permissions",
        `others can read the public part of the log: ${someOf(paths(visible))}`,
        `right if the log is published; else run chmod -R ${shared ? "o" : "go"}-rwx ${root}`,
      ),
    )
  if (foreign.length > 0 && !shared)
    found.push(
      note(
        "permissions",
        `${foreign.length} files belong to another user: ${someOf(paths(foreign))}`,
        "run this as the user who records, or let a group in with secureml audit init --group",
      ),
    )
  return found.length > 0
    ? found
    : [
        ok(
          "permissions",
          shared ? "one group and nobody else can read and write the log" : "nobody else can read or write the log",
        ),
      ]
}

function links(files: readonly Listed[]): Diagnosis {
  const found = files.filter(({ stats }) => !(stats.isFile() || stats.isDirectory()))
  if (found.length === 0) return ok("links", "there are no links, pipes or devices in the log")
  return problem(
    "links",
    `there are links, pipes or devices in the log: ${someOf(paths(found))}`,
    "they are never followed; remove them",
  )
}

function leftOver(files: readonly Listed[], nowMs: number): Diagnosis[] {
  const there = new Set(paths(files))
  const old = files.filter(
    ({ path, stats }) => isTemporaryName(path.slice(path.lastIndexOf("/") + 1)) && nowMs - stats.mtimeMs > LEFT_OVER_MS,
  )
  const superseded = files.filter(
    ({ path, stats }) => stats.isFile() && there.has(/^(tile\/.*)\.p\/\d+$/.exec(path)?.[1] ?? ""),
  )
  const [count, size] = [old.length + superseded.length, sizeText(sizeOf([...old, ...superseded]))]
  if (count === 0) return [ok("superseded", "no file is left over")]
  const message = `${superseded.length} partial files have been superseded, ${old.length} temporary ones were left behind, ${size} in all`
  return [note("superseded", message, "they do no harm; sealing removes most of them, and they may stay")]
}

function paths(files: readonly Listed[]): string[] {
  return files.map(({ path }) => path)
}

function sizeOf(files: readonly Listed[]): number {
  return files.reduce((sum, { stats }) => sum + stats.size, 0)
}
