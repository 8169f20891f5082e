/**
 * File systems that a test mounts and takes away: an ext4 on a loop device whose power can be cut, a small tmpfs, a
 * read-only view of a directory. Linux and root only; tests that need one are skipped with {@link mountsMissing}.
 * @module
 */
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { promisify } from "node:util"
import { afterEach, beforeEach } from "vitest"
import { closeIndexesUnder } from "../../src/store/index.ts"
import { collectGarbage } from "../garbage.ts"
import type { Place } from "../place.ts"

/**
 * EXT4_IOC_SHUTDOWN with NOLOGFLUSH: from here on nothing reaches the disk, as when the power fails. Each program says
 * the monotonic time in nanoseconds before it does it.
 */
const CUTTERS: readonly (readonly string[])[] = [
  [
    "perl",
    "-MTime::HiRes=clock_gettime,CLOCK_MONOTONIC",
    "-e",
    'open(my $d, "<", $ARGV[0]) or die $!; printf("%.0f", 1e9 * clock_gettime(CLOCK_MONOTONIC)); defined(ioctl($d, 0x8004587D, pack("L", 2))) or die $!',
  ],
  [
    "python3",
    "-c",
    'import fcntl, os, struct, sys, time; d = os.open(sys.argv[1], os.O_RDONLY); print(time.monotonic_ns()); fcntl.ioctl(d, 0x8004587D, struct.pack("I", 2))',
  ],
]
/** Metadata is committed by syncs alone, and a rename brings no data along: what ext4 does to be kind is off. */
const UNKIND = "loop,commit=300,noauto_da_alloc"
const IMAGE_BYTES = 256 * 1024 * 1024

function run(command: string, ...args: readonly string[]): string {
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` }
  const { status, stderr, stdout, error } = spawnSync(command, args, { encoding: "utf8", env })
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`)
  return stdout
}

function works(command: string, ...args: readonly string[]): boolean {
  try {
    run(command, ...args)
    return true
  } catch {
    // Told by the notice of the skipped test.
    return false
  }
}

/** An ext4 of its own at a mount point. */
export class Disk {
  readonly #mountPoint: string
  readonly #image: string
  #options = UNKIND

  constructor(mountPoint: string, image = `${mountPoint}.img`) {
    this.#mountPoint = mountPoint
    this.#image = image
  }

  /** Makes it and mounts it. */
  make(moreOptions = "", sizeBytes = IMAGE_BYTES): void {
    this.#options = `${UNKIND}${moreOptions}`
    fs.writeFileSync(this.#image, "")
    fs.truncateSync(this.#image, sizeBytes)
    run("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=1", this.#image)
    this.prepare(this.#image)
    run("mount", "-o", this.#options, this.#image, this.#mountPoint)
    this.mounted(this.#mountPoint)
  }

  /** What is done with the image before it is mounted for the first time, and with the mount then. */
  protected prepare(_image: string): void {
    return
  }
  protected mounted(_mountPoint: string): void {
    return
  }

  /**
   * Whatever is not on the disk at this moment is lost; processes that write to it get EIO.
   *
   * @returns The moment, in milliseconds of the monotonic clock that `process.hrtime` shows in every process. A sync
   * that returns only after it proves nothing: the kernel may say that it succeeded.
   */
  async cutPower(): Promise<number> {
    const reasons: string[] = []
    for (const [program, ...code] of CUTTERS) {
      try {
        // Not synchronously: whoever writes to a pipe of this process must not be held up.
        const { stdout } = await promisify(execFile)(program!, [...code, this.#mountPoint])
        return Number(stdout) / 1e6
      } catch (error) {
        reasons.push(String(error))
      }
    }
    throw new Error(reasons.join("\n"))
  }

  /** Mounts it again after a cut, as a boot would; every process on it must have ended. */
  async restorePower(): Promise<void> {
    await unmount(this.#mountPoint)
    run("mount", "-o", this.#options, this.#image, this.#mountPoint)
  }

  remove(): void {
    works("umount", "--lazy", this.#mountPoint)
    fs.rmSync(this.#image, { force: true })
  }
}

/**
 * An ext4 on a disk that promises more room than it has: once it has run out, what a file system put into its cache
 * cannot be written any more, and the syncs of it fail. Its own tables have their place, so that it goes on.
 */
export class ThinDisk extends Disk {
  readonly #pool: string

  constructor(mountPoint: string) {
    super(mountPoint, `${mountPoint}.thin/image`)
    this.#pool = `${mountPoint}.thin`
  }

  override make(): void {
    fs.mkdirSync(this.#pool)
    run("mount", "-t", "tmpfs", "-o", "size=48m", "none", this.#pool)
    super.make(",errors=continue", 32 * 1024 * 1024)
  }

  /** Gives every block of a new image its place; what the file system does not use is given back once it is mounted. */
  protected override prepare(image: string): void {
    run("cp", "--sparse=never", image, `${image}.whole`)
    fs.renameSync(`${image}.whole`, image)
  }

  protected override mounted(mountPoint: string): void {
    run("fstrim", mountPoint)
    // A loop device takes a request that was half written for one that was written: each is one page.
    const device = run("findmnt", "--noheadings", "--output", "SOURCE", mountPoint).trim()
    fs.writeFileSync(`/sys/block/${basename(device)}/queue/max_sectors_kb`, "4")
  }

  /** From here on writes fail. */
  fail(): void {
    const ballast = fs.openSync(join(this.#pool, "ballast"), "a")
    try {
      for (;;) fs.writeSync(ballast, Buffer.alloc(65_536))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
    } finally {
      fs.closeSync(ballast)
    }
  }

  /** From here on they do not. */
  heal(): void {
    fs.rmSync(join(this.#pool, "ballast"), { force: true })
  }

  override remove(): void {
    super.remove()
    works("umount", "--lazy", this.#pool)
    fs.rmdirSync(this.#pool)
  }
}

/** A process that was killed lets go of its files a moment later; this one when it has forgotten what it read. */
async function unmount(mountPoint: string): Promise<void> {
  closeIndexesUnder(mountPoint)
  collectGarbage()
  for (let left = 1_500; !works("umount", mountPoint); left--) {
    if (left === 0) run("umount", mountPoint)
    await wait(20)
    if (left % 50 === 0) collectGarbage()
  }
}

/** Gives every test a directory to mount on, with the log in it; the state directory is on another file system. */
export function useMountPoint(place: Place): { path: string } {
  const point = { path: "" }
  beforeEach(() => {
    point.path = join(place.directory, "mounted")
    fs.mkdirSync(point.path)
    place.logDir = join(point.path, "log")
  })
  return point
}

/** What a test mounted is unmounted after it. Call it after `usePlace`: its directories are removed last. */
export function useMounts(): {
  readonly disk: (mountPoint: string, moreOptions?: string) => Disk
  readonly thinDisk: (mountPoint: string) => ThinDisk
  readonly tmpfs: (mountPoint: string, options: string) => void
  readonly readOnlyView: (directory: string, mountPoint: string) => void
} {
  const undo: (() => void)[] = []
  afterEach(() => {
    for (const step of undo.splice(0).reverse()) step()
  })
  const unmountLater = (mountPoint: string): void => {
    undo.push(() => works("umount", "--lazy", mountPoint))
  }
  const made = <T extends Disk>(disk: T, moreOptions?: string): T => {
    undo.push(() => disk.remove())
    disk.make(moreOptions)
    return disk
  }
  return {
    disk: (mountPoint, moreOptions) => made(new Disk(mountPoint), moreOptions),
    thinDisk: (mountPoint) => made(new ThinDisk(mountPoint)),
    tmpfs(mountPoint, options) {
      run("mount", "-t", "tmpfs", "-o", options, "none", mountPoint)
      unmountLater(mountPoint)
    },
    readOnlyView(directory, mountPoint) {
      run("mount", "--bind", directory, mountPoint)
      unmountLater(mountPoint)
      run("mount", "-o", "remount,ro,bind", mountPoint)
    },
  }
}

/** Why nothing can be mounted here, or undefined. */
function whyNoMounts(): string | undefined {
  if (process.platform !== "linux") return "needs Linux"
  if (process.getuid?.() !== 0) return "needs root"
  const directory = fs.mkdtempSync(join(tmpdir(), "secureml-probe-"))
  try {
    if (!works("mount", "-t", "tmpfs", "none", directory)) return "needs the right to mount"
    run("umount", directory)
    return undefined
  } finally {
    fs.rmdirSync(directory)
  }
}

/** Why no power can be cut here, or undefined. */
async function whyNoPowerCuts(): Promise<string | undefined> {
  if (!works("mkfs.ext4", "-V")) return "needs the Debian package e2fsprogs"
  const directory = fs.mkdtempSync(join(tmpdir(), "secureml-probe-"))
  const disk = new Disk(directory)
  try {
    disk.make()
    await disk.cutPower()
    return undefined
  } catch (error) {
    return `needs loop devices, and perl or python3: ${String(error)}`
  } finally {
    disk.remove()
    fs.rmdirSync(directory)
  }
}

/** Why tests that mount something are skipped; undefined where they run. */
export const mountsMissing: string | undefined = whyNoMounts()
/** Why tests that cut the power are skipped; undefined where they run. */
export const powerCutsMissing: string | undefined = mountsMissing ?? (await whyNoPowerCuts())
/** Behind the title of a test that is skipped. */
export function notice(missing: string | undefined): string {
  return missing === undefined ? "" : ` (skipped: ${missing})`
}
