/**
 * Preloaded into a child: a wall clock that can be set. It is `CLOCK_SHIFT_MS` ahead; `globalThis.clock.shiftMs` sets it
 * anew, and `globalThis.clock.stoppedAtMs` makes it stand still. `CLOCK_SPEED` makes the monotonic clock and the timers
 * so many times as fast.
 * @module
 */
const RealDate = Date
const realNow = Date.now.bind(Date)
globalThis.clock = { shiftMs: Number(process.env.CLOCK_SHIFT_MS ?? 0), stoppedAtMs: undefined }
const now = () => globalThis.clock.stoppedAtMs ?? realNow() + globalThis.clock.shiftMs

globalThis.Date = class extends RealDate {
  constructor(...parameters) {
    if (parameters.length === 0) super(now())
    else super(...parameters)
  }

  static now() {
    return now()
  }
}

const speed = Number(process.env.CLOCK_SPEED ?? 1)
if (speed !== 1) {
  const monotonic = performance.now.bind(performance)
  const startTimer = setTimeout
  performance.now = () => monotonic() * speed
  globalThis.setTimeout = (callback, waitMs, ...parameters) => startTimer(callback, waitMs / speed, ...parameters)
}
