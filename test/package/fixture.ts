/**
 * Fixture projects that use the packed package as anyone would: its tarball unpacked into `node_modules/secureml`.
 * They live under `.tmp`, so that tools (jest, vite, tsc) resolve from the root's own `node_modules`.
 * @module
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The repository. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url))
/** Where fixtures are made; git ignores it. */
export const SCRATCH: string = join(ROOT, ".tmp/package")
/** The tarball and what is in it, made once a run by pack.ts. */
export const TARBALL: string = join(SCRATCH, "secureml.tgz")
export const UNPACKED: string = join(SCRATCH, "unpacked")

const SOURCES = fileURLToPath(new URL("fixtures", import.meta.url))

/** Makes the project `name`: `fixtures/<name>` if there is one, `files` on top, and the package installed. */
export function makeFixture(name: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = join(SCRATCH, "projects", name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (existsSync(join(SOURCES, name))) cpSync(join(SOURCES, name), folder, { recursive: true })
  cpSync(join(SOURCES, "round-trip.mjs"), join(folder, "round-trip.mjs"))
  // Without its own, the project would belong to this repository, whose name is the package's: imports would find dist.
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  cpSync(UNPACKED, join(folder, "node_modules/secureml"), { recursive: true })
  return folder
}

/** The environment of a user: nothing of npm's or Vitest's, and keys and state in the project itself. */
export function cleanEnvironment(folder: string): NodeJS.ProcessEnv {
  const foreign =
    /^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_local_prefix$|VITEST|VITE_|NODE_(OPTIONS|ENV|PATH|V8_COVERAGE|CHANNEL)|INIT_CWD$|TEST$|CI$|DEV$|PROD$|MODE$|SSR$|BASE_URL$|SECUREML_)/
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name))
  return { ...Object.fromEntries(kept), SECUREML_STATE_DIR: join(folder, "state"), NO_COLOR: "1" }
}

/** Runs Node in a project; an argument that begins with `root:` is a path in this repository. */
export function runNode(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): SpawnSyncReturns<string> {
  const resolved = args.map((argument) => argument.replace(/^root:/, ROOT))
  const env = { ...cleanEnvironment(folder), ...environment }
  return spawnSync(process.execPath, resolved, { cwd: folder, env, encoding: "utf8" })
}

/** Everything that a run printed, and how it ended: what a failed assertion should show. */
export function outcome(run: SpawnSyncReturns<string>): { status: number | null; output: string } {
  return { status: run.status, output: `${run.stdout}${run.stderr}` }
}
