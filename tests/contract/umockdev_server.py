"""A fake /dev/i2c-1 and a fake hwmon tree for a child process, through umockdev.

    umockdev-wrapper /usr/bin/python3 umockdev_server.py COMMAND [ARGUMENT...]

The child's own system calls are real; umockdev's preloaded library carries those on /dev/i2c-1 to
this process and shows the child a /sys of ours. What each call comes to is not decided here: it
goes down a socket (``JOULESPLIT_WIRE_FD``) to the child, where a thread asks the simulated chip.
The kernel's own checks, as that of an address which a driver holds, are answered the same way.

Runs under Debian's Python, which has ``gi`` and none of this project's libraries. What this cannot
show: i2c-dev and the SMBus core themselves, and programs that are linked statically.
"""

import errno
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402 - the version has to be required first

# linux/i2c-dev.h and linux/i2c.h
I2C_RETRIES, I2C_TIMEOUT, I2C_SLAVE, I2C_FUNCS = 0x701, 0x702, 0x703, 0x705
I2C_SLAVE_FORCE, I2C_RDWR, I2C_SMBUS = 0x706, 0x707, 0x720
FUNCTIONALITY_OF_BCM2835 = 0x0EFF0001
MESSAGE_BYTES = 16  # struct i2c_msg on a 64-bit machine
MESSAGE_READ = 1
SMBUS_DATA_BYTES = 34
SMBUS_LENGTHS = {2: 1, 3: 2}  # byte data, word data

I2C_NODE = """\
P: {parent}/i2c-dev/i2c-1
N: i2c-1
E: DEVNAME=/dev/i2c-1
E: SUBSYSTEM=i2c-dev
E: MAJOR=89
E: MINOR=1
A: dev=89:1
A: name=bcm2835 (i2c@7e804000)
"""
TREES = Path(__file__).with_name("hwmon_trees.json")
"""A directory for each kind of monitor, written after the kernel's documentation of its driver."""


class Wire:
    """The socket to the child: one question, one answer, a line of JSON each."""

    def __init__(self, end):
        self._stream = end.makefile("rw")

    def ask(self, **question):
        """Return the bytes read; raises the error that the child answers with."""
        self._stream.write(json.dumps(question) + "\n")
        self._stream.flush()
        answer = json.loads(self._stream.readline())
        if answer["errno"]:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        return bytes(answer["data"])


class I2cDevice(UMockdev.IoctlBase):
    """The calls of i2c-dev, taken apart into transfers of bytes."""

    def __init__(self, wire):
        super().__init__()
        self._wire = wire
        self._address = {}

    def do_handle_ioctl(self, client):
        return complete(client, lambda: self._ioctl(client))

    def do_handle_read(self, client):
        return complete(client, lambda: self._plain(client, is_read=True))

    def do_handle_write(self, client):
        return complete(client, lambda: self._plain(client, is_read=False))

    def _plain(self, client, *, is_read):
        buffer = client.get_arg()
        content = bytes(buffer.retrieve())
        address = self._address[client]
        if is_read:
            buffer.update(0, self._transfer(address, b"", len(content)))
        else:
            self._transfer(address, content, 0)
        return len(content)

    def _ioctl(self, client):
        request = client.get_request()
        (value,) = struct.unpack("Q", bytes(client.get_arg().retrieve()))
        if request in (I2C_SLAVE, I2C_SLAVE_FORCE):
            self._wire.ask(kind="select", address=value, forced=request == I2C_SLAVE_FORCE)
            self._address[client] = value
            return 0
        if request in (I2C_TIMEOUT, I2C_RETRIES):
            return 0
        if request == I2C_FUNCS:
            client.get_arg().resolve(0, 8).update(0, struct.pack("Q", FUNCTIONALITY_OF_BCM2835))
            return 0
        if request == I2C_SMBUS:
            return self._smbus(client)
        if request == I2C_RDWR:
            return self._combined(client)
        raise OSError(errno.ENOTTY, "not a request of i2c-dev")

    def _smbus(self, client):
        head = client.get_arg().resolve(0, 16)
        is_read, command, size, _ = struct.unpack("BBxxIQ", bytes(head.retrieve()))
        if size not in SMBUS_LENGTHS:
            raise OSError(errno.EOPNOTSUPP, "only byte and word data")
        data, length = head.resolve(8, SMBUS_DATA_BYTES), SMBUS_LENGTHS[size]
        address = self._address[client]
        if is_read:
            data.update(0, self._transfer(address, bytes([command]), length))
        else:
            self._transfer(address, bytes([command]) + bytes(data.retrieve())[:length], 0)
        return 0

    def _combined(self, client):
        head = client.get_arg().resolve(0, 16)
        _, count = struct.unpack("QI4x", bytes(head.retrieve()))
        messages = head.resolve(0, MESSAGE_BYTES * count)
        raw = bytes(messages.retrieve())
        for index in range(count):
            offset = MESSAGE_BYTES * index
            address, flags, length, _ = struct.unpack_from("HHHxxQ", raw, offset)
            buffer = messages.resolve(offset + 8, length)
            if flags & MESSAGE_READ:
                buffer.update(0, self._transfer(address, b"", length))
            else:
                self._transfer(address, bytes(buffer.retrieve()), 0)
        return count

    def _transfer(self, address, written, length):
        return self._wire.ask(
            kind="transfer", address=address, written=list(written), length=length
        )


def complete(client, action):
    """Answer a call with what the action returns, or with the error it raises."""
    try:
        result, code = action(), 0
    except OSError as error:
        result, code = -1, error.errno
    except Exception as error:  # noqa: BLE001 - what is raised in a callback would be lost
        print(f"umockdev_server: {error!r}", file=sys.stderr)  # noqa: T201 - shown on failure
        result, code = -1, errno.EIO
    client.complete(result, code)
    return True


def main():
    """Serve the child until it ends; return its exit status."""
    bed = UMockdev.Testbed.new()
    adapter = bed.add_device("i2c", "i2c-1", None, ["name", "bcm2835"], ["DEVTYPE", "i2c_adapter"])
    bed.add_from_string(I2C_NODE.format(parent=adapter.removeprefix("/sys")))
    for number, (name, tree) in enumerate(json.loads(TREES.read_text()).items()):
        files = tree["files"]
        chip = bed.add_device("i2c", f"1-{0x41 + number:04x}", adapter, ["name", files["name"]], [])
        flat = [part for item in files.items() for part in item]
        bed.add_device("hwmon", name, chip, flat, [])
    ours, theirs = socket.socketpair()
    bed.attach_ioctl("/dev/i2c-1", I2cDevice(Wire(ours)))
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    # Not by ``env=``: umockdev has put its own variables where os.environ does not see them.
    os.environ["JOULESPLIT_CHIP"] = "umockdev"
    os.environ["JOULESPLIT_WIRE_FD"] = str(theirs.fileno())
    status = subprocess.call(sys.argv[1:], pass_fds=[theirs.fileno()])
    bed.detach_ioctl("/dev/i2c-1")
    loop.quit()
    return status


if __name__ == "__main__":
    sys.exit(main())
