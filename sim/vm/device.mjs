// Runs MicroPython as a chip does: its file system, boot.py, main.py, the prompt.
//
//   node device.mjs MODULE FOLDER '{"machine": ..., "mac": ..., "levels": {...}, "raw": false,
//                             "wires": [from, to], "cause": 1, "watchdog_ms": 0}'
//
// Standard input and output are its serial line. FOLDER holds modules/ (what only the virtual chip
// has), flash/ and maybe data/ (its file systems), which are kept up to date whenever the prompt is
// reached. It ends with one of the codes below when it is reset; then the chip starts it anew.
//
// What differs from a chip: a loop that neither sleeps nor asks the hardware cannot be interrupted,
// and garbage is collected only at the prompt, so the heap is left free to grow.

import fs from "node:fs";
import path from "node:path";

const SOFT = 10;
const SOFT_RAW = 11; // the prompt was raw: main.py is left out, as on a chip
const HARD = 12;
const BITTEN = 13; // by the watchdog
const [modulePath, folder, asked] = process.argv.slice(2);
const chip = JSON.parse(asked);

// Emscripten's file system answers with the error numbers of WASI, MicroPython and mpremote know
// those of Linux.
const ERRNO = { 2: 13, 8: 9, 10: 16, 20: 17, 28: 22, 29: 5, 31: 21, 43: 19, 44: 2, 51: 28, 54: 20, 55: 39, 63: 1 };
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = (binary, imports) => {
  const env = { ...imports.env };
  for (const [name, call] of Object.entries(env)) {
    if (!name.startsWith("__syscall_")) continue;
    env[name] = (...args) => {
      const result = call(...args);
      return typeof result === "number" && result < 0 ? -(ERRNO[-result] ?? -result) : result;
    };
  }
  return instantiate(binary, { ...imports, env });
};

// What is printed goes out in pieces; a sleep, a full piece or the prompt sends it.
const out = Buffer.alloc(4096);
let filled = 0;
let swallow = 0;
function put(byte) {
  if (swallow > 0) {
    swallow--;
    return;
  }
  out[filled++] = byte;
  if (filled === out.length) flush();
}
function flush() {
  let sent = 0;
  while (sent < filled) sent += fs.writeSync(1, out, sent, filled - sent);
  filled = 0;
}
function say(text) {
  for (const byte of Buffer.from(text, "latin1")) put(byte);
}

const { loadMicroPython } = await import(modulePath);
const mp = await loadMicroPython({
  stdout: (bytes) => bytes.forEach(put),
  linebuffer: false,
});
const machine = mp._module;

// What the host sends: read as it comes while the prompt waits, asked for while a program runs.
const inbox = [];
let wake = null;
process.stdin.on("data", (chunk) => {
  inbox.push(...chunk);
  if (wake) wake();
});
process.stdin.on("end", () => process.exit(0));
const piece = Buffer.alloc(4096);
function poll() {
  let count = 0;
  try {
    count = fs.readSync(0, piece, 0, piece.length, null);
  } catch (error) {
    if (error.code !== "EAGAIN") throw error;
  }
  if (count) inbox.push(...piece.subarray(0, count));
  const at = inbox.indexOf(3);
  if (at >= 0) {
    inbox.splice(0, at + 1);
    machine._mp_sched_keyboard_interrupt();
    return true;
  }
  return false;
}

// What hangs on the pins is asked over two pipes, a frame at a time; see wires.py.
const ENODEV = 19;
const frame = Buffer.alloc(1 << 16);
function words(...values) {
  return [...new Uint8Array(Uint32Array.from(values).buffer)];
}
function wire(kind, payload, pointer = 0) {
  poll();
  if (!chip.wires) return -ENODEV;
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt8(kind.charCodeAt(0), 4);
  frame.set(payload, 5);
  const asked_ms = Date.now();
  fs.writeSync(chip.wires[1], frame, 0, 5 + payload.length);
  let have = 0;
  let want = 4;
  while (have < want) {
    const count = fs.readSync(chip.wires[0], frame, have, want - have, null);
    if (count === 0) process.exit(0);
    have += count;
    if (have === 4) want = 4 + frame.readUInt32LE(0);
  }
  bites_ms += Date.now() - asked_ms; // a part answers at once: a busy host is nobody's hang
  if (want > 8) machine.HEAPU8.set(frame.subarray(8, want), pointer);
  return frame.readInt32LE(4);
}

// A soft reset ends the timers and not the watchdog: whoever fed it by one has to begin again.
let timeout_ms = chip.watchdog_ms;
let fed = false; // by a timer
let bites_ms = Infinity;
function feed() {
  bites_ms = timeout_ms && !fed ? Date.now() + timeout_ms : Infinity;
}
function watch() {
  if (Date.now() > bites_ms) leave(BITTEN);
}
feed();
setInterval(watch, 50).unref();
const still = new Int32Array(new SharedArrayBuffer(4));
function wait(ms) {
  flush();
  const until = Date.now() + ms;
  for (;;) {
    watch();
    if (poll()) return; // interrupted
    const left = until - Date.now();
    if (left <= 0) return;
    Atomics.wait(still, 0, 0, Math.min(left, 40));
  }
}

mp.registerJsModule("hostchip", {
  machine: () => chip.machine,
  mac: () => chip.mac,
  pin: (number, level) => {
    if (chip.wires) return wire("P", [number, level & 0xff]);
    poll();
    return level < 0 ? (chip.levels[number] ?? -ENODEV) : 0;
  },
  volts: () => (chip.wires ? wire("V", []) : 0),
  tone: (hz, duty) => (chip.wires ? wire("T", words(hz, duty)) : 0),
  // Addresses point into MicroPython's memory: no object is made there for a transfer.
  read: (scl, address, register, pointer, length) =>
    wire("R", [scl, address, register, length & 0xff, length >> 8], pointer),
  write: (scl, address, register, pointer, length) =>
    wire("W", [scl, address, register, ...machine.HEAPU8.subarray(pointer, pointer + length)]),
  partition: (label) => (fs.existsSync(path.join(folder, label)) ? `/partition_${label}` : ""),
  poll,
  waiting: () => {
    poll();
    return inbox.length;
  },
  take: () => inbox.shift() ?? 0,
  sleep: wait,
  cause: () => chip.cause,
  watchdog: (ms) => {
    timeout_ms = ms;
    feed();
  },
  timer: (runs) => {
    fed = runs;
    feed();
  },
  feed: () => {
    watch();
    feed();
  },
  reset: () => leave(HARD),
});

// The file systems, in and out: what is on disk is what was last seen here.
const mounts = { flash: "/flash", modules: "/modules" };
if (fs.existsSync(path.join(folder, "data"))) mounts.data = "/partition_data";
const seen = new Map();
function copyIn(from, to) {
  mp.FS.mkdirTree(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), `${to}/${entry.name}`];
    if (entry.isDirectory()) copyIn(source, target);
    else mp.FS.writeFile(target, fs.readFileSync(source));
  }
}
function walk(at, found = new Map()) {
  for (const name of mp.FS.readdir(at)) {
    if (name === "." || name === "..") continue;
    const stat = mp.FS.stat(`${at}/${name}`);
    const isFolder = mp.FS.isDir(stat.mode);
    found.set(`${at}/${name}`, isFolder ? "folder" : `${stat.mtime.getTime()} ${stat.size}`);
    if (isFolder) walk(`${at}/${name}`, found);
  }
  return found;
}
function outside(inside) {
  const mount = Object.keys(mounts).find((name) => inside.startsWith(`${mounts[name]}/`));
  return path.join(folder, mount, inside.slice(mounts[mount].length));
}
function copyOut() {
  for (const mount of ["flash", "data"]) {
    if (!mounts[mount]) continue;
    const now = walk(mounts[mount]);
    for (const [name, what] of now) {
      if (seen.get(name) === what) continue;
      if (what === "folder") fs.mkdirSync(outside(name), { recursive: true });
      else fs.writeFileSync(outside(name), mp.FS.readFile(name));
      seen.set(name, what);
    }
    for (const name of [...seen.keys()]) {
      if (!name.startsWith(`${mounts[mount]}/`) || now.has(name)) continue;
      fs.rmSync(outside(name), { recursive: true, force: true });
      seen.delete(name);
    }
  }
}
function leave(code) {
  if (code < HARD) {
    say("MPY: soft reboot\r\n");
    fs.writeFileSync(path.join(folder, "watchdog_ms"), String(timeout_ms));
  }
  flush();
  copyOut();
  process.exit(code);
}
for (const [name, inside] of Object.entries(mounts)) copyIn(path.join(folder, name), inside);
for (const mount of ["flash", "data"]) {
  if (mounts[mount]) for (const [name, what] of walk(mounts[mount])) seen.set(name, what);
}

mp.runPython("import sys; sys.path.insert(0, '/modules'); import start; start.begin(globals())");
const execute = mp.pyimport("start").execute;
let resets = execute("boot.py");
if (!resets && !chip.raw) resets = execute("main.py");
copyOut();
if (resets) leave(SOFT);

// The prompt. Pasting in raw mode is done here: it asks the port for a character, and this port has
// none to give. MicroPython gets the code as if it were typed in raw mode.
const WINDOW = 128;
let raw = false;
let fresh = true; // nothing was typed since the prompt
let held = []; // the beginning of what asks for a paste: Ctrl-E A Ctrl-A
let pasting = null;
mp.replInit();
if (chip.raw) type(1);

function type(byte) {
  if (byte === 1) raw = true;
  if (byte === 2) raw = false;
  fresh = byte < 5;
  if (mp.replProcessChar(byte)) leave(raw ? SOFT_RAW : SOFT);
  if (byte === 4 || byte === 13) copyOut();
}

function take(byte) {
  if (pasting) {
    if (byte === 3) {
      pasting = null;
      type(3);
    } else if (byte !== 4) {
      pasting.push(byte);
      if (pasting.length % WINDOW === 0) put(1);
    } else {
      put(4);
      const code = pasting;
      pasting = null;
      code.forEach(type);
      if (code.length) {
        swallow = 2; // "OK", which only typing is answered with
        type(4);
      } else {
        say("\x04\x04>");
      }
    }
    return;
  }
  if (raw && byte === [5, 65, 1][held.length] && (held.length || fresh)) {
    held.push(byte);
    if (held.length < 3) return;
    held = [];
    pasting = [];
    say(`R\x01${String.fromCharCode(WINDOW, 0)}\x01`);
    return;
  }
  const before = held;
  held = [];
  before.forEach(type);
  type(byte);
}

flush();
for (;;) {
  while (inbox.length) take(inbox.shift());
  flush();
  await new Promise((resolve) => (wake = resolve));
  wake = null;
}
