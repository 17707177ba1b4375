// Hosts MicroPython and nothing else. Python speaks to it over two pipes, one frame at a time:
//
//   u32 length of the payload, u8 kind, payload (little-endian)
//
// Python asks (kinds S X M F) and gets one D or E. Until that comes, what the firmware does to its
// board arrives at Python as R W B and is answered there with A: the chips live in Python.
// Everything is synchronous, as a bus is to a firmware; nothing here ever waits on an event loop.

import fs from "node:fs";

const HEADER = 5;
const modulePath = process.argv[2];
const [FROM_PYTHON, TO_PYTHON, heapKib] = process.argv.slice(3).map(Number);

const inbox = Buffer.alloc(1 << 20);
const outbox = Buffer.alloc(1 << 20);

function send(kind, length) {
  outbox.writeUInt32LE(length, 0);
  outbox.writeUInt8(kind.charCodeAt(0), 4);
  let sent = 0;
  while (sent < HEADER + length) sent += fs.writeSync(TO_PYTHON, outbox, sent, HEADER + length - sent);
}

// Reads one frame into inbox and returns the length of its payload.
function receive() {
  let have = 0;
  let want = HEADER;
  while (have < want) {
    const n = fs.readSync(FROM_PYTHON, inbox, have, inbox.length - have, null);
    if (n === 0) process.exit(0);
    have += n;
    if (have >= HEADER) want = HEADER + inbox.readUInt32LE(0);
    if (want > inbox.length) throw new Error("a frame of more than 1 MiB");
  }
  return want - HEADER;
}

const { loadMicroPython } = await import(modulePath);
let printed = [];
const mp = await loadMicroPython({
  heapsize: heapKib * 1024,
  stdout: (bytes) => printed.push(bytes[0]),
  linebuffer: false,
});
const machine = mp._module;
let reading = [0, 0];

// What the board inside the VM calls. Addresses point into the VM's memory: no object is made
// there for a transfer. HEAPU8 is fetched anew each time because a grown memory replaces it.
function call(what, value) {
  outbox.writeUInt8(what, HEADER);
  outbox.writeInt32LE(value, HEADER + 1);
  send("B", 5);
  receive();
  return inbox.readInt32LE(HEADER);
}

mp.registerJsModule("hostbus", {
  // All but the length return a status: 0 or more is good, under 0 an errno or STOP.
  read(bus, address, register, pointer, length) {
    outbox.writeUInt8(bus, HEADER);
    outbox.writeUInt8(address, HEADER + 1);
    outbox.writeUInt8(register, HEADER + 2);
    outbox.writeUInt16LE(length, HEADER + 3);
    send("R", 5);
    const got = receive();
    machine.HEAPU8.set(inbox.subarray(HEADER + 4, HEADER + got), pointer);
    return inbox.readInt32LE(HEADER);
  },
  write(bus, address, register, pointer, length) {
    outbox.writeUInt8(bus, HEADER);
    outbox.writeUInt8(address, HEADER + 1);
    outbox.writeUInt8(register, HEADER + 2);
    outbox.set(machine.HEAPU8.subarray(pointer, pointer + length), HEADER + 3);
    send("W", 3 + length);
    receive();
    return inbox.readInt32LE(HEADER);
  },
  call,
  // What always succeeds; the numbers stand in host.py.
  ticks_ms: () => call(2, 0),
  time_s: () => call(10, 0) - 1,
  set_clock: (time_s) => call(13, time_s),
  console_read: () => call(14, 0) - 1,
  // Where the reading lies, told once a step: Python gets its integers with the step's answer.
  reading(pointer, length) {
    reading = [pointer, length];
  },
  // Time this process had on a processor: what else runs on the machine does not count.
  cpu_us() {
    const used = process.cpuUsage();
    return used.user + used.system;
  },
});

// An exception is printed inside, which takes no memory; carried out here as an object it would ask
// a full heap for more, and MicroPython would stand still over that. Its names are short: what is no
// part of a device is to take little room in its heap.
const FAILED = -1000;
mp.runPython(`
import gc, micropython, sys
def _0(code):
    try:
        exec(code, globals())
        return 0
    except BaseException as error:
        sys.print_exception(error)
        return ${FAILED}
def _1(now_ms):
    try:
        return board.step(now_ms)
    except BaseException as error:
        sys.print_exception(error)
        return ${FAILED}
def _2():
    gc.collect()
def _3():
    micropython.mem_info()
`);
const [run, step, collect, memory] = ["_0", "_1", "_2", "_3"].map((name) => mp.globals.get(name));

// From here on the memory is what it is. Growing is refused, and all that malloc still has is
// taken, but for holes through which arguments, texts and directory entries pass. A new piece of
// MicroPython heap is never smaller than the first one, so the holes cannot become heap.
if (heapKib > 0) {
  WebAssembly.Memory.prototype.grow = () => {
    throw new RangeError("the heap is capped");
  };
  const holes = [];
  for (let i = 0; i < 20; i++) {
    holes.push(machine._malloc(i < 16 ? 1024 : 4096));
    machine._malloc(16); // keeps the holes apart
  }
  for (let size = 1 << 24; size >= 16; size >>= 1) while (machine._malloc(size));
  holes.forEach((hole) => machine._free(hole));
}

// Answers with the result, the reading, and what was printed meanwhile.
function done(result) {
  const text = Buffer.from(printed);
  printed = [];
  if (result === FAILED) {
    text.copy(outbox, HEADER);
    send("E", text.length);
    return;
  }
  const [pointer, length] = reading;
  outbox.writeInt32LE(result, HEADER);
  outbox.writeUInt32LE(length, HEADER + 4);
  outbox.set(machine.HEAPU8.subarray(pointer, pointer + 4 * length), HEADER + 8);
  text.copy(outbox, HEADER + 8 + 4 * length);
  send("D", 8 + 4 * length + text.length);
}

for (;;) {
  const length = receive();
  const kind = String.fromCharCode(inbox[4]);
  if (kind === "S") {
    done(step(inbox.readInt32LE(HEADER)));
  } else if (kind === "X") {
    if (heapKib > 0 && length > 4000) throw new Error("under a cap, run takes 4000 bytes of code");
    done(run(inbox.toString("utf8", HEADER, HEADER + length)));
  } else if (kind === "M") {
    collect(); // which happens when it has returned
    memory();
    done(0);
  } else if (kind === "F") {
    const end = HEADER + 2 + inbox.readUInt16LE(HEADER);
    const path = inbox.toString("utf8", HEADER + 2, end);
    mp.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")) || "/");
    // A copy: the file system keeps what it is given, and inbox is used again.
    const content = Uint8Array.from(inbox.subarray(end, HEADER + length));
    if (!path.endsWith("/")) mp.FS.writeFile(path, content);
    done(0);
  }
}
