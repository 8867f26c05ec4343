"""Step registers of the stub's chip, one step for every line on stdin; a process of its own.

write_steps.py BUS ADDRESS REGISTER... < lines of words, one word for each register
"""

import sys

from smbus2 import SMBus


def main():
    bus_number, address, *registers = (int(argument, 0) for argument in sys.argv[1:])
    with SMBus(bus_number) as bus:
        for line in sys.stdin:
            for register, word in zip(registers, line.split(), strict=True):
                swapped = int.from_bytes(int(word).to_bytes(2, "big"), "little")
                bus.write_word_data(address, register, swapped, force=True)


if __name__ == "__main__":
    main()
